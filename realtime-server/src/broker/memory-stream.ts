import { randomBytes } from 'node:crypto';
import {
  type ClientInfo,
  type History,
  type HistoryOptions,
  type HistoryQuery,
  IDEMPOTENCY_TTL_MS,
  type Publication,
  type PublishOptions,
  type RightsChange,
  type StreamPosition,
} from './broker.ts';
import { Remembered } from './remembered.ts';

/** A publication as it is kept: one object, since there may be millions. When it came is nobody else's business. */
class Entry implements Publication {
  readonly offset: number;
  readonly data: string;
  declare info?: ClientInfo;
  declare tags?: Record<string, string>;
  declare rights?: RightsChange;
  declare delta?: true;
  readonly #at: number;

  constructor(offset: number, data: string, { delta, rights, info, tags }: PublishOptions, at: number) {
    this.offset = offset;
    this.data = data;
    if (delta) this.delta = delta;
    if (rights) this.rights = rights;
    if (info) this.info = info;
    if (tags) this.tags = tags;
    this.#at = at;
  }

  isOlderThan(at: number): boolean {
    return this.#at < at;
  }
}

/** Below this many dropped entries the array is left as it is: moving the rest would cost more than the room is worth. */
const COMPACT_FROM = 64;

/** Ids that one channel remembers; beyond it the oldest are given up. */
const IDS_MAX = 50_000;

/**
 * The newest publications of one channel. They are dropped only from the oldest on, so their offsets have no gap, and the
 * place of one follows from its offset. Appending and dropping cost the same however much is kept.
 */
export class MemoryStream {
  readonly epoch = randomBytes(6).toString('base64url');
  /** The channel's, as last heard. */
  options: HistoryOptions;
  /** When it was last written to or asked for. */
  touchedAt: number;
  /** The newest offset. */
  #top = 0;
  #audience: string | undefined;
  #entries: (Entry | undefined)[] = [];
  #ids: Remembered | undefined;
  /** Entries before this one are dropped. */
  #head = 0;

  constructor(options: HistoryOptions, at: number) {
    this.options = options;
    this.touchedAt = at;
  }

  get position(): StreamPosition {
    return { offset: this.#top, epoch: this.epoch };
  }

  /** Appends what `publish` was given as the next publication. */
  append(data: string, options: PublishOptions, at: number): Publication {
    const { audience } = options;
    if (audience !== undefined && audience !== this.#audience) {
      this.clear();
      this.#audience = audience;
    }
    this.#top += 1;
    this.touchedAt = at;
    const entry = new Entry(this.#top, data, options, at);
    this.#entries.push(entry);
    while (this.#kept > this.options.size) this.#drop();
    return entry;
  }

  /** The offset of the publication that had this id, where it is remembered. */
  offsetOf(id: string): number | undefined {
    return this.#ids?.get(id);
  }

  remember(id: string, now: number): void {
    this.#ids ??= new Remembered(IDEMPOTENCY_TTL_MS, IDS_MAX);
    this.#ids.set(id, this.#top, now);
  }

  forgetOldIds(now: number): void {
    this.#ids?.sweep(now);
  }

  get idCount(): number {
    return this.#ids?.size ?? 0;
  }

  /** Gives up the older of its ids before their time. */
  giveUpOlderIds(now: number): void {
    this.#ids?.giveUpOlder(now);
  }

  /** What a query asks for, of what is kept. */
  read({ since, limit, reverse }: HistoryQuery): History {
    const { position } = this;
    const first = this.#top + 1 - this.#kept;
    if (since && (since.epoch !== this.epoch || since.offset > this.#top || (!reverse && since.offset < first - 1)))
      return { publications: [], position, complete: false };
    if (reverse) {
      const end = since?.offset ?? this.#top + 1;
      const before = this.#slice(Math.max(first, end - limit), end);
      return { publications: before.toReversed(), position, complete: true };
    }
    const start = Math.max(first, (since?.offset ?? 0) + 1);
    return { publications: this.#slice(start, Math.min(this.#top + 1, start + limit)), position, complete: true };
  }

  /** Drops what is over the channel's size or past its time; to be called before it is read, and now and then. */
  trim(now: number): void {
    const oldest = now - this.options.ttlMs;
    while (this.#kept > this.options.size || this.#entries[this.#head]?.isOlderThan(oldest)) this.#drop();
  }

  /** Drops the oldest. */
  #drop(): void {
    this.#entries[this.#head] = undefined;
    this.#head += 1;
    if (this.#head >= COMPACT_FROM && this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Drops everything; the position stays. */
  clear(): void {
    this.#entries = [];
    this.#head = 0;
  }

  get #kept(): number {
    return this.#entries.length - this.#head;
  }

  /** The publications of the offsets from `start` on and before `end`. */
  #slice(start: number, end: number): Publication[] {
    const before = this.#head - (this.#top + 1 - this.#kept);
    const publications: Publication[] = [];
    for (let offset = start; offset < end; offset += 1) {
      const entry = this.#entries[before + offset];
      if (entry) publications.push(entry);
    }
    return publications;
  }
}
