import { randomBytes } from 'node:crypto';
import type { Limits } from '../limits.ts';
import type { History, Publication, StreamPosition } from './broker.ts';

interface Stream {
  epoch: string;
  offset: number;
  publications: { publication: Publication; at: number }[];
  /** When a publication last came; a stream nobody wrote to for long is forgotten. */
  touchedAt: number;
}

/** Ids of events that were published, for recognising a redelivery; Pub/Sub keeps trying for far less time than this. */
const REMEMBERED_IDS = 200_000;
/** A stream without history is dropped after this many times its TTL; its readers then learn of a new epoch. */
const FORGET_AFTER_TTLS = 12;

/**
 * The cache of the live stream in one process: for each channel the newest publications, numbered without a gap.
 * Everything is synchronous, so a reader who subscribes and reads its history in one turn can miss nothing.
 */
export class MemoryBroker {
  readonly #streams = new Map<string, Stream>();
  readonly #ids = new Set<string>();
  readonly #limits: Pick<Limits, 'historySize' | 'historyTtlMs'>;
  readonly #now: () => number;

  constructor(limits: Pick<Limits, 'historySize' | 'historyTtlMs'>, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Appends to a channel's stream; undefined when an event of this id is there already. */
  publish(channel: string, id: string, data: string): Publication | undefined {
    const key = `${channel} ${id}`;
    if (this.#ids.has(key)) return undefined;
    this.#ids.add(key);
    if (this.#ids.size > REMEMBERED_IDS) for (const oldest of this.#ids.values().take(1)) this.#ids.delete(oldest);

    const stream = this.#stream(channel);
    stream.offset += 1;
    stream.touchedAt = this.#now();
    const publication = { offset: stream.offset, data };
    stream.publications.push({ publication, at: stream.touchedAt });
    this.#trim(stream);
    return publication;
  }

  /** The channel's newest position. */
  position(channel: string): StreamPosition {
    const { offset, epoch } = this.#stream(channel);
    return { offset, epoch };
  }

  /** What came after `since`, or everything there is when it is left out; at most `limit` of it. */
  history(channel: string, since?: StreamPosition, limit = Infinity): History {
    const stream = this.#stream(channel);
    this.#trim(stream);
    const position = { offset: stream.offset, epoch: stream.epoch };
    const kept = stream.publications.map(({ publication }) => publication);
    if (!since) return { publications: kept.slice(0, limit), position, complete: true };
    const first = kept[0]?.offset ?? stream.offset + 1;
    const complete = since.epoch === stream.epoch && since.offset <= stream.offset && since.offset >= first - 1;
    const missed = complete ? kept.filter(({ offset }) => offset > since.offset) : [];
    return { publications: missed.slice(0, limit), position, complete: complete && missed.length <= limit };
  }

  /** Forgets what is past its time; to be called now and then. */
  sweep(): void {
    const forgotten = this.#now() - FORGET_AFTER_TTLS * this.#limits.historyTtlMs;
    for (const [channel, stream] of this.#streams) {
      this.#trim(stream);
      if (stream.publications.length === 0 && stream.touchedAt < forgotten) this.#streams.delete(channel);
    }
  }

  #stream(channel: string): Stream {
    const known = this.#streams.get(channel);
    if (known) return known;
    const stream = { epoch: randomBytes(6).toString('base64url'), offset: 0, publications: [], touchedAt: this.#now() };
    this.#streams.set(channel, stream);
    return stream;
  }

  #trim(stream: Stream): void {
    const oldest = this.#now() - this.#limits.historyTtlMs;
    let drop = Math.max(0, stream.publications.length - this.#limits.historySize);
    while ((stream.publications[drop]?.at ?? Infinity) < oldest) drop += 1;
    if (drop > 0) stream.publications.splice(0, drop);
  }
}
