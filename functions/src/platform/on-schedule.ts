import { type ScheduleOptions, onSchedule as onSdkSchedule } from 'firebase-functions/v2/scheduler';
import { type Context, REGION, context } from './context.ts';

/**
 * A function that runs on a schedule (`every 1 minutes`, or five cron fields in UTC). Two runs may overlap, and one
 * may be missed; what it does must be a reconciler like any other handler. A failed run is not retried: the next one comes.
 */
export function onSchedule(
  schedule: string,
  handle: (ctx: Context) => Promise<void>,
  options: Partial<Pick<ScheduleOptions, 'memory' | 'timeoutSeconds'>> = {},
) {
  return onSdkSchedule(
    { schedule, region: REGION, memory: '256MiB', timeoutSeconds: 120, retryCount: 0, timeZone: 'Etc/UTC', ...options },
    async () => handle(await context()),
  );
}
