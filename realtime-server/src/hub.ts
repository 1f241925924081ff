import type { Logger } from 'pino';
import type { Broker, Publication, StreamPosition } from './broker/broker.ts';
import { Channel, type ChannelNeeds } from './channel.ts';
import type { OptionsOf } from './channel-options.ts';

/** A channel to which nothing came for this long is compared with the broker: what it told may have been lost on the way. */
const QUIET_MS = 40_000;
/** Channels compared in one round; with more, each waits for its turn. */
const COMPARED_AT_ONCE = 50;

/**
 * A server that has no rest between its writes makes them fewer and larger: what comes right after a turn was written is
 * gathered for as long as each turn brings more, and no longer than GATHER_MS_MAX. One that has rest is not seen to be late:
 * a turn in which nothing came is over within microseconds. Of a single channel, what came during the writing is gathered
 * already, and to wait longer would only be later than a plain loop.
 */
const GATHER_MS_MAX = 10;
const RIGHT_AFTER_MS = 0.1;

/** A client whose frames are written at the end of the turn. */
export interface Flushable {
  flush(): void;
}

interface HubOptions {
  broker: Pick<Broker, 'subscribe' | 'unsubscribe' | 'history'>;
  rights: ChannelNeeds['rights'];
  optionsOf: OptionsOf;
  /** Subscribers of the channel have missed something for good. */
  lost: (channel: Channel) => void;
  cache: ChannelNeeds['cache'];
  /** Publications handed to subscribers in one turn, for each that got one. */
  delivered: (count: number) => void;
  now: () => number;
  log: Pick<Logger, 'warn'>;
}

interface Opened {
  channel: Channel;
  ready: Promise<void>;
}

/**
 * The channels that have subscribers on this node.
 *
 * Publications go out at the end of the turn in which they came, in order within their channel; what a client gets from
 * several channels goes out in one write. Replies do not wait: one that is sent in the turn in which its client joined
 * comes before all publications that follow the join.
 */
export class Hub {
  readonly #options: HubOptions;
  readonly #channels = new Map<string, Opened>();
  /** Closing channels; who wants one again waits. */
  readonly #closing = new Map<string, Promise<void>>();
  /** Shared by all channels, of which there is at least one for each user. */
  readonly #needs: ChannelNeeds;
  #pending = new Set<Channel>();
  #dirty: Flushable[] = [];
  #isFlushDue = false;
  /** The last turn that was written: its channel, where it had but one, and when it ended on the clock of `performance`. */
  #alone: Channel | undefined;
  #writtenAt = -Infinity;
  /** Something came since this was looked at last. */
  #broughtMore = false;
  /** On the same clock; nothing is held longer. */
  #gatherUntil = 0;
  readonly #flushOrWait = (): void => {
    // A right that is looked at again has everything written at once.
    if (!this.#isFlushDue) return;
    if (this.#mayWait()) setImmediate(this.#flushOrWait);
    else this.flush();
  };

  constructor(options: HubOptions) {
    this.#options = options;
    this.#needs = { ...options, pending: (channel) => this.#expect(channel) };
  }

  /** Opens a channel of this node or shares it; to be given back with `release`. @throws {Error} when the broker cannot be reached */
  async acquire(name: string): Promise<Channel | undefined> {
    const options = this.#options.optionsOf(name);
    if (!options) return undefined;
    for (let closing = this.#closing.get(name); closing; closing = this.#closing.get(name)) await closing;
    let opened = this.#channels.get(name);
    if (!opened) {
      const channel = new Channel(name, options, this.#needs);
      opened = { channel, ready: this.#open(channel) };
      this.#channels.set(name, opened);
    }
    const { channel, ready } = opened;
    channel.uses += 1;
    try {
      await ready;
    } catch (error) {
      this.release(channel);
      throw error;
    }
    return channel;
  }

  release(channel: Channel): void {
    channel.uses -= 1;
    if (channel.uses > 0) return;
    this.#channels.delete(channel.name);
    const closing = this.#options.broker
      .unsubscribe(channel.name)
      // A publication that arrives all the same finds no channel.
      .catch((error: unknown) => this.#options.log.warn({ err: String(error) }, 'channel could not be unsubscribed'))
      .finally(() => this.#closing.delete(channel.name));
    this.#closing.set(channel.name, closing);
  }

  get(name: string): Channel | undefined {
    return this.#channels.get(name)?.channel;
  }

  get size(): number {
    return this.#channels.size;
  }

  /** Channels that are open, with those that are about to be. */
  *[Symbol.iterator](): Generator<Channel> {
    for (const { channel } of this.#channels.values()) yield channel;
  }

  receive(name: string, publication: Publication, position: StreamPosition): void {
    const channel = this.get(name);
    if (!channel) return;
    channel.heardAt = this.#options.now();
    channel.receive(publication, position);
  }

  /** The client's frames are to be written when the turn's publications have all been handed out. */
  write(client: Flushable): void {
    this.#dirty.push(client);
    this.#flushSoon();
  }

  /** Reads what the broker may have failed to tell. */
  async resume(names: readonly string[]): Promise<void> {
    for (const name of names) await this.#catchUp(this.get(name));
  }

  /** Compares channels that have been quiet with the broker; to be called now and then. */
  async compareQuiet(): Promise<void> {
    const { now } = this.#options;
    const quietSince = now() - QUIET_MS;
    let left = COMPARED_AT_ONCE;
    for (const { channel } of this.#channels.values()) {
      if (channel.heardAt > quietSince && !channel.isBehind) continue;
      if (left-- === 0) return;
      channel.heardAt = now();
      await this.#catchUp(channel);
    }
  }

  async #catchUp(channel: Channel | undefined): Promise<void> {
    try {
      await channel?.catchUp();
    } catch (error) {
      // It is behind, perhaps, until the broker tells of the next publication or the next comparison.
      if (channel) channel.heardAt = 0;
      this.#options.log.warn({ err: String(error) }, 'channel could not catch up');
    }
  }

  async #open(channel: Channel): Promise<void> {
    channel.heardAt = this.#options.now();
    await this.#options.broker.subscribe(channel.name);
    await channel.open();
  }

  #expect(channel: Channel): void {
    this.#pending.add(channel);
    this.#broughtMore = true;
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    const now = performance.now();
    this.#gatherUntil = now < this.#writtenAt + RIGHT_AFTER_MS ? now + GATHER_MS_MAX : now;
    setImmediate(this.#flushOrWait);
  }

  #mayWait(): boolean {
    const broughtMore = this.#broughtMore;
    this.#broughtMore = false;
    const isAlone = this.#alone !== undefined && this.#pending.size === 1 && this.#pending.has(this.#alone);
    return broughtMore && !isAlone && performance.now() < this.#gatherUntil;
  }

  /** Hands out and writes what was gathered, without waiting any longer. */
  flush(): void {
    const pending = this.#pending;
    this.#pending = new Set();
    let count = 0;
    for (const channel of pending) count += channel.flush();
    const dirty = this.#dirty;
    this.#dirty = [];
    this.#isFlushDue = false;
    for (const client of dirty) client.flush();
    if (count > 0) this.#options.delivered(count);
    this.#alone = pending.size === 1 ? [...pending][0] : undefined;
    this.#writtenAt = performance.now();
  }
}
