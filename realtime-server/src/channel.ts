import type { ChannelOptions } from './channel-options.ts';
import type { Broker, ClientInfo, History, HistoryOptions, Publication, StreamPosition } from './broker/broker.ts';
import { Outbox, type Subscriber, WANTS } from './outbox.ts';
import type { RecoverFrom } from './protocol/messages.ts';
import type { Outlet, Rights } from './rights.ts';
import { Stream, type StreamOptions } from './stream.ts';

/** A channel with more subscribers on a node than this tells nobody who comes and goes: each would be told of each. */
export const ANNOUNCED_SUBSCRIBERS_MAX = 1_000;
/** Times that a client may find the channel changed under it while it joins; then it is told to try again. */
const JOIN_TRIES_MAX = 10;
/** How long a read serves who comes back from the same place, while nothing new comes: a herd takes some seconds to return. */
const READ_KEPT_MS = 1_000;
/** Reads of one channel that are kept so; who comes back from yet another place has one that ends with its answer. */
const READS_KEPT_MAX = 16;

const NOBODY: readonly Publication[][] = [];

export interface ChannelNeeds {
  broker: Pick<Broker, 'history'>;
  rights: Pick<Rights, 'inTurn' | 'whenIdle'>;
  /** The channel has something to flush at the end of this turn. */
  pending: (channel: Channel) => void;
  /** Its subscribers have missed something for good, and must be told so. */
  lost: (channel: Channel) => void;
  /** History was read, or need not be. */
  cache: (outcome: 'hit' | 'miss') => void;
}

/** What a client learns when it enters a channel. */
export interface Joined {
  position: StreamPosition;
  /** Whether `publications` is everything since the position that it came with; absent when it came with none. */
  recovered?: boolean;
  publications: readonly Publication[];
}

/** One channel on this node: its stream, its subscribers, and what they are about to get. */
export class Channel implements StreamOptions, Outlet {
  readonly name: string;
  readonly options: ChannelOptions;
  readonly #needs: ChannelNeeds;
  readonly #subscribers = new Map<Subscriber, number>();
  readonly #outbox: Outbox;
  readonly #stream: Stream | undefined;
  /** What was delivered since somebody began to read the history, for each that does. */
  #readers: readonly Publication[][] = NOBODY;
  /** Reads under way or just done, by the position that they begin at: who comes back from the same place shares one. */
  #reads: Map<string, Promise<History>> | undefined;
  /** How often something was heard that may have changed who may hear the channel. */
  #rightsVersion = 0;
  /** Clients that are subscribed or about to be; the hub closes a channel without any. */
  uses = 0;
  /** When something last came, epoch milliseconds. */
  heardAt = 0;

  constructor(name: string, options: ChannelOptions, needs: ChannelNeeds) {
    this.name = name;
    this.options = options;
    this.#needs = needs;
    this.#outbox = new Outbox(name);
    this.#stream = options.history && new Stream(this);
  }

  get subscribers(): ReadonlyMap<Subscriber, number> {
    return this.#subscribers;
  }

  /** It is known that something was missed, and could not be read so far. */
  get isBehind(): boolean {
    return this.#stream?.isBehind === true;
  }

  get rightsVersion(): number {
    return this.#rightsVersion;
  }

  /** Finds out where the channel's stream is. @throws {Error} when the broker cannot tell */
  async open(): Promise<void> {
    await this.#stream?.open();
  }

  /** Takes a publication from the broker. */
  receive(publication: Publication, { epoch }: StreamPosition): void {
    if (this.#stream && publication.offset > 0) this.#stream.receive(publication, epoch);
    else this.deliver(publication);
  }

  /** Tells those who asked that somebody came or went. */
  announce(entry: { join: ClientInfo } | { leave: ClientInfo }): void {
    if (this.#subscribers.size === 0 || this.#subscribers.size > ANNOUNCED_SUBSCRIBERS_MAX) return;
    this.#outbox.add(entry);
    this.#needs.pending(this);
  }

  /** Reads what may have been missed. @throws {Error} when the broker cannot be reached */
  async catchUp(): Promise<void> {
    await this.#stream?.catchUp();
  }

  /** Hands the subscribers what came in this turn, and says how many publications were delivered to all of them together. */
  flush(): number {
    return this.#outbox.flush(this.#subscribers);
  }

  /**
   * Makes a client a subscriber, at a position from which it gets everything: what it missed before, now, and what
   * follows, from the channel.
   *
   * @param permit asks whether it may; asked again when rights change meanwhile. It throws where not
   * @param reply is called in the turn in which the client has become one; not when it is gone meanwhile
   * @throws {Error} when the broker cannot be reached, or the channel does not come to rest
   */
  async join(
    subscriber: Subscriber,
    { wants, from, permit, isGone }: JoinRequest,
    reply: (joined: Joined) => void,
  ): Promise<void> {
    for (let tries = 0; tries < JOIN_TRIES_MAX; tries += 1) {
      const version = this.#rightsVersion;
      await permit();
      await this.#rest();
      const missed = from?.recover ? await this.#missedSince(from) : { publications: [] };
      if (isGone()) return;
      if (!missed || version !== this.#rightsVersion || this.#isBusy || !this.#reaches(missed, from)) continue;
      const base = missed.recovered === true && missed.publications.length > 0 ? WANTS.deltaBase : 0;
      this.#subscribers.set(subscriber, wants | ((wants & WANTS.delta) !== 0 ? base : 0));
      this.#outbox.join(subscriber);
      reply({ position: this.#stream?.position ?? { offset: 0, epoch: '' }, ...missed });
      return;
    }
    throw new Error('the channel does not come to rest');
  }

  leave(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
    this.#outbox.leave(subscriber);
  }

  /** The history, after everybody who is to be asked about what is in it has been. */
  async history(query: { since?: StreamPosition; limit: number; reverse?: boolean }): Promise<History> {
    const { history } = this.options;
    if (!history) return { publications: [], position: { offset: 0, epoch: '' }, complete: true };
    const read = await this.#needs.broker.history(this.name, { ...query, history });
    // What this node has not heard of yet may be what takes a subscriber's right away.
    const known = this.#stream?.position;
    if (known && (read.position.epoch !== known.epoch || read.position.offset > known.offset)) await this.catchUp();
    await this.#rest();
    return read;
  }

  get #isBusy(): boolean {
    return this.#stream?.isCatchingUp === true || this.#needs.rights.whenIdle(this.name) !== undefined;
  }

  /** Waits until nothing is held back or being read. */
  async #rest(): Promise<void> {
    for (let waits = 0; this.#isBusy && waits < JOIN_TRIES_MAX; waits += 1) {
      if (this.#stream?.isCatchingUp) await this.#stream.catchUp();
      await this.#needs.rights.whenIdle(this.name);
    }
  }

  /** Whether what was missed goes up to where the stream is by now: a publication may have come since it was put together. */
  #reaches({ recovered, publications }: Omit<Joined, 'position'>, from: RecoverFrom | undefined): boolean {
    if (!recovered || !this.#stream) return true;
    const { epoch, offset } = this.#stream.position;
    return (from?.epoch ?? '') === epoch && (publications.at(-1)?.offset ?? from?.offset ?? 0) === offset;
  }

  /** What a client that comes back from `from` has missed; undefined when the channel moved on, and it is to be asked again. */
  async #missedSince(from: RecoverFrom): Promise<Omit<Joined, 'position'> | undefined> {
    const stream = this.#stream;
    const { history } = this.options;
    if (!stream || !history) return { recovered: false, publications: [] };
    const since = { offset: from.offset ?? 0, epoch: from.epoch ?? '' };
    if (since.epoch === stream.position.epoch && since.offset === stream.position.offset) {
      this.#needs.cache('hit');
      return { recovered: true, publications: [] };
    }
    this.#needs.cache('miss');
    const meanwhile: Publication[] = [];
    this.#readers = [...this.#readers, meanwhile];
    try {
      const read = await this.#readOnce(since, history);
      // The broker may be ahead of what this node was told.
      if (read.position.epoch !== stream.position.epoch || read.position.offset > stream.position.offset)
        await stream.catchUp();
      if (read.position.epoch !== stream.position.epoch) {
        this.#reads = undefined;
        return undefined;
      }
      if (!read.complete) return { recovered: false, publications: [] };
      const publications = [...read.publications, ...meanwhile.filter(({ offset }) => offset > read.position.offset)];
      const last = publications.at(-1)?.offset ?? since.offset;
      return last === stream.position.offset ? { recovered: true, publications } : undefined;
    } finally {
      this.#readers = this.#readers.filter((each) => each !== meanwhile);
    }
  }

  #readOnce(since: StreamPosition, history: HistoryOptions): Promise<History> {
    const key = `${since.epoch} ${since.offset}`;
    const reads = (this.#reads ??= new Map<string, Promise<History>>());
    const known = reads.get(key);
    if (known) return known;
    const read = this.#needs.broker.history(this.name, { since, limit: Infinity, history });
    reads.set(key, read);
    const forget = () => {
      reads.delete(key);
      if (reads.size === 0 && this.#reads === reads) this.#reads = undefined;
    };
    const keep = () => {
      if (reads.size > READS_KEPT_MAX) forget();
      else setTimeout(forget, READ_KEPT_MS).unref();
    };
    read.then(keep, forget);
    return read;
  }

  /** @inheritdoc */
  async read(since?: StreamPosition): Promise<History> {
    const { history } = this.options;
    if (!history) throw new Error('the channel has no history');
    return this.#needs.broker.history(this.name, since ? { since, limit: Infinity, history } : { limit: 0, history });
  }

  /** @inheritdoc */
  lost(): void {
    this.#needs.lost(this);
  }

  /** The publication is delivered when all before it are, and when it is clear who may hear it. */
  deliver(publication: Publication): void {
    if (publication.rights) this.#rightsVersion += 1;
    // They end before it, and what it says may be that nobody is to read what came before.
    this.#reads = undefined;
    for (const reader of this.#readers) reader.push(publication);
    this.#needs.rights.inTurn(this, publication);
  }

  /** @inheritdoc */
  handOut(publication: Publication): void {
    if (this.#subscribers.size === 0) return;
    this.#outbox.add(publication);
    this.#needs.pending(this);
  }
}

export interface JoinRequest {
  /** Bits of WANTS. */
  wants: number;
  from: RecoverFrom | undefined;
  permit: () => Promise<void>;
  isGone: () => boolean;
}
