import { CHANNEL_NAME_MAX, DISCONNECTS, ERRORS, UNSUBSCRIBES, type Unsubscribe } from '@playnite/contracts/realtime';
import type { ClientInfo } from './broker/broker.ts';
import type { Channel, Joined } from './channel.ts';
import type { ChannelOptions } from './channel-options.ts';
import type { Client } from './client.ts';
import { CommandError } from './command-error.ts';
import type { Node } from './node.ts';
import { WANTS, sentForm } from './outbox.ts';
import type { PresenceStats } from './presence/presence.ts';
import type { Command, RecoverFrom, Reply, SubscribeRequest, SubscribeResult } from './protocol/messages.ts';

/** Publications in one answer; a client that wants more asks again from where it stands. */
const HISTORY_LIMIT_MAX = 500;

/** What one client is subscribed to, and what it may do with channels. */
export class Subscriptions {
  readonly #client: Client;
  readonly #node: Node;
  readonly #channels = new Map<string, Channel>();
  /** Those of them that the client did not ask for, and does not ask for again by itself. */
  readonly #byServer = new Set<string>();

  constructor(client: Client, node: Node) {
    this.#client = client;
    this.#node = node;
  }

  get names(): Iterable<string> {
    return this.#channels.keys();
  }

  async subscribe(id: number, request: SubscribeRequest): Promise<void> {
    const { channel } = request;
    if (channel === '' || Buffer.byteLength(channel) > CHANNEL_NAME_MAX) throw new CommandError(ERRORS.badRequest);
    if (this.#channels.has(channel)) throw new CommandError(ERRORS.alreadySubscribed);
    if (this.#channels.size >= this.#node.limits.channelsMax) throw new CommandError(ERRORS.limitExceeded);
    await this.#join(channel, request, (result) => this.#client.reply({ id, subscribe: result }));
  }

  /** Subscribes the client to its own channels; what it gets from them waits for the reply to `connect`. */
  async subscribeOwn(
    channels: readonly string[],
    from: Record<string, RecoverFrom>,
  ): Promise<Record<string, SubscribeResult>> {
    const results: Record<string, SubscribeResult> = {};
    for (const channel of channels) {
      const position = Object.hasOwn(from, channel) ? from[channel] : undefined;
      await this.#join(channel, { ...position, channel }, (result) => {
        this.#byServer.add(channel);
        results[channel] = result;
      });
    }
    return results;
  }

  async subscribeByServer(channel: string): Promise<void> {
    const isFull = this.#channels.size >= this.#node.limits.channelsMax;
    if (this.#client.isClosed || isFull || this.#channels.has(channel)) return;
    try {
      await this.#join(channel, { channel }, (subscribe) => {
        this.#byServer.add(channel);
        this.#client.push({ channel, subscribe });
      });
    } catch (error) {
      this.#node.log.warn({ err: String(error), channel }, 'client could not be subscribed by the server');
    }
  }

  unsubscribe(name: string): void {
    const channel = this.#channels.get(name);
    if (!channel) return;
    this.#channels.delete(name);
    this.#byServer.delete(name);
    this.#leave(channel);
  }

  /**
   * Ends a subscription that the client did not end, and tells it. Where the client is to subscribe again, but to a channel
   * that it did not ask for, its connection ends instead, as with Centrifugo: it comes back to where it was.
   */
  revoke(name: string, unsubscribe: Unsubscribe): void {
    if (this.#client.isClosed || !this.#channels.has(name)) return;
    if (this.#byServer.has(name) && unsubscribe.code >= UNSUBSCRIBES.insufficientState.code) {
      this.#client.disconnect(DISCONNECTS.insufficientState);
      return;
    }
    this.unsubscribe(name);
    this.#node.metrics.unsubscribed(unsubscribe.code);
    this.#client.push({ channel: name, unsubscribe });
  }

  /** The connection is gone. */
  release(): void {
    for (const channel of this.#channels.values()) this.#leave(channel);
    this.#channels.clear();
    this.#byServer.clear();
  }

  renewPresence(): void {
    for (const channel of this.#channels.values()) {
      if (channel.options.presence)
        void this.#tell('presence', this.#node.presence.add(channel.name, this.#client.info));
    }
  }

  async publish({ channel, data }: NonNullable<Command['publish']>): Promise<void> {
    const { clientPublish, history, delta } = this.#optionsOf(channel);
    // What came is no JSON; it could not be sent on.
    if (data === '') throw new CommandError(ERRORS.badRequest);
    const isAllowed = clientPublish === 'all' || (clientPublish === 'subscribers' && this.#channels.has(channel));
    // Where neither holds, everything that is published comes from the services.
    if (!isAllowed) throw new CommandError(ERRORS.permissionDenied);
    await this.#node.broker.publish(channel, data, {
      info: this.#client.info,
      ...(history ? { history } : {}),
      ...(delta ? { delta } : {}),
    });
  }

  async presence(channel: string): Promise<Map<string, ClientInfo>> {
    if (!this.#readable(channel).presence) throw new CommandError(ERRORS.notAvailable);
    return this.#node.presence.get(channel);
  }

  async presenceStats(channel: string): Promise<PresenceStats> {
    if (!this.#readable(channel).presence) throw new CommandError(ERRORS.notAvailable);
    return this.#node.presence.stats(channel);
  }

  async history({ channel, limit, since, reverse }: NonNullable<Command['history']>): Promise<HistoryResult> {
    const { history, openReads } = this.#readable(channel);
    if (!history) throw new CommandError(ERRORS.notAvailable);
    const most = limit < 0 ? HISTORY_LIMIT_MAX : Math.min(limit, HISTORY_LIMIT_MAX);
    const open = this.#channels.get(channel);
    const position = since?.epoch === '' ? await this.#positionOf(channel, history) : since;
    const query = {
      limit: most,
      ...(since && position ? { since: { epoch: position.epoch, offset: since.offset } } : {}),
      ...(reverse ? { reverse } : {}),
    };
    const read = open ? await open.history(query) : await this.#node.broker.history(channel, { ...query, history });
    // Its right may have ended with what was just read.
    if (!openReads && !this.#channels.has(channel)) throw new CommandError(ERRORS.permissionDenied);
    if (!read.complete) throw new CommandError(ERRORS.unrecoverablePosition);
    return {
      publications: sentForm(read.publications, false),
      epoch: read.position.epoch,
      offset: read.position.offset,
    };
  }

  async #positionOf(channel: string, history: NonNullable<ChannelOptions['history']>) {
    return (await this.#node.broker.history(channel, { limit: 0, history })).position;
  }

  #optionsOf(channel: string): ChannelOptions {
    const options = this.#node.optionsOf(channel);
    if (!options) throw new CommandError(ERRORS.unknownChannel);
    return options;
  }

  /** Who may not hear a channel may not ask about it either. */
  #readable(channel: string): ChannelOptions {
    const options = this.#optionsOf(channel);
    if (!options.openReads && !this.#channels.has(channel)) throw new CommandError(ERRORS.permissionDenied);
    return options;
  }

  async #join(name: string, request: SubscribeRequest, reply: (result: SubscribeResult) => void): Promise<void> {
    const options = this.#optionsOf(name);
    const { rights, hub } = this.#node;
    let isOpen = false;
    const permit = async () => {
      const { identity } = this.#client;
      if (!identity) throw new CommandError(ERRORS.unauthorized);
      const permission = await rights.ask(identity, name);
      if (permission === 'unknown-channel') throw new CommandError(ERRORS.unknownChannel);
      if (permission === 'denied') throw new CommandError(ERRORS.permissionDenied);
      isOpen = permission === 'open';
    };
    await permit();
    const channel = await hub.acquire(name);
    if (!channel) throw new CommandError(ERRORS.unknownChannel);
    let isIn = false;
    try {
      if (options.presence) await this.#tell('presence', this.#node.presence.add(name, this.#client.info));
      const wants = wantsOf(request, options);
      const isGone = () => this.#client.isClosed;
      await channel.join(this.#client, { wants, from: request, permit, isGone }, (joined) => {
        isIn = true;
        this.#channels.set(name, channel);
        if (!isOpen) rights.enter(name, this.#client);
        if (joined.recovered !== undefined) this.#node.metrics.recovery(joined.recovered ? 'recovered' : 'lost');
        reply(resultOf(request, options, joined));
      });
    } finally {
      if (!isIn) {
        hub.release(channel);
        if (options.presence) void this.#tell('presence', this.#node.presence.remove(name, this.#client.info));
      }
    }
    // The client may have left again while its presence was told.
    if (options.joinLeave && this.#channels.get(name) === channel)
      void this.#tell('join', this.#node.broker.publishJoin(name, this.#client.info));
  }

  #leave(channel: Channel): void {
    const { name, options } = channel;
    channel.leave(this.#client);
    this.#node.hub.release(channel);
    this.#node.rights.leave(name, this.#client);
    const { info } = this.#client;
    if (options.presence) void this.#tell('presence', this.#node.presence.remove(name, info));
    if (options.joinLeave) void this.#tell('leave', this.#node.broker.publishLeave(name, info));
  }

  /** What others see of a client is not worth failing its command for; presence is renewed from time to time. */
  async #tell(what: string, telling: Promise<void>): Promise<void> {
    try {
      await telling;
    } catch (error) {
      this.#node.log.warn({ err: String(error), what }, 'others could not be told of a client');
    }
  }
}

type HistoryResult = Extract<Reply, { history: unknown }>['history'];

const wantsOf = ({ joinLeave, delta }: SubscribeRequest, options: ChannelOptions): number =>
  (joinLeave && options.joinLeave ? WANTS.joinLeave : 0) | (delta === 'fossil' && options.delta ? WANTS.delta : 0);

function resultOf(request: SubscribeRequest, options: ChannelOptions, joined: Joined): SubscribeResult {
  const { position, recovered, publications } = joined;
  const delta = request.delta === 'fossil' && options.delta;
  const isPositioned =
    options.history !== undefined &&
    (options.forceRecovery || request.recoverable === true || request.recover === true);
  return {
    ...(isPositioned ? { recoverable: true, positioned: true } : {}),
    // Who has recovered is told where it was: what it missed moves it on, or comes again if it does not read that.
    ...(options.history ? { ...position, ...(recovered && { offset: request.offset ?? 0 }) } : {}),
    ...(delta ? { delta } : {}),
    ...(recovered === undefined ? {} : { wasRecovering: true, recovered, publications: sentForm(publications, delta) }),
  };
}
