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
  /** Ids that all streams together remember after a sweep, but for those that came since the one before. */
  streamIdsMax?: number;
}

/** Ids and versions that are remembered at once, of all channels without history; beyond it the oldest is given up. */
const REMEMBERED_MAX = 200_000;
/** Some 100 bytes each. A server that takes so many within IDEMPOTENCY_TTL_MS remembers each for a shorter time. */
const STREAM_IDS_MAX = 1_000_000;
const SWEEP_EVERY_MS = 10_000;
/** One channel; it has no stream until something is published to its history, or that is read. */
interface Kept {
  stream: MemoryStream | undefined;
  isSubscribed: boolean;
}

/** Where a publication stands that is not kept. */
const NOWHERE: StreamPosition = { offset: 0, epoch: '' };

/**
 * The broker of a single node. Everything happens within the call: a publication is with the node's subscribers when
 * `publish` returns its promise, and a reader who subscribes and reads the history in one turn can miss nothing.
 */
export class MemoryBroker implements Broker {
  readonly #now: () => number;
  readonly #streamIdsMax: number;
  readonly #channels = new Map<string, Kept>();
  /** Of channels without history; those with one remember their own. */
  readonly #ids = new Remembered(IDEMPOTENCY_TTL_MS, REMEMBERED_MAX);
  readonly #versions = new Remembered(VERSION_TTL_MS, REMEMBERED_MAX);
  #events: BrokerEvents | undefined;
  #sweeper: NodeJS.Timeout | undefined;

  constructor({ now = Date.now, streamIdsMax = STREAM_IDS_MAX }: MemoryBrokerOptions = {}) {
    this.#now = now;
    this.#streamIdsMax = streamIdsMax;
  }

  async start(events: BrokerEvents): Promise<void> {
    this.#events = events;
    this.#sweeper = setInterval(() => this.sweep(), SWEEP_EVERY_MS).unref();
  }

  async subscribe(channel: string): Promise<void> {
    this.#keep(channel).isSubscribed = true;
  }

  async unsubscribe(channel: string): Promise<void> {
    const kept = this.#channels.get(channel);
    if (!kept) return;
    kept.isSubscribed = false;
    // From now on it can be forgotten, but not at once: the subscriber may only have lost its connection.
    if (kept.stream) kept.stream.touchedAt = this.#now();
    else this.#channels.delete(channel);
  }

  async publish(channel: string, data: string, options: PublishOptions): Promise<Published> {
    const { history, id, version } = options;
    const now = this.#now();
    const kept = history ? this.#keep(channel) : this.#channels.get(channel);
    const stream = kept && history && streamOf(kept, history, now);
    if (id !== undefined) {
      const first = stream ? stream.offsetOf(id) : this.#ids.get(keyOf(channel, id));
      if (first !== undefined)
        return { position: stream ? { offset: first, epoch: stream.epoch } : NOWHERE, suppressed: 'duplicate' };
    }
    if (version) {
      const versionKey = keyOf(channel, version.key);
      const last = this.#versions.get(versionKey) ?? -Infinity;
      if (version.number <= last) return { position: stream?.position ?? NOWHERE, suppressed: 'version' };
      this.#versions.set(versionKey, version.number, now);
    }
    const publication: Publication = stream ? stream.append(data, options, now) : unkept(data, options);
    const position = stream?.position ?? NOWHERE;
    if (id !== undefined) {
      if (stream) stream.remember(id, now);
      else this.#ids.set(keyOf(channel, id), 0, now);
    }
    if (kept?.isSubscribed) this.#events?.onPublication(channel, publication, position);
    return { position };
  }

  async publishJoin(channel: string, info: ClientInfo): Promise<void> {
    if (this.#channels.get(channel)?.isSubscribed) this.#events?.onJoin(channel, info);
  }

  async publishLeave(channel: string, info: ClientInfo): Promise<void> {
    if (this.#channels.get(channel)?.isSubscribed) this.#events?.onLeave(channel, info);
  }

  async history(channel: string, query: HistoryQuery): Promise<History> {
    const now = this.#now();
    const stream = streamOf(this.#keep(channel), query.history, now);
    stream.touchedAt = now;
    stream.trim(now);
    return stream.read(query);
  }

  async removeHistory(channel: string): Promise<void> {
    this.#channels.get(channel)?.stream?.clear();
  }

  async control(message: string): Promise<void> {
    this.#events?.onControl(message);
  }

  /** Forgets what is past its time; the broker does so by itself now and then. */
  sweep(): void {
    const now = this.#now();
    this.#ids.sweep(now);
    this.#versions.sweep(now);
    let ids = 0;
    for (const [channel, { stream, isSubscribed }] of this.#channels) {
      if (!stream) continue;
      stream.trim(now);
      stream.forgetOldIds(now);
      ids += stream.idCount;
      const forgotten = stream.touchedAt < now - positionTtlMs(stream.options);
      if (forgotten && !isSubscribed) this.#channels.delete(channel);
    }
    if (ids > this.#streamIdsMax) for (const { stream } of this.#channels.values()) stream?.giveUpOlderIds(now);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweeper);
    this.#events = undefined;
  }

  #keep(channel: string): Kept {
    let kept = this.#channels.get(channel);
    if (!kept) {
      kept = { stream: undefined, isSubscribed: false };
      this.#channels.set(channel, kept);
    }
    return kept;
  }
}

/** The channel's stream, with the history that it has from now on. */
function streamOf(kept: Kept, options: HistoryOptions, now: number): MemoryStream {
  kept.stream ??= new MemoryStream(options, now);
  kept.stream.options = options;
  return kept.stream;
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
