type Generation<Value> = Map<string, { value: Value; at: number }>;

/**
 * Values that are remembered for a while. They come into the younger of two generations; when half of what is allowed is in
 * it, or its time is over, the older one is given up and the younger takes its place. (To delete the oldest of one map
 * one by one is slow: V8 passes over the places of the deleted to find it.)
 */
export class Remembered<Value> {
  readonly #ttlMs: number;
  readonly #most: number;
  #young: Generation<Value> = new Map();
  #old: Generation<Value> = new Map();
  #youngSince = -Infinity;

  /** At most so many are remembered; of the newest, at least half as many. */
  constructor(ttlMs: number, most: number) {
    this.#ttlMs = ttlMs;
    this.#most = most;
  }

  get(key: string, now: number): Value | undefined {
    const kept = this.#young.get(key) ?? this.#old.get(key);
    return kept && kept.at >= now - this.#ttlMs ? kept.value : undefined;
  }

  set(key: string, value: Value, now: number): void {
    if (this.#young.size >= this.#most / 2) this.#turn(now);
    this.#young.set(key, { value, at: now });
  }

  /** To be called now and then: gives up what is past its time, within twice that. */
  sweep(now: number): void {
    if (this.#youngSince < now - this.#ttlMs) this.#turn(now);
  }

  #turn(now: number): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngSince = now;
  }
}
