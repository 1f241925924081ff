import { createHash } from 'node:crypto';
import type { PubSub, Topic } from '@google-cloud/pubsub';
import {
  type EventDefinition,
  type EventEnvelope,
  LIVE_TOPIC,
  eventEnvelope,
  topicsOf,
} from '@playnite/contracts/events';
import { withDeadline } from './errors.ts';

/** An event that is ready to go: its definition's name, topics and key, and its parsed payload. */
export interface OutgoingEvent {
  envelope: EventEnvelope;
  topics: string[];
  orderingKey: string;
}

export type Publish = (events: readonly OutgoingEvent[]) => Promise<void>;

/** Messages are sent together when they come within this time of each other; a live update does not wait longer. */
const BATCH_WAIT_MS = 2;
const ALREADY_EXISTS = 6;
const NOT_FOUND = 5;

const passIfThere = (error: unknown): void => {
  if ((error as { code?: unknown }).code !== ALREADY_EXISTS) throw error;
};

/** Pub/Sub's limit on an ordering key is 1,024 bytes; a key past this is hashed. */
const ORDERING_KEY_MAX = 250;

/**
 * An event of a definition. `cause` is what makes it this event and no other (a document's path and version, say):
 * the same cause gives the same id, so that an event published twice is recognised.
 *
 * @throws {z.ZodError} when `data` is not what the definition says
 */
export function eventOf<Data>(
  definition: EventDefinition<Data>,
  { cause, at, data }: { cause: string; at: Date; data: Data },
): OutgoingEvent {
  const parsed = definition.data.parse(data);
  const key = definition.orderingKey(parsed);
  return {
    envelope: eventEnvelope.parse({
      id: createHash('sha256').update(`${definition.name}\n${cause}`).digest('base64url').slice(0, 27),
      name: definition.name,
      version: definition.version,
      at: at.toISOString(),
      data: parsed,
    }),
    topics: topicsOf(definition),
    orderingKey: key.length <= ORDERING_KEY_MAX ? key : createHash('sha256').update(key).digest('base64url'),
  };
}

/** Publishes to Pub/Sub; resolves when every message is stored there. */
export function pubsubPublisher(pubsub: PubSub): Publish {
  const topics = new Map<string, Topic>();
  const topicOf = (name: string): Topic => {
    const known = topics.get(name);
    if (known) return known;
    const topic = pubsub.topic(name, {
      messageOrdering: name === LIVE_TOPIC,
      batching: { maxMilliseconds: BATCH_WAIT_MS },
    });
    topics.set(name, topic);
    return topic;
  };

  async function send(name: string, event: OutgoingEvent): Promise<void> {
    const topic = topicOf(name);
    const message = {
      data: Buffer.from(JSON.stringify(event.envelope)),
      attributes: { name: event.envelope.name, id: event.envelope.id },
      ...(name === LIVE_TOPIC ? { orderingKey: event.orderingKey } : {}),
    };
    try {
      await topic.publishMessage(message);
    } catch (error) {
      // After a failure an ordered topic refuses the key until told to go on.
      if (message.orderingKey) topic.resumePublishing(message.orderingKey);
      if ((error as { code?: unknown }).code !== NOT_FOUND) throw error;
      // Nobody has subscribed yet, as on a fresh emulator without the realtime server.
      await topic.create().catch(passIfThere);
      await topic.publishMessage(message);
    }
  }

  return async (events) => {
    await withDeadline(
      'publish',
      Promise.all(events.flatMap((event) => event.topics.map((name) => send(name, event)))),
    );
  };
}
