import { z } from 'zod';

/** The topic on which everything for the live stream travels, in the order of each event's key. */
export const LIVE_TOPIC = 'live';

/** How an event looks on the wire: the JSON of a Pub/Sub message. */
export interface EventEnvelope<Data = unknown> {
  /** Same cause, same id: a redelivery or a second attempt carries the id of the first. */
  id: string;
  name: string;
  version: number;
  /** ISO 8601, when the cause was committed. */
  at: string;
  data: Data;
}

/** One kind of event: what it is called, what it carries, and on which topics it travels. */
export interface EventDefinition<Data = unknown> {
  name: string;
  version: number;
  data: z.ZodType<Data>;
  /** `services`: on the topic that bears the event's name. `live`: on the live topic. */
  audience: 'services' | 'live' | 'both';
  /** Events of one key reach the live stream in the order in which they were published. */
  orderingKey(data: Data): string;
}

/** Names an event once; everything else imports it. Name: `<service>.<past tense>`, at least three characters (a topic's minimum). */
export const defineEvent = <Data>(definition: EventDefinition<Data>): EventDefinition<Data> => definition;

/** Any event, before its payload has been looked at. */
export const eventEnvelope = z.object({
  id: z.string().min(1).max(500),
  name: z.string().min(3).max(100),
  version: z.number().int().positive(),
  at: z.iso.datetime(),
  data: z.unknown(),
});

/** The topics that an event of this definition is published to. */
export function topicsOf(definition: Pick<EventDefinition, 'name' | 'audience'>): string[] {
  switch (definition.audience) {
    case 'services':
      return [definition.name];
    case 'live':
      return [LIVE_TOPIC];
    case 'both':
      return [definition.name, LIVE_TOPIC];
  }
}

/**
 * Reads a message of a known kind.
 *
 * @throws {z.ZodError} when the envelope or the payload is malformed, or name or version are another event's.
 */
export function parseEvent<Data>(definition: EventDefinition<Data>, message: unknown): EventEnvelope<Data> {
  const envelope = eventEnvelope
    .extend({ name: z.literal(definition.name), version: z.literal(definition.version) })
    .parse(message);
  return { ...envelope, data: definition.data.parse(envelope.data) };
}
