import { crc32 } from 'node:zlib';

/** A 64-bit perceptual hash as 16 lower-case hexadecimal digits. */
export type HashHex = string;

export interface Neighbour {
  id: string;
  /** How many of the 64 bits differ. */
  distance: number;
}

/** What an index refuses to hold, or to be read from. */
export class HashIndexError extends Error {
  override name = 'HashIndexError';
}

/** Ten hashes each of 1,200,000 pictures, some 370 megabytes with tables and ids; more belong into shards. */
const ENTRIES_MAX = 12_000_000;
/** Times that the id may change from one hash to the next: pictures, if each one's hashes are added together. */
const RUNS_MAX = 2_000_000;
const ID_CHARACTERS_MAX = 128;
const CAPACITY_FIRST = 1024;
/** Small, because what is copied when it grows may be a hundred megabytes. */
const GROWTH = 1.25;
const HASH_BITS = 64;

/** The bits of each part of a hash, the highest first. */
const PART_BITS = [21, 21, 22] as const;
/** Enough for `MATCH_DISTANCE_MAX`; one bit more makes seven times as many places to look at. */
const PART_DISTANCE_MAX = 2;
/** By part and distance: what a part is combined with, by exclusive or, for every value that is so near. */
const FLIPS = PART_BITS.map(flipsOf);
/** So many hashes may wait for the tables, which take a second to make for ten million; an index of no more has none. */
const UNSORTED_MAX = 65_536;
/** Looking at a hash that a table names takes as long as looking at so many in a row: measured, five to eight. */
const CANDIDATE_COST = 8;
/** No more than one in so many hashes is kept after its id was removed. */
const REMOVED_PART = 8;
/** Stands for an id that was removed; no id is empty. */
const REMOVED = '';

const MAGIC = Buffer.from('PNhi', 'latin1');
const VERSION = 1;
/** Magic, version, number of entries, checksum of all that follows. */
const HEADER_BYTES = 16;
const HASH_BYTES = 8;
/** A character takes up to three bytes in UTF-8, and the line break one. */
const ID_BYTES_MAX = ID_CHARACTERS_MAX * 3 + 1;
/** Ends each id in a serialised index, so no id may hold it. An id that is the same as the one before is left empty. */
const ID_END = '\n';
const ID_END_BYTE = 10;

/** The first `count` entries, sorted by each part of their hashes in turn. */
interface Tables {
  count: number;
  /** The entries by their first part, then once more by their second, and by their third. */
  order: Uint32Array;
  /** By part: the entries whose part is `p` stand in `order` from `starts[p]` to `starts[p + 1]`. */
  starts: readonly Uint32Array[];
}

/**
 * Finds the hashes near a given one without looking at all of them (multi-index hashing: Norouzi, Punjani and Fleet,
 * "Fast search in Hamming space", 2012).
 *
 * Looking at all takes a few instructions a hash, which is fast enough for some ten thousand. For a million pictures
 * it takes a fifth of a second, because each has ten hashes and is looked up by six. So a hash is cut into three parts,
 * and there is a table of each. If two hashes differ in eight bits or fewer, one of the parts differs in two or fewer,
 * and the hashes with such parts stand at 718 places of the tables: among ten million, three thousand hashes. All six
 * look-ups together then take two milliseconds (`npm run bench near-duplicates`). With the usual parts of 16 bits a
 * place holds thirty times as many hashes, and it takes seven times as long.
 *
 * Looking at all is left for small indexes, for greater distances, for hashes of which the tables name too many, and for
 * what was added since the tables were made. A look-up that finds too much of that makes them first. Every look-up is
 * exact, whichever way it takes.
 *
 * An id may stand under several hashes and is found once, at its nearest. Hashes of one id that are added one after the
 * other share one copy of it.
 */
export class HashIndex {
  /** The high and the low word of each hash. */
  #words = new Uint32Array(CAPACITY_FIRST * 2);
  #count = 0;
  #removed = 0;
  /** The ids of runs of entries, and the entry at which each run begins. */
  #ids: string[] = [];
  #starts: number[] = [];
  #tables: Tables | undefined;

  /** The number of hashes, not of ids. */
  get size(): number {
    return this.#count - this.#removed;
  }

  /**
   * Adds one hash of an id. The same pair added twice is kept twice, found once and removed at once.
   *
   * @throws {HashIndexError} if the index is full, the hash is not 16 lower-case hexadecimal digits, or the id is
   *   empty, too long, not well-formed or has a line break.
   */
  add(id: string, hash: HashHex): void {
    checkId(id);
    const [high, low] = words(hash);
    if (this.#count >= ENTRIES_MAX || this.#ids.length >= RUNS_MAX) this.#compact();
    if (this.#count >= ENTRIES_MAX) throw new HashIndexError(`The index is full: it holds ${ENTRIES_MAX} hashes.`);
    this.#startRun(id);
    this.#reserve(this.#count + 1);
    this.#words[this.#count * 2] = high;
    this.#words[this.#count * 2 + 1] = low;
    this.#count += 1;
  }

  /** Removes all hashes of an id and returns how many there were. */
  remove(id: string): number {
    let removed = 0;
    for (const [run, other] of this.#ids.entries()) {
      if (other !== id || id === REMOVED) continue;
      this.#ids[run] = REMOVED;
      removed += this.#startOf(run + 1) - this.#startOf(run);
    }
    this.#removed += removed;
    if (this.#removed * REMOVED_PART > this.#count) this.#compact();
    return removed;
  }

  /**
   * The ids within `maxDistance` differing bits of a hash, nearest first, at most `limit`; of equally near ones, which
   * come first is not said.
   *
   * @throws {HashIndexError} if the hash is not 16 lower-case hexadecimal digits.
   */
  find(hash: HashHex, maxDistance: number, limit: number): Neighbour[] {
    const [high, low] = words(hash);
    // As many of each distance as could be wanted: what is kept stays small even when everything is near.
    const found: Set<string>[] = Array.from({ length: HASH_BITS + 1 }, () => new Set());
    const keep = (entry: number, distance: number): void => {
      const same = found[distance];
      if (!same || same.size >= limit) return;
      const id = this.#idOf(entry);
      if (id !== REMOVED) same.add(id);
    };
    const tables = Math.floor(maxDistance / PART_BITS.length) > PART_DISTANCE_MAX ? undefined : this.#sorted();
    const sorted = tables && findSorted(tables, this.#words, [high, low], maxDistance, keep);
    const [all, end] = [this.#words, this.#count * 2];
    for (let at = sorted ? tables.count * 2 : 0; at < end; at += 2) {
      const distance = countBits((all[at] ?? 0) ^ high) + countBits((all[at + 1] ?? 0) ^ low);
      if (distance <= maxDistance) keep(at / 2, distance);
    }

    const nearest = new Map<string, number>();
    for (const [distance, ids] of found.entries()) {
      for (const id of ids) {
        if (nearest.size >= limit) break;
        if (!nearest.has(id)) nearest.set(id, distance);
      }
    }
    return Array.from(nearest, ([id, distance]) => ({ id, distance }));
  }

  /**
   * The ids that are near to any of several hashes of one picture, each at its smallest distance; otherwise as `find`.
   *
   * @throws {HashIndexError} if a hash is not 16 lower-case hexadecimal digits.
   */
  findAny(hashes: readonly HashHex[], maxDistance: number, limit: number): Neighbour[] {
    const nearest = new Map<string, Neighbour>();
    for (const neighbour of hashes.flatMap((hash) => this.find(hash, maxDistance, limit))) {
      const known = nearest.get(neighbour.id);
      if (!known || neighbour.distance < known.distance) nearest.set(neighbour.id, neighbour);
    }
    return [...nearest.values()].toSorted((a, b) => a.distance - b.distance).slice(0, limit);
  }

  /** The whole index as bytes for a file; `parse` reads them back. */
  serialise(): Buffer {
    this.#compact();
    const ids = this.#ids.map((id, run) => {
      const written = id === this.#ids[run - 1] ? '' : id;
      return written + ID_END.repeat(this.#startOf(run + 1) - this.#startOf(run));
    });
    const text = ids.join('');
    const textStart = HEADER_BYTES + this.#count * HASH_BYTES;
    const bytes = Buffer.alloc(textStart + Buffer.byteLength(text));
    const view = new DataView(bytes.buffer, bytes.byteOffset + HEADER_BYTES);
    for (let at = 0; at < this.#count * 2; at += 1) view.setUint32(at * 4, this.#words[at] ?? 0, true);
    bytes.write(text, textStart);
    MAGIC.copy(bytes);
    bytes.writeUInt32LE(VERSION, 4);
    bytes.writeUInt32LE(this.#count, 8);
    bytes.writeUInt32LE(crc32(bytes.subarray(HEADER_BYTES)), 12);
    return bytes;
  }

  /**
   * Reads what `serialise` wrote.
   *
   * @throws {HashIndexError} if the bytes are something else, of another version, damaged or too many.
   */
  static parse(bytes: Buffer): HashIndex {
    if (bytes.length < HEADER_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
      throw new HashIndexError('These bytes are no hash index.');
    }
    const version = bytes.readUInt32LE(4);
    if (version !== VERSION) throw new HashIndexError(`Hash indexes of version ${version} cannot be read.`);
    const count = bytes.readUInt32LE(8);
    if (count > ENTRIES_MAX) throw new HashIndexError(`The hash index is too large: it has ${count} hashes.`);
    const body = bytes.subarray(HEADER_BYTES);
    if (body.length < count * HASH_BYTES || body.length > count * (HASH_BYTES + ID_BYTES_MAX)) {
      throw new HashIndexError(`${bytes.length} bytes are no hash index of ${count} hashes.`);
    }
    if (crc32(body) !== bytes.readUInt32LE(12)) throw new HashIndexError('The hash index is damaged.');

    const index = new HashIndex();
    index.#reserve(count);
    const view = new DataView(body.buffer, body.byteOffset);
    for (let at = 0; at < count * 2; at += 1) index.#words[at] = view.getUint32(at * 4, true);
    let next = count * HASH_BYTES;
    for (; index.#count < count; index.#count += 1) {
      const end = body[next] === ID_END_BYTE ? next : body.indexOf(ID_END_BYTE, next);
      if (end === -1) break;
      if (end > next || index.#count === 0) {
        const id = body.toString('utf8', next, end);
        checkId(id);
        index.#startRun(id);
      }
      next = end + 1;
    }
    if (index.#count !== count || next !== body.length) {
      throw new HashIndexError(`The hash index has ${count} hashes and not as many ids.`);
    }
    return index;
  }

  /** Makes the next entry one of this id. */
  #startRun(id: string): void {
    if (id === this.#ids.at(-1)) return;
    if (this.#ids.length >= RUNS_MAX) throw new HashIndexError(`The index is full: it holds ${RUNS_MAX} ids.`);
    this.#ids.push(id);
    this.#starts.push(this.#count);
  }

  /** The entry at which a run begins, and the one before it ends. */
  #startOf(run: number): number {
    return this.#starts[run] ?? this.#count;
  }

  /** The id of the last run that begins at an entry or before it. */
  #idOf(entry: number): string {
    let [first, last] = [0, this.#ids.length - 1];
    while (first < last) {
      const middle = (first + last + 1) >>> 1;
      if (this.#startOf(middle) <= entry) first = middle;
      else last = middle - 1;
    }
    return this.#ids[first] ?? REMOVED;
  }

  /** The tables, of all entries but the last few; undefined if those few are all. */
  #sorted(): Tables | undefined {
    if (this.#count - (this.#tables?.count ?? 0) > UNSORTED_MAX) {
      // Let go first, so that never two are in memory.
      this.#tables = undefined;
      this.#tables = sort(this.#words, this.#count);
    }
    return this.#tables;
  }

  /** Lets go of the entries of removed ids. The others move, so the tables are made anew. */
  #compact(): void {
    if (this.#removed === 0) return;
    const [ids, starts]: [string[], number[]] = [[], []];
    let kept = 0;
    for (const [run, id] of this.#ids.entries()) {
      if (id === REMOVED) continue;
      const [start, end] = [this.#startOf(run), this.#startOf(run + 1)];
      this.#words.copyWithin(kept * 2, start * 2, end * 2);
      ids.push(id);
      starts.push(kept);
      kept += end - start;
    }
    [this.#ids, this.#starts, this.#count, this.#removed] = [ids, starts, kept, 0];
    this.#tables = undefined;
  }

  #reserve(count: number): void {
    const capacity = this.#words.length / 2;
    if (count <= capacity) return;
    const larger = new Uint32Array(2 * Math.min(ENTRIES_MAX, Math.max(count, Math.ceil(capacity * GROWTH))));
    larger.set(this.#words);
    this.#words = larger;
  }
}

/** Sorts the first `count` entries by each part of their hashes, by counting. */
function sort(all: Uint32Array, count: number): Tables {
  const order = new Uint32Array(PART_BITS.length * count);
  const starts = PART_BITS.map((bits, part) => {
    const bounds = new Uint32Array(2 ** bits + 1);
    for (let entry = 0; entry < count; entry += 1) {
      const value = partAt(all, entry, part);
      bounds[value] = (bounds[value] ?? 0) + 1;
    }
    let end = part * count;
    for (let value = 0; value < bounds.length; value += 1) {
      end += bounds[value] ?? 0;
      bounds[value] = end;
    }
    // Filled from its end, each place moves its bound down to its start.
    for (let entry = count - 1; entry >= 0; entry -= 1) {
      const value = partAt(all, entry, part);
      const at = (bounds[value] ?? 0) - 1;
      bounds[value] = at;
      order[at] = entry;
    }
    return bounds;
  });
  return { count, order, starts };
}

/**
 * Hands on each entry of the tables that is within `maxDistance`, some of them repeatedly. Returns false, having done
 * nothing, if the tables name so many that looking at all is faster, as when most hashes are alike.
 *
 * Part i is sought within ⌊(maxDistance - i) / 3⌋ bits. Two hashes that differ by more in every part differ in
 * maxDistance + 1 bits at least, because (⌊r / 3⌋ + 1) + (⌊(r - 1) / 3⌋ + 1) + (⌊(r - 2) / 3⌋ + 1) = r + 1.
 */
function findSorted(
  { count, order, starts }: Tables,
  all: Uint32Array,
  [high, low]: readonly [number, number],
  maxDistance: number,
  keep: (entry: number, distance: number) => void,
): boolean {
  // All places first, then all entries: reads that do not wait for one another overlap.
  const places: number[] = [];
  let named = 0;
  for (const [part, bounds] of starts.entries()) {
    const own = partOf(part, high, low);
    const flips = FLIPS[part]?.[Math.floor((maxDistance - part) / PART_BITS.length)] ?? [];
    for (const flip of flips) {
      const [start, end] = [bounds[own ^ flip] ?? 0, bounds[(own ^ flip) + 1] ?? 0];
      if (start === end) continue;
      places.push(start, end);
      named += end - start;
    }
  }
  if (named * CANDIDATE_COST > count) return false;

  for (let place = 0; place < places.length; place += 2) {
    const end = places[place + 1] ?? 0;
    for (let at = places[place] ?? 0; at < end; at += 1) {
      const entry = order[at] ?? 0;
      const distance = countBits((all[entry * 2] ?? 0) ^ high) + countBits((all[entry * 2 + 1] ?? 0) ^ low);
      if (distance <= maxDistance) keep(entry, distance);
    }
  }
  return true;
}

/** By distance, up to `PART_DISTANCE_MAX`: the numbers of so many bits that have no more ones. */
function flipsOf(bits: number): readonly number[][] {
  const ones = Array.from({ length: bits }, (_, bit) => 1 << bit);
  const pairs = ones.flatMap((one, bit) => ones.slice(0, bit).map((other) => one | other));
  return [[0], [0, ...ones], [0, ...ones, ...pairs]];
}

/** One of the parts that `PART_BITS` cuts a hash into. */
function partOf(part: number, high: number, low: number): number {
  if (part === 0) return high >>> 11;
  if (part === 1) return ((high & 0x7ff) << 10) | (low >>> 22);
  return low & 0x3f_ffff;
}

const partAt = (all: Uint32Array, entry: number, part: number): number =>
  partOf(part, all[entry * 2] ?? 0, all[entry * 2 + 1] ?? 0);

/** The number of bits in which two hashes differ, from 0 to 64. */
export function hammingDistance(a: HashHex, b: HashHex): number {
  const [first, second] = [words(a), words(b)];
  return countBits(first[0] ^ second[0]) + countBits(first[1] ^ second[1]);
}

function words(hash: HashHex): [high: number, low: number] {
  if (!/^[0-9a-f]{16}$/.test(hash)) throw new HashIndexError('A hash is 16 lower-case hexadecimal digits.');
  return [Number.parseInt(hash.slice(0, 8), 16), Number.parseInt(hash.slice(8), 16)];
}

function checkId(id: string): void {
  if (id === '' || id.length > ID_CHARACTERS_MAX || id.includes(ID_END) || !id.isWellFormed()) {
    throw new HashIndexError(`An id is well-formed text of 1 to ${ID_CHARACTERS_MAX} characters and no line break.`);
  }
}

/** Counts the ones of a 32-bit word in parallel (Warren, "Hacker's Delight", section 5-1). */
function countBits(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
