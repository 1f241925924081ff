/**
 * How many different people something reached, without keeping who they were.
 *
 * HyperLogLog (Flajolet et al. 2007) with {@link REGISTERS} registers: each viewer's 64-bit hash names a register by its
 * first 12 bits and leaves there the place of the first one among its other 52, if that is further than what is there. The
 * number is read from the registers by Ertl's improved estimator ("New cardinality estimation algorithms for HyperLogLog
 * sketches", 2017, algorithm 6), which needs neither tables against bias nor a change of method for small numbers. Registers
 * of several sketches join by their maxima, as if all viewers had come to one.
 */

/** Bits of a hash that name its register. */
const PRECISION = 12;
const REGISTERS = 2 ** PRECISION;
/** Bits that are left, in which the first one is looked for. */
const RANK_BITS = 64 - PRECISION;
/** Relative standard error of the estimate: 1.04 / √4096. */
export const REACH_ERROR = 1.04 / Math.sqrt(REGISTERS);
/** A viewer's hash, as text: 16 hexadecimal digits. */
export const VIEWER_PATTERN = /^[0-9a-f]{16}$/;

export const emptySketch = (): Uint8Array => new Uint8Array(REGISTERS);

/** Adds a viewer, by a hash of {@link VIEWER_PATTERN}; returns whether that changed anything. */
export function addViewer(sketch: Uint8Array, viewer: string): boolean {
  const hash = BigInt(`0x${viewer}`);
  const register = Number(hash >> BigInt(RANK_BITS));
  const rest = hash & ((1n << BigInt(RANK_BITS)) - 1n);
  const rank = rest === 0n ? RANK_BITS + 1 : RANK_BITS - rest.toString(2).length + 1;
  if (rank <= (sketch[register] ?? 0)) return false;
  sketch[register] = rank;
  return true;
}

/** Joins a sketch into another. */
export function join(into: Uint8Array, other: Uint8Array): void {
  other.forEach((rank, register) => {
    if (rank > (into[register] ?? 0)) into[register] = rank;
  });
}

/** How many viewers a sketch stands for, to about {@link REACH_ERROR}. */
export function estimate(sketch: Uint8Array): number {
  const withRank = Array.from({ length: RANK_BITS + 2 }, () => 0);
  for (const rank of sketch) withRank[rank] = (withRank[rank] ?? 0) + 1;
  const share = (rank: number) => (withRank[rank] ?? 0) / REGISTERS;
  let sum = REGISTERS * tau(1 - share(RANK_BITS + 1));
  for (let rank = RANK_BITS; rank >= 1; rank -= 1) sum = 0.5 * (sum + (withRank[rank] ?? 0));
  sum += REGISTERS * sigma(share(0));
  return Math.round((REGISTERS * REGISTERS) / (2 * Math.LN2) / sum);
}

/** For registers that no viewer has reached. */
function sigma(empty: number): number {
  if (empty === 1) return Infinity;
  let power = empty;
  let weight = 1;
  let sum = empty;
  for (let former = NaN; sum !== former;) {
    former = sum;
    power *= power;
    sum += power * weight;
    weight += weight;
  }
  return sum;
}

/** For registers that can go no further. */
function tau(open: number): number {
  if (open === 0 || open === 1) return 0;
  let power = open;
  let weight = 1;
  let sum = 1 - open;
  for (let former = NaN; sum !== former;) {
    former = sum;
    power = Math.sqrt(power);
    weight *= 0.5;
    sum -= (1 - power) ** 2 * weight;
  }
  return sum / 3;
}

/** One shard's viewers: each of them as long as they are few, a sketch afterwards. */
export interface Viewers {
  /** Hashes of {@link VIEWER_PATTERN}. */
  exact: readonly string[];
  /** The registers in base64; what is in `exact` is in them as well. */
  sketch?: string | undefined;
}

/** Viewers that a shard keeps one by one. */
export const EXACT_MAX = 500;

const open = (sketch: string): Uint8Array => new Uint8Array(Buffer.from(sketch, 'base64'));

/** A shard's viewers with one more; undefined where that changes nothing. */
export function withViewer({ exact, sketch }: Viewers, viewer: string): Viewers | undefined {
  if (sketch === undefined) {
    if (exact.includes(viewer)) return undefined;
    if (exact.length < EXACT_MAX) return { exact: [...exact, viewer] };
  }
  const registers = sketch === undefined ? emptySketch() : open(sketch);
  for (const each of exact) addViewer(registers, each);
  if (!addViewer(registers, viewer) && sketch !== undefined) return undefined;
  return { exact: [], sketch: Buffer.from(registers).toString('base64') };
}

/** Distinct viewers of all shards: exact, with no error, until one of them has become a sketch. */
export function reachOf(shards: readonly Viewers[]): { reach: number; error: number } {
  const exact = new Set(shards.flatMap((shard) => shard.exact));
  if (shards.every(({ sketch }) => sketch === undefined)) return { reach: exact.size, error: 0 };
  const joined = emptySketch();
  for (const { sketch } of shards) if (sketch !== undefined) join(joined, open(sketch));
  for (const viewer of exact) addViewer(joined, viewer);
  return { reach: estimate(joined), error: REACH_ERROR };
}
