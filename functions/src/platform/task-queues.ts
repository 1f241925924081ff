import type { Functions } from 'firebase-admin/functions';
import type { z } from 'zod';
import { withDeadline } from './errors.ts';

/** A queue of Cloud Tasks: its function's name and what a task carries. */
export interface QueueDefinition<Data> {
  /** `<service>-<function>`, as exported by index.ts. */
  functionName: string;
  data: z.ZodType<Data>;
}

/** A piece of work for a queue. Two tasks of one id are one task, for about an hour after it ran. */
export interface OutgoingTask {
  functionName: string;
  id: string;
  data: Record<string, unknown>;
}

export type Enqueue = (tasks: readonly OutgoingTask[]) => Promise<void>;

/** @throws {z.ZodError} when `data` is not what the queue takes */
export function taskOf<Data extends Record<string, unknown>>(
  queue: QueueDefinition<Data>,
  { id, data }: { id: string; data: Data },
): OutgoingTask {
  return { functionName: queue.functionName, id, data: queue.data.parse(data) };
}

/** Enqueues with Cloud Tasks; a task that is already there, or ran lately, is fine. */
export function cloudTaskQueues(functions: Functions, region: string): Enqueue {
  return async (tasks) => {
    await withDeadline(
      'enqueue',
      Promise.all(
        tasks.map(async ({ functionName, id, data }) => {
          try {
            await functions.taskQueue(`locations/${region}/functions/${functionName}`).enqueue(data, { id });
          } catch (error) {
            if ((error as { code?: unknown }).code !== 'functions/task-already-exists') throw error;
          }
        }),
      ),
    );
  };
}
