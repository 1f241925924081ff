/**
 * Cloud Scheduler's part: the functions emulator loads scheduled functions and never fires them. The platform does, in
 * the same way as a test can: by a POST to the function's trigger.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { HOST } from './ports.ts';
import { functionUrl } from './triggers.ts';

const backends = z.object({
  backends: z.array(
    z.object({
      functionTriggers: z.array(
        z.object({
          name: z.string(),
          schedule: z.object({ schedule: z.string() }).optional(),
        }),
      ),
    }),
  ),
});

/** A function and how often it runs. */
export interface Schedule {
  name: string;
  everyMs: number;
}

const UNITS: Record<string, number> = { minutes: 60_000, mins: 60_000, hours: 3_600_000 };

/**
 * The interval of `every N minutes` or `every N hours`, the form of App Engine cron that the functions use.
 *
 * @throws {Error} for any other form
 */
export function parseInterval(schedule: string): number {
  const match = /^every (\d+) (\w+)$/.exec(schedule);
  const unit = UNITS[match?.[2] ?? ''];
  const count = Number(match?.[1]);
  if (unit === undefined || !(count > 0)) {
    throw new Error(
      `the schedule "${schedule}" is none that can be run here: use "every N minutes" or "every N hours"`,
    );
  }
  return count * unit;
}

/** The scheduled functions that the emulator has loaded. */
export async function loadSchedules(functionsPort: number): Promise<Schedule[]> {
  const response = await fetch(`http://${HOST}:${functionsPort}/backends`);
  const loaded = backends.parse(await response.json());
  return loaded.backends.flatMap(({ functionTriggers }) =>
    functionTriggers.flatMap(({ name, schedule }) =>
      schedule ? [{ name, everyMs: parseInterval(schedule.schedule) }] : [],
    ),
  );
}

/** Runs a scheduled function now, and waits for its end. */
export async function fireSchedule(
  { name }: Pick<Schedule, 'name'>,
  { projectId, functionsPort, signal }: { projectId: string; functionsPort: number; signal?: AbortSignal },
): Promise<void> {
  const response = await fetch(await functionUrl({ projectId, functionsPort }, name), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
    ...(signal ? { signal } : {}),
  });
  await response.text();
  if (!response.ok) throw new Error(`the scheduled function ${name} answered ${response.status}`);
}

/**
 * Fires each schedule at its interval until the signal comes; the first time at once, so that work which the last run
 * left behind is found. A run that takes longer than its interval delays the next one; two never overlap.
 */
export async function runSchedules(
  schedules: readonly Schedule[],
  options: { projectId: string; functionsPort: number; signal: AbortSignal },
  onFailure: (name: string, error: unknown) => void,
): Promise<void> {
  await Promise.all(
    schedules.map(async (schedule) => {
      while (!options.signal.aborted) {
        const started = Date.now();
        await fireSchedule(schedule, options).catch((error: unknown) => {
          if (!options.signal.aborted) onFailure(schedule.name, error);
        });
        const left = Math.max(0, started + schedule.everyMs - Date.now());
        await sleep(left, undefined, { signal: options.signal, ref: false }).catch(() => {});
      }
    }),
  );
}
