import { type EventDefinition, type EventEnvelope, eventEnvelope, parseEvent } from '@playnite/contracts/events';
import { type PubSubOptions, onMessagePublished } from 'firebase-functions/v2/pubsub';
import { attempt } from './attempt.ts';
import { type Context, REGION, context } from './context.ts';
import { bury } from './dead-letters.ts';
import { classify, permanent } from './errors.ts';

/** An event older than this is put aside at its first failure, and stays for a person: its moment has passed. */
const EVENT_AGE_MAX_MS = 60 * 60_000;

/**
 * A function that hears one kind of event.
 *
 * Pub/Sub delivers at least once and in any order, so the handler must be a reconciler. A handler that fails is tried
 * `TRIES_MAX` times with growing waits, an error that no retry can help once; then the event is a dead letter, which
 * the schedule sends again if that can help. Only when not even that can be written down is the error thrown, and
 * Pub/Sub delivers again. `consumer` names the function in logs and dead letters.
 */
export function onEvent<Data>(
  definition: EventDefinition<Data>,
  consumer: string,
  handle: (ctx: Context, event: EventEnvelope<Data>) => Promise<void>,
  options: Partial<Pick<PubSubOptions, 'memory' | 'concurrency' | 'timeoutSeconds'>> = {},
) {
  return onMessagePublished(
    {
      topic: definition.name,
      region: REGION,
      retry: true,
      memory: '512MiB',
      concurrency: 20,
      timeoutSeconds: 120,
      ...options,
    },
    async ({ id, time, data }) => {
      const ctx = await context();
      const raw = Buffer.from(data.message.data, 'base64').toString();
      const payload: unknown = readJson(raw);
      const tries = { count: 0 };
      try {
        const event = await attempt(async () => {
          tries.count += 1;
          const parsed = parseEvent(definition, payload);
          await handle(ctx, parsed);
          return parsed;
        });
        ctx.log.info('event handled', { consumer, eventId: event.id });
      } catch (thrown) {
        const error = classify(thrown);
        const isOld = ctx.now().getTime() - Date.parse(time) > EVENT_AGE_MAX_MS;
        await bury(ctx, {
          consumer,
          kind: 'event',
          eventId: eventEnvelope.safeParse(payload).data?.id ?? id,
          payload: canBeWritten(payload) ? payload : raw,
          error: isOld ? permanent(error.code, error.message, error) : error,
          attempts: tries.count,
        });
      }
    },
  );
}

/** The message's JSON, or its raw text when it is none, so that the dead letter shows what came. */
function readJson(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return raw;
  }
}

/** JSON is read to any depth, but written only as deep as the stack reaches: some thousand levels. */
function canBeWritten(payload: unknown): boolean {
  try {
    JSON.stringify(payload);
    return true;
  } catch {
    return false;
  }
}
