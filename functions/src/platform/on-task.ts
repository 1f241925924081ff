import { type TaskQueueOptions, onTaskDispatched } from 'firebase-functions/v2/tasks';
import { type Context, REGION, context } from './context.ts';
import { bury } from './dead-letters.ts';
import { classify } from './errors.ts';
import type { QueueDefinition } from './task-queues.ts';

/** Dispatches of one task, the first included. */
const TASK_ATTEMPTS_MAX = 5;

/** Another run is at the same work, or has taken it over. */
const OUTRUN = new Set(['lease-held', 'lease-lost']);

/** One dispatch of a task. Cloud Tasks may dispatch a task again after it succeeded, though it seldom does. */
export interface Delivery {
  /** The task's id: the same for each retry. */
  taskId: string;
}

/**
 * A function that works off a queue. What fails is dispatched again with exponential backoff, `TASK_ATTEMPTS_MAX`
 * times; the last failure, and one that no retry can help, makes a dead letter of the task. A run that lost its place to
 * another (`lease-held`, `lease-lost`) is no failure of the work, and leaves none.
 */
export function onTask<Data>(
  queue: QueueDefinition<Data>,
  options: Pick<TaskQueueOptions, 'memory' | 'timeoutSeconds' | 'concurrency' | 'rateLimits'>,
  handle: (ctx: Context, data: Data, delivery: Delivery) => Promise<void>,
) {
  return onTaskDispatched<unknown>(
    {
      region: REGION,
      retryConfig: { maxAttempts: TASK_ATTEMPTS_MAX, minBackoffSeconds: 1, maxBackoffSeconds: 60, maxDoublings: 5 },
      ...options,
    },
    async ({ id, data, retryCount }) => {
      const ctx = await context();
      try {
        await handle(ctx, queue.data.parse(data), { taskId: id });
      } catch (thrown) {
        const error = classify(thrown);
        ctx.log.warn('task failed', {
          queue: queue.functionName,
          taskId: id,
          code: error.code,
          reason: error.message,
        });
        const isLast = retryCount + 1 >= TASK_ATTEMPTS_MAX;
        if (error.retryable && !isLast) throw error;
        if (OUTRUN.has(error.code)) return;
        await bury(ctx, {
          consumer: queue.functionName,
          kind: 'task',
          eventId: id,
          payload: { functionName: queue.functionName, id, data },
          error,
          attempts: retryCount + 1,
        });
      }
    },
  );
}
