/** A function's process under load while what it depends on stands still; the other side of standstill-child.ts. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { target } from './platform.ts';

export interface Load {
  dependency: 'Firestore' | 'Pub/Sub';
  /** The collection that is written to, or the topic. */
  name: string;
  forMs: number;
  everyMs: number;
}

/** How a call ended, after how long. */
export interface Ended {
  id: string;
  /** `done`, or the error's code. */
  outcome: string;
  retryable: boolean;
  ms: number;
}

export interface Standstill {
  /** In the order in which the calls began. */
  ended: Ended[];
  /** The most calls under way at a moment. */
  underWayMax: number;
  heapGrowthBytes: number;
}

const ENTRY = join(import.meta.dirname, 'standstill-child.ts');

/** Puts a process under a load, has `meanwhile` run once it is, and waits until every call has ended. */
export async function underLoad(load: Load, meanwhile: () => Promise<void>): Promise<Standstill> {
  const { projectId, bucket } = target;
  const child = fork(ENTRY, [JSON.stringify(load)], {
    execArgv: ['--expose-gc'],
    env: {
      ...process.env,
      FIREBASE_CONFIG: JSON.stringify({ projectId, storageBucket: bucket }),
      GCLOUD_PROJECT: projectId,
    },
    // Its log would stand between the results of the tests.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const atExit = () => void child.kill('SIGKILL');
  process.once('exit', atExit);
  const died = once(child, 'exit').then(([code]) => {
    throw new Error(`the process under load has ended with ${String(code)}`);
  });
  try {
    await Promise.race([once(child, 'message'), died]);
    const said = once(child, 'message') as Promise<[Standstill]>;
    await meanwhile();
    const [standstill] = await Promise.race([said, died]);
    return standstill;
  } finally {
    died.catch(() => undefined);
    child.kill('SIGKILL');
    process.off('exit', atExit);
  }
}
