/** One connected client, as the hub and presence see it. */
export interface Subscriber {
  clientId: string;
  uid: string;
  /** Queues a frame for the client; never blocks. */
  deliver(frame: string): void;
}

/** Who is subscribed to what, on this node. */
export class Hub {
  readonly #channels = new Map<string, Map<string, Subscriber>>();

  add(channel: string, subscriber: Subscriber): void {
    const subscribers = this.#channels.get(channel) ?? new Map<string, Subscriber>();
    subscribers.set(subscriber.clientId, subscriber);
    this.#channels.set(channel, subscribers);
  }

  remove(channel: string, clientId: string): void {
    const subscribers = this.#channels.get(channel);
    subscribers?.delete(clientId);
    if (subscribers?.size === 0) this.#channels.delete(channel);
  }

  /** Hands one frame to every subscriber of the channel. */
  broadcast(channel: string, frame: string): void {
    for (const subscriber of this.#channels.get(channel)?.values() ?? []) subscriber.deliver(frame);
  }

  /** Who is there now. */
  presence(channel: string): { clientId: string; uid: string }[] {
    return [...(this.#channels.get(channel)?.values() ?? [])].map(({ clientId, uid }) => ({ clientId, uid }));
  }

  get channelCount(): number {
    return this.#channels.size;
  }
}
