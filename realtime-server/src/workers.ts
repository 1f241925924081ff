import cluster from 'node:cluster';
import type { Logger } from 'pino';

/** What ended so soon after its start (Redis is away, a right is missing) would do so again, as fast as the machine allows. */
const SOON_MS = 10_000;
const REPLACED_AFTER_MS = 3_000;

/**
 * Starts so many processes like this one, which share the port that they listen on, and replaces each that ends. On SIGINT
 * or SIGTERM they are sent the same; this process ends when they have. To be called in the primary, once.
 */
export function keepWorkers(count: number, log: Pick<Logger, 'error'>): void {
  let stopping = false;
  const start = () => {
    if (stopping) return;
    const startedAt = performance.now();
    const worker = cluster.fork();
    worker.once('exit', (code: number | null, signal: string | null) => {
      if (stopping) return;
      log.error({ pid: worker.process.pid, code, signal }, 'a worker ended; another takes its place');
      setTimeout(start, performance.now() - startedAt < SOON_MS ? REPLACED_AFTER_MS : 0);
    });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      stopping = true;
      for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill(signal);
    });
  for (let started = 0; started < count; started += 1) start();
}
