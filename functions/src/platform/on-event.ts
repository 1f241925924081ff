import { type EventDefinition, type EventEnvelope, parseEvent } from '@playnite/contracts/events';
import { onMessagePublished } from 'firebase-functions/v2/pubsub';
import { attempt } from './attempt.ts';
import { type Context, REGION, context } from './context.ts';
import { buryEvent } from './dead-letters.ts';
import { classify } from './errors.ts';

/** Redeliveries go on this long; an event older than this is put aside instead of tried again. */
const EVENT_AGE_MAX_MS = 60 * 60_000;

/**
 * A function that hears one kind of event.
 *
 * Pub/Sub delivers at least once and in any order, so the handler must be a reconciler. A malformed event, one that
 * fails for good and one that failed for an hour are put aside as dead letters; any other failure is thrown, and
 * Pub/Sub delivers again with backoff. `consumer` names the function in logs and dead letters.
 */
export function onEvent<Data>(
  definition: EventDefinition<Data>,
  consumer: string,
  handle: (ctx: Context, event: EventEnvelope<Data>) => Promise<void>,
) {
  return onMessagePublished(
    { topic: definition.name, region: REGION, retry: true, memory: '512MiB', concurrency: 20, timeoutSeconds: 120 },
    async ({ id, time, data }) => {
      const ctx = await context();
      const payload: unknown = readJson(data.message.data);
      try {
        const event = await attempt(async () => {
          const parsed = parseEvent(definition, payload);
          await handle(ctx, parsed);
          return parsed;
        });
        ctx.log.info('event handled', { consumer, eventId: event.id });
      } catch (thrown) {
        const error = classify(thrown);
        const ageMs = ctx.now().getTime() - Date.parse(time);
        if (error.retryable && ageMs < EVENT_AGE_MAX_MS) throw error;
        await buryEvent(ctx, { consumer, eventId: id, payload, error });
      }
    },
  );
}

/** The message's JSON, or its raw text when it is none, so that the dead letter shows what came. */
function readJson(base64: string): unknown {
  const raw = Buffer.from(base64, 'base64').toString();
  try {
    return JSON.parse(raw);
  } catch {
    return raw;
  }
}
