import type { Message, PubSub, Subscription } from '@google-cloud/pubsub';
import { LIVE_TOPIC } from '@playnite/contracts/events';
import type { Logger } from 'pino';
import { type Routed, routeMessage } from './routes.ts';

/** Messages held at once, not yet in the broker. */
const IN_FLIGHT_MAX = 1_000;
const ALREADY_EXISTS = 6;

const passIfThere = (error: unknown): void => {
  if ((error as { code?: unknown }).code !== ALREADY_EXISTS) throw error;
};

/**
 * Brings the events of the live topic to `publish`. A message is acknowledged when it is in the broker, not before; one
 * that cannot be read never will be, so it is logged and acknowledged. Disposing stops the flow.
 */
export async function ingestLiveEvents(
  pubsub: PubSub,
  { subscriptionName, publish, log }: { subscriptionName: string; publish: (routed: Routed[]) => void; log: Logger },
): Promise<AsyncDisposable> {
  await pubsub.createTopic(LIVE_TOPIC).catch(passIfThere);
  await pubsub
    .topic(LIVE_TOPIC)
    .createSubscription(subscriptionName, { enableMessageOrdering: true })
    .catch(passIfThere);
  const subscription: Subscription = pubsub.subscription(subscriptionName, {
    flowControl: { maxMessages: IN_FLIGHT_MAX },
  });
  subscription.on('message', (message: Message) => {
    try {
      publish(routeMessage(JSON.parse(message.data.toString())));
    } catch (error) {
      log.error({ messageId: message.id, err: String(error), code: 'malformed-event' }, 'live event passed over');
    }
    message.ack();
  });
  subscription.on('error', (error) => log.error({ err: String(error) }, 'subscription to live events failed'));
  return { [Symbol.asyncDispose]: () => subscription.close() };
}
