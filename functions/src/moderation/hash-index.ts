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

/** Ten hashes each of 400,000 pictures, about a hundred megabytes in memory; more belong into shards. */
const ENTRIES_MAX = 4_000_000;
const ID_CHARACTERS_MAX = 128;
const CAPACITY_FIRST = 1024;
const HASH_BITS = 64;

const MAGIC = Buffer.from('PNhi', 'latin1');
const VERSION = 1;
/** Magic, version, number of entries, checksum of all that follows. */
const HEADER_BYTES = 16;
const HASH_BYTES = 8;
/** A character takes up to three bytes in UTF-8, and the line break one. */
const ID_BYTES_MAX = ID_CHARACTERS_MAX * 3 + 1;
/** Ends each id in a serialised index, so no id may hold it. An id that is the same as the one before is left empty. */
const ID_END = '\n';

/**
 * Finds the hashes near a given one by looking at all of them.
 *
 * The hashes lie packed in memory and comparing two takes a few instructions, so a million are compared in a few
 * milliseconds at every radius (`npm run bench near-duplicates`). Multi-index hashing (Norouzi, Punjani and Fleet,
 * "Fast search in Hamming space", 2012) looks at fewer, but with 64 bits and a radius of eight it must try hundreds
 * of neighbours of each 16-bit part and keep four more tables true for it.
 *
 * An id may stand under several hashes and is found once, at its nearest.
 */
export class HashIndex {
  #high = new Uint32Array(CAPACITY_FIRST);
  #low = new Uint32Array(CAPACITY_FIRST);
  readonly #ids: string[] = [];

  /** The number of hashes, not of ids. */
  get size(): number {
    return this.#ids.length;
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
    if (this.size >= ENTRIES_MAX) throw new HashIndexError(`The index is full: it holds ${ENTRIES_MAX} hashes.`);
    this.#reserve(this.size + 1);
    this.#high[this.size] = high;
    this.#low[this.size] = low;
    this.#ids.push(id);
  }

  /** Removes all hashes of an id and returns how many there were. */
  remove(id: string): number {
    let kept = 0;
    for (const [index, other] of this.#ids.entries()) {
      if (other === id) continue;
      this.#ids[kept] = other;
      this.#high[kept] = this.#high[index] ?? 0;
      this.#low[kept] = this.#low[index] ?? 0;
      kept += 1;
    }
    const removed = this.size - kept;
    this.#ids.length = kept;
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
    const [highs, lows, count] = [this.#high, this.#low, this.size];
    // As many of each distance as could be wanted: what is kept stays small even when everything is near.
    const found: Set<string>[] = Array.from({ length: HASH_BITS + 1 }, () => new Set());
    for (let index = 0; index < count; index += 1) {
      const distance = countBits((highs[index] ?? 0) ^ high) + countBits((lows[index] ?? 0) ^ low);
      if (distance > maxDistance) continue;
      const same = found[distance];
      if (same && same.size < limit) same.add(this.#ids[index] ?? '');
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
    const hashes = Buffer.alloc(this.size * HASH_BYTES);
    for (let index = 0; index < this.size; index += 1) {
      hashes.writeUInt32LE(this.#high[index] ?? 0, index * HASH_BYTES);
      hashes.writeUInt32LE(this.#low[index] ?? 0, index * HASH_BYTES + 4);
    }
    const ids = this.#ids.map((id, index) => (id === this.#ids[index - 1] ? '' : id) + ID_END);
    const body = Buffer.concat([hashes, Buffer.from(ids.join(''))]);
    const header = Buffer.alloc(HEADER_BYTES);
    MAGIC.copy(header);
    header.writeUInt32LE(VERSION, 4);
    header.writeUInt32LE(this.size, 8);
    header.writeUInt32LE(crc32(body), 12);
    return Buffer.concat([header, body]);
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

    const ids = body
      .subarray(count * HASH_BYTES)
      .toString()
      .split(ID_END);
    if (ids.pop() !== '' || ids.length !== count) {
      throw new HashIndexError(`The hash index has ${count} hashes and not as many ids.`);
    }
    const index = new HashIndex();
    index.#reserve(count);
    for (const [at, written] of ids.entries()) {
      const id = written === '' ? (index.#ids[at - 1] ?? '') : written;
      checkId(id);
      index.#high[at] = body.readUInt32LE(at * HASH_BYTES);
      index.#low[at] = body.readUInt32LE(at * HASH_BYTES + 4);
      index.#ids.push(id);
    }
    return index;
  }

  #reserve(count: number): void {
    if (count <= this.#high.length) return;
    const capacity = Math.max(count, this.#high.length * 2);
    const [high, low] = [new Uint32Array(capacity), new Uint32Array(capacity)];
    high.set(this.#high);
    low.set(this.#low);
    [this.#high, this.#low] = [high, low];
  }
}

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
