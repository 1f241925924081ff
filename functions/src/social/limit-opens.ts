/**
 * How many opens of shared links are counted. Whoever opens a link is shown what it leads to in any case: many people can be
 * behind one address, and a page costs two reads. What is limited is what an open leaves behind, so that nobody inflates a
 * number without effort, or keeps the documents busy that it is added up in.
 *
 * The process keeps the tallies itself, bounded in size: an instance that starts begins anew, and several of them
 * count so many each. An exact limit would cost a write for each open, which is what it is there to save.
 */

/** A tally ends after so long. */
export const WINDOW_MS = 5 * 60_000;
/** Opens by one address that are counted within a window. */
export const OPENS_PER_ADDRESS = 300;
/** Opens of one share: eight a second, one for each document among which they are spread. */
export const OPENS_PER_SHARE = 2_400;
/** Tallies that are kept of each kind; of more, the oldest are forgotten. */
export const TALLIES_MAX = 10_000;

interface Tally {
  since: number;
  count: number;
}

/** Counts by name within a window, and says when there are too many. */
export class Tallies {
  readonly #most: number;
  readonly #byName = new Map<string, Tally>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether one more is within the limit; it is counted if so. `now` is in milliseconds. */
  take(name: string, now: number): boolean {
    const present = this.#byName.get(name);
    if (present && now - present.since < WINDOW_MS) {
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
}

/** An address as far as it names one subscriber: of IPv6, everybody has 2⁶⁴ of them. */
export function subscriberOf(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  const behind = tail === undefined ? [] : tail.split(':').filter((group) => group !== '');
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - behind.length) }, () => '0');
  const all = tail === undefined ? groups : [...groups, ...zeros, ...behind];
  return all
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':');
}

const byAddress = new Tallies(OPENS_PER_ADDRESS);
const byShare = new Tallies(OPENS_PER_SHARE);

/** Whether an open counts. `address` is the one that the platform's own front end saw. */
export const countsAsOpen = (code: string, address: string, now: Date): boolean =>
  byAddress.take(subscriberOf(address), now.getTime()) && byShare.take(code, now.getTime());
