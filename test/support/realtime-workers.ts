/**
 * Realtime servers that share a port, kept by their primary as main.ts keeps them; each is a realtime-child.ts, which takes
 * its settings from this process's first argument. Tells its parent of each that listens, and that one ended on its
 * standard output; ends with its parent.
 */
import cluster from 'node:cluster';
import { join } from 'node:path';
import { pino } from 'pino';
import { keepWorkers } from '../../realtime-server/src/workers.ts';
import type { ChildAnswer } from './realtime-process.ts';

/** A worker that listens. */
export interface Listening {
  pid: number;
  port: number;
}

const WORKERS = 2;

cluster.setupPrimary({ exec: join(import.meta.dirname, 'realtime-child.ts') });
cluster.on('message', ({ process: { pid } }, { value }: ChildAnswer) => process.send?.({ pid, port: value }));
process.on('disconnect', () => process.exit(1));
// Its parent does not hold it: like main.ts, it ends when its workers have.
process.channel?.unref();
keepWorkers(WORKERS, pino());
