import { createHash } from 'node:crypto';
import {
  CONTENT_VIEWED,
  TRACKED_BATCH_MAX,
  TRACKED_EVENTS_MAX,
  type TrackedEvent,
  analyticsTracked,
  contentViewedProperties,
  trackedEvent,
  trackedProperties,
} from '@playnite/contracts/events';
import { z } from 'zod';
import type { Context } from '../platform/context.ts';
import { Refusal } from '../platform/errors.ts';
import type { Caller } from '../platform/on-call.ts';
import { eventOf } from '../platform/publisher.ts';

/** How far an app's clock may be ahead. */
export const TRACKED_AHEAD_MS = 5 * 60_000;
/** An app that was offline may tell later, up to here: as for the GA4 Measurement Protocol. */
export const TRACKED_AGE_MAX_MS = 72 * 60 * 60_000;

/** The SDKs send null for what is undefined. */
const properties = z.preprocess(
  (value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).filter(([, each]) => each !== null))
      : value,
  trackedProperties,
);

const requested = trackedEvent.extend({ properties }).superRefine((event, refinement) => {
  const viewed = event.name === CONTENT_VIEWED ? contentViewedProperties.safeParse(event.properties) : undefined;
  for (const { message, path } of viewed?.error?.issues ?? []) {
    refinement.addIssue({ code: 'custom', message, path: ['properties', ...path] });
  }
});

export const trackRequest = z.object({
  events: z
    .array(requested)
    .min(1)
    .max(TRACKED_EVENTS_MAX)
    .refine((events) => JSON.stringify(events).length <= TRACKED_BATCH_MAX, {
      message: `more than ${TRACKED_BATCH_MAX} characters of JSON`,
    }),
});

/**
 * Passes on what an app has seen its user do, in one message to all who hear of it. An event's id is made of what it says and
 * of whom: an app that never saw an answer tells the same again, in whatever batch, and who keeps events knows it.
 *
 * @throws {Refusal} `event-in-future` beyond {@link TRACKED_AHEAD_MS}, `event-too-old` beyond {@link TRACKED_AGE_MAX_MS}
 */
export async function trackEvents(
  ctx: Pick<Context, 'publish' | 'now'>,
  { events }: z.infer<typeof trackRequest>,
  { uid }: Pick<Caller, 'uid'>,
): Promise<Record<string, never>> {
  const now = ctx.now();
  const tracked = events.map((event, nth) => {
    const at = dated(event.at, nth, now);
    return { ...event, at, id: idOf(uid, { ...event, at }) };
  });
  const cause = `${uid} ${tracked.map(({ id }) => id).join(' ')}`;
  await ctx.publish([eventOf(analyticsTracked, { cause, at: now, data: { uid, events: tracked } })]);
  return {};
}

/** A time that is taken, in UTC. */
function dated(at: string, nth: number, now: Date): string {
  const aheadMs = Date.parse(at) - now.getTime();
  if (aheadMs > TRACKED_AHEAD_MS) {
    throw new Refusal(
      'invalid-argument',
      'event-in-future',
      `events[${nth}] is to happen yet; it is ${now.toISOString()}.`,
    );
  }
  if (-aheadMs > TRACKED_AGE_MAX_MS) {
    throw new Refusal('invalid-argument', 'event-too-old', `events[${nth}] is older than ${TRACKED_AGE_MAX_MS} ms.`);
  }
  return new Date(at).toISOString();
}

function idOf(uid: string, { name, at, properties: said }: TrackedEvent): string {
  const sorted = Object.entries(said).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([uid, name, at, sorted]))
    .digest('base64url')
    .slice(0, 27);
}
