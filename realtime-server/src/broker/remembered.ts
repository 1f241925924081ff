type Generation = Map<string, number>;

/**
 * Numbers that are remembered for a while: at least for the time, unless more come than may be kept, and at most for twice
 * that. They come into the younger of two generations; when half of what is allowed is in it, or its time is over, the
 * older one is given up and the younger takes its place. (To delete the oldest of one map one by one is slow: V8 passes
 * over the places of the deleted to find it.) A number each and no time of its own, since there may be millions.
 */
export class Remembered {
  readonly #ttlMs: number;
  readonly #most: number;
  #young: Generation = new Map();
  #old: Generation = new Map();
  #youngSince = -Infinity;

  /** At most so many are remembered; of the newest, at least half as many. */
  constructor(ttlMs: number, most: number) {
    this.#ttlMs = ttlMs;
    this.#most = most;
  }

  get(key: string): number | undefined {
    return this.#young.get(key) ?? (this.#old.size > 0 ? this.#old.get(key) : undefined);
  }

  set(key: string, value: number, now: number): void {
    if (this.#young.size >= this.#most / 2) this.giveUpOlder(now);
    if (this.#young.size === 0) this.#youngSince = now;
    this.#young.set(key, value);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** To be called now and then: gives up what is past its time. */
  sweep(now: number): void {
    if (this.#youngSince < now - this.#ttlMs) this.giveUpOlder(now);
  }

  /** Gives up the older generation before its time. */
  giveUpOlder(now: number): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngSince = now;
  }
}
