import type { Message, PubSub, Subscription } from '@google-cloud/pubsub';
import { LIVE_TOPIC } from '@playnite/contracts/events';
import type { Logger } from 'pino';
import type { Calls } from './health.ts';
import type { Metrics } from './metrics.ts';
import { type Routed, concernedUsers, routeMessage } from './routes.ts';

/** Messages held at once, not yet in the broker. */
const IN_FLIGHT_MAX = 1_000;
const ALREADY_EXISTS = 6;
/** Past it a probe has failed; the library would go on for ten minutes. */
const PROBE_WITHIN_MS = 5_000;

const passIfThere = (error: unknown): void => {
  if ((error as { code?: unknown }).code !== ALREADY_EXISTS) throw error;
};

interface IngestOptions {
  /** Of this deployment; its processes share it, so that each event is taken once. */
  subscriptionName: string;
  publish: (routed: Routed[]) => Promise<void>;
  /** Has it asked again what a user may hear. */
  recheck: (uid: string) => Promise<void>;
  metrics: Pick<Metrics, 'event'>;
  calls: Pick<Calls, 'failed' | 'probeWith'>;
  log: Logger;
}

/**
 * Brings the events of the live topic to `publish`, those of one ordering key one after the other. A message is
 * acknowledged when it is in the broker, not before; one that could not be put there is sent again, and one that cannot
 * be read never will be, so it is logged and acknowledged. Disposing stops the flow, and waits for what is under way.
 */
export async function ingestLiveEvents(
  pubsub: PubSub,
  { subscriptionName, publish, recheck, metrics, calls, log }: IngestOptions,
): Promise<AsyncDisposable> {
  await pubsub.createTopic(LIVE_TOPIC).catch(passIfThere);
  await pubsub
    .topic(LIVE_TOPIC)
    .createSubscription(subscriptionName, { enableMessageOrdering: true })
    .catch(passIfThere);
  const subscription: Subscription = pubsub.subscription(subscriptionName, {
    flowControl: { maxMessages: IN_FLIGHT_MAX },
  });
  const underWay = new Map<string, Promise<void>>();

  const take = async (message: Message): Promise<void> => {
    let routed: Routed[];
    let concerned: readonly string[];
    try {
      const event: unknown = JSON.parse(message.data.toString());
      routed = routeMessage(event);
      concerned = concernedUsers(event);
    } catch (error) {
      log.error({ messageId: message.id, err: String(error), code: 'malformed-event' }, 'live event passed over');
      metrics.event('rejected');
      message.ack();
      return;
    }
    try {
      await Promise.all([publish(routed), ...concerned.map(recheck)]);
      message.ack();
      metrics.event('acknowledged');
      log.debug({ messageId: message.id, orderingKey: message.orderingKey }, 'live event taken');
    } catch (error) {
      log.warn({ messageId: message.id, err: String(error) }, 'live event could not be published; it comes again');
      message.nack();
    }
  };

  subscription.on('message', (message: Message) => {
    metrics.event('received');
    const key = message.orderingKey ?? message.id;
    const turn = (underWay.get(key) ?? Promise.resolve())
      .then(() => take(message))
      .finally(() => {
        if (underWay.get(key) === turn) underWay.delete(key);
      });
    underWay.set(key, turn);
  });
  subscription.on('error', (error) => {
    log.error({ err: String(error) }, 'subscription to live events failed');
    calls.failed();
  });
  // While nothing comes, nothing has happened or Pub/Sub is away: the library tries again without a word.
  calls.probeWith(() => subscription.getMetadata({ timeout: PROBE_WITHIN_MS }));
  return {
    async [Symbol.asyncDispose]() {
      await subscription.close();
      await Promise.all(underWay.values());
    },
  };
}
