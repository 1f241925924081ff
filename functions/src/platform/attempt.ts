import { setTimeout as sleep } from 'node:timers/promises';
import { type PlatformError, classify } from './errors.ts';

/** Tries inside one invocation, with waits that may add up to three seconds. */
export const TRIES_MAX = 5;
const FIRST_WAIT_MS = 200;

/**
 * Runs the work, again after a transient error, with full-jitter exponential waits in between.
 *
 * @throws {PlatformError} the last error, classified
 */
export async function attempt<T>(work: () => Promise<T>, random: () => number = Math.random): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await work();
    } catch (thrown) {
      const error: PlatformError = classify(thrown);
      if (!error.retryable || tried >= TRIES_MAX) throw error;
      await sleep(random() * FIRST_WAIT_MS * 2 ** (tried - 1));
    }
  }
}
