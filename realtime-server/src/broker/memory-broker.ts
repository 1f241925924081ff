import {
  type Broker,
  type BrokerEvents,
  type ClientInfo,
  type History,
  type HistoryOptions,
  type HistoryQuery,
  IDEMPOTENCY_TTL_MS,
  type Publication,
  type PublishOptions,
  type Published,
  type StreamPosition,
} from './broker.ts';
import { VERSION_TTL_MS, positionTtlMs } from './lifetimes.ts';
import { MemoryStream } from './memory-stream.ts';
import { Remembered } from './remembered.ts';

interface MemoryBrokerOptions {
  now?: () => number;
}

/** Ids and versions that are remembered at once, of all channels; beyond it the oldest is given up. */
const REMEMBERED_MAX = 200_000;
const SWEEP_EVERY_MS = 10_000;
/** Where a publication stands that is not kept. */
const NOWHERE: StreamPosition = { offset: 0, epoch: '' };

/**
 * The broker of a single node. Everything happens within the call: a publication is with the node's subscribers when
 * `publish` returns its promise, and a reader who subscribes and reads the history in one turn can miss nothing.
 */
export class MemoryBroker implements Broker {
  readonly #now: () => number;
  readonly #streams = new Map<string, MemoryStream>();
  /** Of channels without history; those with one remember their own. */
  readonly #ids = new Remembered<number>(IDEMPOTENCY_TTL_MS, REMEMBERED_MAX);
  readonly #versions = new Remembered<number>(VERSION_TTL_MS, REMEMBERED_MAX);
  readonly #subscribed = new Set<string>();
  #events: BrokerEvents | undefined;
  #sweeper: NodeJS.Timeout | undefined;

  constructor({ now = Date.now }: MemoryBrokerOptions = {}) {
    this.#now = now;
  }

  async start(events: BrokerEvents): Promise<void> {
    this.#events = events;
    this.#sweeper = setInterval(() => this.sweep(), SWEEP_EVERY_MS).unref();
  }

  async subscribe(channel: string): Promise<void> {
    this.#subscribed.add(channel);
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#subscribed.delete(channel);
    // From now on it can be forgotten, but not at once: the subscriber may only have lost its connection.
    const stream = this.#streams.get(channel);
    if (stream) stream.touchedAt = this.#now();
  }

  async publish(channel: string, data: string, options: PublishOptions): Promise<Published> {
    const { history, id, version } = options;
    const now = this.#now();
    const stream = history && this.#stream(channel, history, now);
    if (id !== undefined) {
      const first = stream ? stream.offsetOf(id, now) : this.#ids.get(keyOf(channel, id), now);
      if (first !== undefined)
        return { position: stream ? { offset: first, epoch: stream.epoch } : NOWHERE, suppressed: 'duplicate' };
    }
    if (version) {
      const versionKey = keyOf(channel, version.key);
      const last = this.#versions.get(versionKey, now) ?? -Infinity;
      if (version.number <= last) return { position: stream?.position ?? NOWHERE, suppressed: 'version' };
      this.#versions.set(versionKey, version.number, now);
    }
    const publication: Publication = stream ? stream.append(data, options, now) : unkept(data, options);
    const position = stream?.position ?? NOWHERE;
    if (id !== undefined) {
      if (stream) stream.remember(id, now);
      else this.#ids.set(keyOf(channel, id), 0, now);
    }
    if (this.#subscribed.has(channel)) this.#events?.onPublication(channel, publication, position);
    return { position };
  }

  async publishJoin(channel: string, info: ClientInfo): Promise<void> {
    if (this.#subscribed.has(channel)) this.#events?.onJoin(channel, info);
  }

  async publishLeave(channel: string, info: ClientInfo): Promise<void> {
    if (this.#subscribed.has(channel)) this.#events?.onLeave(channel, info);
  }

  async history(channel: string, query: HistoryQuery): Promise<History> {
    const now = this.#now();
    const stream = this.#stream(channel, query.history, now);
    stream.touchedAt = now;
    stream.trim(now);
    return stream.read(query);
  }

  async removeHistory(channel: string): Promise<void> {
    this.#streams.get(channel)?.clear();
  }

  async control(message: string): Promise<void> {
    this.#events?.onControl(message);
  }

  /** Forgets what is past its time; the broker does so by itself now and then. */
  sweep(): void {
    const now = this.#now();
    this.#ids.sweep(now);
    this.#versions.sweep(now);
    for (const [channel, stream] of this.#streams) {
      stream.trim(now);
      stream.forgetOldIds(now);
      const forgotten = stream.touchedAt < now - positionTtlMs(stream.options);
      if (forgotten && !this.#subscribed.has(channel)) this.#streams.delete(channel);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweeper);
    this.#events = undefined;
  }

  #stream(channel: string, options: HistoryOptions, now: number): MemoryStream {
    const known = this.#streams.get(channel);
    if (known) {
      known.options = options;
      return known;
    }
    const stream = new MemoryStream(options, now);
    this.#streams.set(channel, stream);
    return stream;
  }
}

function unkept(data: string, { delta, rights, info, tags }: PublishOptions): Publication {
  return {
    offset: 0,
    data,
    ...(delta ? { delta } : {}),
    ...(rights ? { rights } : {}),
    ...(info ? { info } : {}),
    ...(tags ? { tags } : {}),
  };
}

/** One key of two names, whatever characters they have. */
const keyOf = (channel: string, name: string): string => `${name.length} ${name}${channel}`;
