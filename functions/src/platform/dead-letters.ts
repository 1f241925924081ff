/**
 * Dead letters: what a function could not take, kept with its payload until somebody, or time, has helped.
 *
 * A letter whose error may pass is sent again by the schedule after 1, 5 and 25 minutes; every other one, and one that
 * has come back each time, is parked for a person, who can send it again by hand (`operations-replay`). The same event
 * for the same consumer is one letter, however often it fails.
 */
import { createHash } from 'node:crypto';
import { type DocumentRef, timestamp } from '@playnite/contracts/documents';
import { eventEnvelope } from '@playnite/contracts/events';
import { z } from 'zod';
import type { Context } from './context.ts';
import { absent, serverTime } from './documents.ts';
import { type PlatformError, Refusal, classify } from './errors.ts';

/**
 * UTF-16 units of a payload, each of which may take three bytes of the 1 MiB that Firestore holds a document; a longer
 * one is cut here, says so, and cannot be sent again.
 */
const PAYLOAD_MAX = 300_000;
/** UTF-16 units of an error's message. */
const MESSAGE_MAX = 5000;
/** Waits before a letter is sent again by itself. */
const REPLAY_WAITS_MS = [60_000, 5 * 60_000, 25 * 60_000] as const;
/** Letters sent again in one run of the schedule. */
const REPLAYS_PER_RUN = 100;

const task = z.object({ functionName: z.string(), id: z.string(), data: z.record(z.string(), z.unknown()) });

const deadLetter = z.object({
  /** The function that could not take it. */
  consumer: z.string(),
  kind: z.enum(['event', 'task', 'document']),
  eventId: z.string(),
  /** JSON. */
  payload: z.string(),
  truncated: z.boolean(),
  error: z.object({ code: z.string(), message: z.string() }),
  /** Tries so far, those before earlier replays included. */
  attempts: z.number().int(),
  /** `waiting` for the schedule, `parked` for a person, `replayed`: sent again. */
  state: z.enum(['waiting', 'parked', 'replayed']),
  /** Times that it was sent again. */
  replays: z.number().int(),
  /** While `waiting`. */
  replayAt: timestamp.optional(),
  at: timestamp,
});
export type DeadLetter = z.infer<typeof deadLetter>;

export interface Undeliverable {
  consumer: string;
  kind: DeadLetter['kind'];
  eventId: string;
  payload: unknown;
  error: PlatformError;
  /** Tries that this delivery took. */
  attempts: number;
}

const COLLECTION = 'deadLetters';
const letterAt = (id: string): DocumentRef<DeadLetter> => ({ path: `${COLLECTION}/${id}`, shape: deadLetter });
const letterId = (consumer: string, eventId: string): string =>
  `${consumer.replaceAll('/', '|')}:${createHash('sha256').update(eventId).digest('base64url')}`;

/** Puts aside what could not be delivered. */
export async function bury(
  ctx: Pick<Context, 'documents' | 'log' | 'now'>,
  { consumer, kind, eventId, payload, error, attempts }: Undeliverable,
): Promise<void> {
  const json = JSON.stringify(payload) ?? 'null';
  const truncated = json.length > PAYLOAD_MAX;
  ctx.log.error('put aside as undeliverable', { consumer, eventId, code: error.code, reason: error.message });
  const letter = letterAt(letterId(consumer, eventId));
  await ctx.documents.transact(async (tx) => {
    const earlier = await tx.get(letter);
    const replays = earlier?.replays ?? 0;
    const waitMs = error.retryable && kind !== 'document' && !truncated ? REPLAY_WAITS_MS[replays] : undefined;
    tx.set(letter, {
      consumer,
      kind,
      eventId,
      // What is cut may end in half of a pair, which Firestore refuses.
      payload: json.slice(0, PAYLOAD_MAX).toWellFormed(),
      truncated,
      error: { code: error.code, message: error.message.slice(0, MESSAGE_MAX).toWellFormed() },
      attempts: (earlier?.attempts ?? 0) + attempts,
      state: waitMs === undefined ? 'parked' : 'waiting',
      replays,
      ...(waitMs === undefined ? {} : { replayAt: new Date(ctx.now().getTime() + waitMs) }),
      at: serverTime,
    });
  });
}

/** Sends again the letters whose time has come; one that cannot be sent keeps no other waiting. */
export async function replayWaiting(ctx: Needs): Promise<void> {
  const due = await ctx.documents.list({
    collection: COLLECTION,
    shape: deadLetter,
    where: [
      ['state', '==', 'waiting'],
      ['replayAt', '<=', ctx.now()],
    ],
    orderBy: 'replayAt',
    limit: REPLAYS_PER_RUN,
  });
  for (const { id } of due) {
    try {
      await replay(ctx, id);
    } catch (thrown) {
      const error = classify(thrown);
      ctx.log.error('dead letter not sent again', { id, code: error.code, reason: error.message });
      await putBehind(ctx, id, error);
    }
  }
}

/** A letter that could not be sent comes after the others, or is parked when it never can be. */
async function putBehind(ctx: Pick<Needs, 'documents' | 'now'>, id: string, { retryable }: PlatformError) {
  await ctx.documents.transact(async (tx) => {
    if ((await tx.get(letterAt(id)))?.state !== 'waiting') return;
    const replayAt = new Date(ctx.now().getTime() + REPLAY_WAITS_MS[0]);
    tx.update(letterAt(id), retryable ? { replayAt } : { state: 'parked', replayAt: absent });
  });
}

/**
 * Sends a letter again: an event to its topic, where every hearer is a reconciler, or a task to its queue.
 *
 * @throws {Refusal} `no-such-letter`, `not-replayable`
 */
export async function replay(ctx: Needs, id: string): Promise<void> {
  const letter = await ctx.documents.get(letterAt(id));
  if (!letter) throw new Refusal('not-found', 'no-such-letter', 'There is no such dead letter.');
  if (letter.kind === 'document' || letter.truncated) {
    throw new Refusal('failed-precondition', 'not-replayable', 'This letter cannot be sent again.');
  }
  // Sent before it is marked: a crash in between sends it twice, which every hearer bears.
  const payload: unknown = JSON.parse(letter.payload);
  if (letter.kind === 'task') {
    const { functionName, id: taskId, data } = task.parse(payload);
    await ctx.enqueue([{ functionName, id: `${taskId}-replayed-${letter.replays + 1}`, data }]);
  } else {
    const parsed = eventEnvelope.safeParse(payload);
    if (!parsed.success) throw new Refusal('failed-precondition', 'not-replayable', 'This letter holds no event.');
    await ctx.publish([{ envelope: parsed.data, topics: [parsed.data.name], orderingKey: '' }]);
  }
  await ctx.documents.transact(async (tx) => {
    const present = await tx.get(letterAt(id));
    if (!present) return;
    // It may be quicker in failing again than this is in marking it, and then waits, or is parked, anew.
    const isBack = present.attempts !== letter.attempts;
    tx.update(letterAt(id), {
      replays: present.replays + 1,
      ...(isBack ? {} : { state: 'replayed', replayAt: absent }),
    });
  });
  ctx.log.warn('dead letter sent again', { id, consumer: letter.consumer });
}

type Needs = Pick<Context, 'documents' | 'publish' | 'enqueue' | 'log' | 'now'>;
