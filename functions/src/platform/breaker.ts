/**
 * Spares those who call from waiting for a dependency that answers nobody.
 *
 * What counts is silence, not failures: while calls wait and none of them is answered for {@link SILENCE_MAX_MS}, further ones are
 * refused at once, as something that may be tried again. One each {@link TRIAL_EVERY_MS} is let through all the same, and whatever
 * answers to anybody, be it with an error, ends the silence. So one call that hangs by itself, for its size or for a lock,
 * closes nobody out, and of a dependency that stands still only so many calls wait as came in the first seconds, and those tried since.
 */
import { classify, transient } from './errors.ts';

/** Far more than any answer takes that comes at all, and less than a person waits. */
export const SILENCE_MAX_MS = 5_000;
export const TRIAL_EVERY_MS = 1_000;

/** The code of a call that was not made. */
export const UNAVAILABLE = 'dependency-unavailable';
/** What a call ends with that was not answered: our own deadline, and gRPC's DEADLINE_EXCEEDED and UNAVAILABLE. */
const UNANSWERED = new Set(['deadline-exceeded', 'dependency-4', 'dependency-14']);

/** Between this process and one dependency. */
export class Breaker {
  readonly #dependency: string;
  readonly #warn: (message: string, fields: object) => void;
  readonly #now: () => number;
  #waiting = 0;
  /** Since when those who wait have heard nothing; it outlasts them, as their end is no answer. */
  #silentSince: number | undefined;
  #isOpen = false;
  #triedAt = Number.NEGATIVE_INFINITY;

  /** `warn` is told when the dependency falls silent and when it answers again; `now` is in milliseconds. */
  constructor(
    dependency: string,
    warn: (message: string, fields: object) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#dependency = dependency;
    this.#warn = warn;
    this.#now = now;
  }

  /**
   * Makes the call, unless the dependency answers nobody.
   *
   * @throws {PlatformError} `dependency-unavailable`, transient; or what the call throws
   */
  async run<T>(call: () => Promise<T>): Promise<T> {
    this.#admit();
    this.#waiting += 1;
    let isAnswered = true;
    try {
      return await call();
    } catch (error) {
      isAnswered = !UNANSWERED.has(classify(error).code);
      throw error;
    } finally {
      this.#waiting -= 1;
      if (isAnswered) this.#hear();
    }
  }

  #admit(): void {
    const now = this.#now();
    this.#silentSince ??= now;
    if (now - this.#silentSince < SILENCE_MAX_MS) return;
    if (!this.#isOpen) this.#warn('a dependency does not answer', { dependency: this.#dependency });
    this.#isOpen = true;
    if (now - this.#triedAt < TRIAL_EVERY_MS) throw transient(UNAVAILABLE, `${this.#dependency} does not answer`);
    this.#triedAt = now;
  }

  #hear(): void {
    if (this.#isOpen) this.#warn('a dependency answers again', { dependency: this.#dependency });
    this.#isOpen = false;
    this.#silentSince = this.#waiting > 0 ? this.#now() : undefined;
  }
}

/** An object whose methods, all of them asynchronous, go through a breaker. */
export function guarded<T extends object>(calls: T, breaker: Breaker): T {
  return new Proxy(calls, {
    get: (target, name): unknown => {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return (...args: unknown[]) => breaker.run(async (): Promise<unknown> => Reflect.apply(method, target, args));
    },
  });
}
