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
  /** Not dispatched before; the emulator dispatches at once, whatever it says. */
  notBefore?: Date;
}

export type Enqueue = (tasks: readonly OutgoingTask[]) => Promise<void>;

/** @throws {z.ZodError} when `data` is not what the queue takes */
export function taskOf<Data extends Record<string, unknown>>(
  queue: QueueDefinition<Data>,
  { id, data, notBefore }: { id: string; data: Data; notBefore?: Date },
): OutgoingTask {
  const task = { functionName: queue.functionName, id, data: queue.data.parse(data) };
  return notBefore ? { ...task, notBefore } : task;
}

/** Enqueues with Cloud Tasks; a task that is already there, or ran lately, is fine. */
export function cloudTaskQueues(functions: Functions, region: string): Enqueue {
  return async (tasks) => {
    await withDeadline(
      'enqueue',
      Promise.all(
        tasks.map(async ({ functionName, id, data, notBefore }) => {
          try {
            await functions
              .taskQueue(`locations/${region}/functions/${functionName}`)
              .enqueue(data, { id, ...(notBefore ? { scheduleTime: notBefore } : {}) });
          } catch (error) {
            if ((error as { code?: unknown }).code !== 'functions/task-already-exists') throw error;
          }
        }),
      ),
    );
  };
}
