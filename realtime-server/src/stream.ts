import type { History, Publication, StreamPosition } from './broker/broker.ts';

/** Publications that may wait while what is missing before them is read; more are read with it. */
const WAITING_MAX = 1_000;
/** Reads in a row that may leave something missing, on a channel to which more is published than can be read. */
const READS_MAX = 5;

export interface StreamOptions {
  /** What came after a position, or, without one, the position alone. */
  read(since?: StreamPosition): Promise<History>;
  /** Gets each publication once, in order, without a hole. */
  deliver(publication: Publication): void;
  /** What comes next does not follow what was delivered; what lies between cannot be had. */
  lost(): void;
}

/**
 * Follows one channel's stream: from what a broker tells, which may come twice or not at all, to what subscribers get,
 * which is every publication once, in order. What is missing is read from the history.
 */
export class Stream {
  readonly #options: StreamOptions;
  // Two fields and not a position: the offset changes with every publication.
  #offset = 0;
  #epoch = '';
  #waiting: Publication[] = [];
  #waitingEpoch = '';
  /** Some of what waited was dropped. */
  #overflown = false;
  #reading: Promise<void> | undefined;
  #isBehind = false;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** Of the publication that was delivered last. */
  get position(): StreamPosition {
    return { offset: this.#offset, epoch: this.#epoch };
  }

  /** The last read failed: something may be missing. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Something is being read, so the position is about to change. */
  get isCatchingUp(): boolean {
    return this.#reading !== undefined;
  }

  /** Finds out where the stream is. @throws {Error} when the broker cannot tell */
  async open(): Promise<void> {
    await this.#singly(async () => {
      this.#moveTo((await this.#options.read()).position);
    });
  }

  /** Takes what the broker tells. */
  receive(publication: Publication, epoch: string): void {
    if (this.#reading) this.#keep(publication, epoch);
    else this.#take(publication, epoch);
  }

  /**
   * Reads and delivers what was published since; resolves also when that is nothing.
   *
   * @throws {Error} when the broker cannot be reached: the stream stands where it stood, and can be asked again
   */
  catchUp(): Promise<void> {
    return this.#singly(async () => {
      for (let reads = 0; reads < READS_MAX; reads += 1) {
        // What came before the read begins is part of what is read, or of an epoch that has ended.
        this.#waiting = [];
        this.#overflown = false;
        this.#accept(await this.#options.read(this.position));
        if (!this.#overflown) return;
      }
      throw new Error('the channel is written to faster than it can be read');
    });
  }

  #moveTo({ offset, epoch }: StreamPosition): void {
    this.#offset = offset;
    this.#epoch = epoch;
  }

  #accept({ publications, position, complete }: History): void {
    if (!complete || position.epoch !== this.#epoch) {
      this.#moveTo(position);
      this.#options.lost();
      return;
    }
    for (const each of publications) if (each.offset === this.#offset + 1) this.#next(each);
  }

  #take(publication: Publication, epoch: string): void {
    if (epoch === this.#epoch && publication.offset <= this.#offset) return;
    if (epoch === this.#epoch && publication.offset === this.#offset + 1) {
      this.#next(publication);
      return;
    }
    this.#keep(publication, epoch);
    // Who cannot read it now reads it at the next occasion: another publication, or a look at the position.
    void this.catchUp().catch(() => undefined);
  }

  #next(publication: Publication): void {
    this.#offset = publication.offset;
    this.#options.deliver(publication);
  }

  #keep(publication: Publication, epoch: string): void {
    if (epoch !== this.#waitingEpoch) this.#waiting = [];
    this.#waitingEpoch = epoch;
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push(publication);
    else this.#overflown = true;
  }

  /** One read at a time; who comes during one gets its outcome. What came meanwhile follows. */
  #singly(work: () => Promise<void>): Promise<void> {
    this.#reading ??= work().then(
      () => {
        this.#reading = undefined;
        this.#isBehind = false;
        const waiting = this.#waiting;
        this.#waiting = [];
        for (const each of waiting) this.receive(each, this.#waitingEpoch);
      },
      (error: unknown) => {
        // What waits is part of what the next read finds.
        this.#reading = undefined;
        this.#isBehind = true;
        throw error;
      },
    );
    return this.#reading;
  }
}
