import { Outbox } from './outbox.ts';

/** One connected client, as the hub and presence see it. */
export interface Subscriber {
  clientId: string;
  uid: string;
  /** Queues a message, text in UTF-8, for the client; never blocks. The bytes are shared, and must not be changed. */
  deliver(message: string | Buffer): void;
}

interface Channel {
  subscribers: Map<string, Subscriber>;
  outbox: Outbox;
}

/**
 * Who is subscribed to what, on this node.
 *
 * Publications go out at the end of the turn in which they came, in order within their channel. Replies do not wait:
 * one that is sent in the turn in which its client joined comes before all publications that follow the join.
 */
export class Hub {
  readonly #channels = new Map<string, Channel>();
  /** Channels that got something in this turn. */
  readonly #pending = new Set<Channel>();

  add(channel: string, subscriber: Subscriber): void {
    const known = this.#channels.get(channel) ?? { subscribers: new Map<string, Subscriber>(), outbox: new Outbox() };
    known.subscribers.set(subscriber.clientId, subscriber);
    known.outbox.join(subscriber.clientId);
    this.#channels.set(channel, known);
  }

  remove(channel: string, clientId: string): void {
    const known = this.#channels.get(channel);
    if (!known) return;
    known.subscribers.delete(clientId);
    known.outbox.leave(clientId);
    if (known.subscribers.size === 0) this.#channels.delete(channel);
  }

  /** Hands one push to every subscriber of the channel, at the end of this turn of the event loop. */
  broadcast(channel: string, push: string): void {
    const known = this.#channels.get(channel);
    if (!known) return;
    known.outbox.add(push);
    if (this.#pending.size === 0) setImmediate(() => this.#flush());
    this.#pending.add(known);
  }

  #flush(): void {
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const { outbox, subscribers } of pending) outbox.flush(subscribers);
  }

  /** Who is there now. */
  presence(channel: string): { clientId: string; uid: string }[] {
    return [...(this.#channels.get(channel)?.subscribers.values() ?? [])].map(({ clientId, uid }) => ({
      clientId,
      uid,
    }));
  }

  get channelCount(): number {
    return this.#channels.size;
  }
}
