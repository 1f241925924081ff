/** Tallies that are kept at the same time; of more, the oldest are forgotten. */
export const TALLIES_MAX = 10_000;

interface Tally {
  since: number;
  count: number;
}

/**
 * Counts by name within a window, and says when there are too many.
 *
 * The process keeps them itself, bounded in size: an instance that starts begins anew, and several of them count so many
 * each. An exact count would cost a write for each thing counted.
 */
export class Tallies {
  readonly #most: number;
  readonly #windowMs: number;
  readonly #byName = new Map<string, Tally>();

  constructor({ most, windowMs }: { most: number; windowMs: number }) {
    this.#most = most;
    this.#windowMs = windowMs;
  }

  /** Whether one more is within the limit; it is counted if so. `now` is in milliseconds. */
  take(name: string, now: number): boolean {
    const present = this.#byName.get(name);
    if (present && now - present.since < this.#windowMs) {
      if (present.count >= this.#most) return false;
      present.count += 1;
      return true;
    }
    // A map keeps the order in which names came: the first is the oldest.
    this.#byName.delete(name);
    this.#byName.set(name, { since: now, count: 1 });
    const [oldest] = this.#byName.keys();
    if (this.#byName.size > TALLIES_MAX && oldest !== undefined) this.#byName.delete(oldest);
    return true;
  }

  /** In how many milliseconds a name begins anew; 0 for one that has no tally. */
  endsInMs(name: string, now: number): number {
    const present = this.#byName.get(name);
    return present ? Math.max(0, present.since + this.#windowMs - now) : 0;
  }
}
