import { crc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HashIndex, HashIndexError, hammingDistance } from '../../../functions/src/moderation/hash-index.ts';

const MILLISECONDS_GENEROUS = 500;

/** Counts differing bits in the plainest way there is. */
const naiveDistance = (a: string, b: string): number =>
  (BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(2).replaceAll('0', '').length;

const hash = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => value.toString(16).padStart(16, '0'));
/** Hashes that are often near one another, as random ones never are. */
const nearHash = fc
  .tuple(fc.constantFrom(0n, 0xffff_ffff_ffff_ffffn, 0x1234_5678_9abc_def0n), fc.array(fc.nat(63), { maxLength: 12 }))
  .map(([centre, flips]) =>
    flips
      .reduce<bigint>((value, bit) => value ^ (1n << BigInt(bit)), centre)
      .toString(16)
      .padStart(16, '0'),
  );
const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'ünï-cødé', 'x'.repeat(128));
const entries = fc.array(fc.tuple(id, fc.oneof(hash, nearHash)), { maxLength: 60 });

const indexOf = (pairs: readonly (readonly [string, string])[]): HashIndex => {
  const index = new HashIndex();
  for (const [name, value] of pairs) index.add(name, value);
  return index;
};

/** What a look-up must give, as distances by id. */
const naiveFind = (pairs: readonly (readonly [string, string])[], sought: readonly string[], maxDistance: number) => {
  const nearest = new Map<string, number>();
  for (const [name, value] of pairs) {
    const distance = Math.min(...sought.map((one) => naiveDistance(one, value)));
    if (distance <= maxDistance) nearest.set(name, Math.min(distance, nearest.get(name) ?? 64));
  }
  return nearest;
};

describe('HashIndex', () => {
  test('finds what looking at each hash in turn finds, nearest first', () => {
    fc.assert(
      fc.property(entries, nearHash, fc.nat(64), (pairs, sought, maxDistance) => {
        const found = indexOf(pairs).find(sought, maxDistance, 100);
        const distances = found.map(({ distance }) => distance);
        expect(new Map(found.map((one) => [one.id, one.distance]))).toEqual(naiveFind(pairs, [sought], maxDistance));
        expect(distances).toEqual(distances.toSorted((a, b) => a - b));
      }),
    );
  });

  test('gives of many only the nearest, as many as were asked for', () => {
    fc.assert(
      fc.property(entries, nearHash, fc.integer({ min: 1, max: 5 }), (pairs, sought, limit) => {
        const index = indexOf(pairs);
        const all = index.find(sought, 64, 100).map(({ distance }) => distance);
        expect(index.find(sought, 64, limit).map(({ distance }) => distance)).toEqual(all.slice(0, limit));
      }),
    );
  });

  test('finds each id once, at its nearest, for several hashes at once', () => {
    fc.assert(
      fc.property(entries, fc.array(nearHash, { maxLength: 4 }), fc.nat(64), (pairs, sought, maxDistance) => {
        const found = indexOf(pairs).findAny(sought, maxDistance, 100);
        const distances = found.map(({ distance }) => distance);
        expect(new Map(found.map((one) => [one.id, one.distance]))).toEqual(naiveFind(pairs, sought, maxDistance));
        expect(distances).toEqual(distances.toSorted((a, b) => a - b));
      }),
    );
  });

  test('forgets all hashes of an id that is removed, and no others', () => {
    fc.assert(
      fc.property(entries, id, nearHash, (pairs, gone, sought) => {
        const index = indexOf(pairs);
        const left = pairs.filter(([name]) => name !== gone);
        expect(index.remove(gone)).toBe(pairs.length - left.length);
        expect(index.size).toBe(left.length);
        index.add('later', sought);
        const found = new Map(index.find(sought, 64, 100).map((one) => [one.id, one.distance]));
        expect(found).toEqual(naiveFind([...left, ['later', sought]], [sought], 64));
      }),
    );
  });

  test('is the same after a round trip through bytes', () => {
    fc.assert(
      fc.property(entries, nearHash, (pairs, sought) => {
        const index = indexOf(pairs);
        const again = HashIndex.parse(index.serialise());
        expect(again.size).toBe(index.size);
        expect(again.find(sought, 64, 100)).toEqual(index.find(sought, 64, 100));
        expect(again.serialise()).toEqual(index.serialise());
      }),
    );
  });

  test('grows past its first capacity, on its own and when read from bytes', () => {
    const pairs = Array.from({ length: 5000 }, (_, at) => [`id-${at}`, at.toString(16).padStart(16, '0')] as const);
    const index = HashIndex.parse(indexOf(pairs).serialise());
    index.add('last', 'ffffffffffffffff');
    expect(index.size).toBe(5001);
    expect(index.find('0000000000001387', 0, 10)).toEqual([{ id: 'id-4999', distance: 0 }]);
    expect(index.find('ffffffffffffffff', 0, 10)).toEqual([{ id: 'last', distance: 0 }]);
  });

  test('answers in a moment when it holds a hundred thousand hashes', () => {
    const index = new HashIndex();
    for (let at = 0; at < 100_000; at += 1) {
      index.add(
        `id-${at}`,
        BigInt.asUintN(64, BigInt(at) * 0x9e37_79b9_7f4a_7c15n)
          .toString(16)
          .padStart(16, '0'),
      );
    }
    const started = performance.now();
    index.find('0123456789abcdef', 8, 10);
    expect(performance.now() - started).toBeLessThan(MILLISECONDS_GENEROUS);
  });

  test.each(['', '0', '0123456789ABCDEF', '0123456789abcdefg', '0123456789abcdef0', '0123456789abcde\n'])(
    'refuses the hash %j',
    (malformed) => {
      const index = new HashIndex();
      expect(() => index.add('a', malformed)).toThrow(HashIndexError);
      expect(() => index.find(malformed, 8, 1)).toThrow(HashIndexError);
      expect(index.size).toBe(0);
    },
  );

  test.each(['', 'x'.repeat(129), 'two\nlines', 'half a pair \ud800'])('refuses the id %j', (malformed) => {
    expect(() => new HashIndex().add(malformed, '0123456789abcdef')).toThrow(HashIndexError);
  });
});

describe('HashIndex.parse', () => {
  const bytes = indexOf([
    ['first', '0123456789abcdef'],
    ['second', 'fedcba9876543210'],
  ]).serialise();
  const changed = (change: (copy: Buffer) => void): Buffer => {
    const copy = Buffer.from(bytes);
    change(copy);
    return copy;
  };
  /** An index of one hash whose checksum is right, whatever stands for its ids. */
  const withIds = (ids: string): Buffer => {
    const body = Buffer.concat([Buffer.alloc(8), Buffer.from(ids)]);
    const header = Buffer.from(bytes.subarray(0, 16));
    header.writeUInt32LE(1, 8);
    header.writeUInt32LE(crc32(body), 12);
    return Buffer.concat([header, body]);
  };

  test.each([
    ['nothing', Buffer.alloc(0), /no hash index/],
    ['another file', Buffer.from('GIF89a, and a good deal more than a header'), /no hash index/],
    ['another version', changed((copy) => copy.writeUInt32LE(9, 4)), /version 9/],
    ['more hashes than are allowed', changed((copy) => copy.writeUInt32LE(0xffff_ffff, 8)), /too large/],
    ['more hashes than there are bytes', changed((copy) => copy.writeUInt32LE(1000, 8)), /no hash index of 1000/],
    ['more bytes than its hashes can need', Buffer.concat([bytes, Buffer.alloc(1000)]), /no hash index of 2/],
    ['an end that is missing', bytes.subarray(0, -1), /damaged/],
    ['a bit that fell over', changed((copy) => copy.writeUInt8(copy.readUInt8(20) ^ 1, 20)), /damaged/],
    ['a byte too many', Buffer.concat([bytes, Buffer.from('\n')]), /damaged/],
    ['no id', withIds(''), /not as many ids/],
    ['two ids for one hash', withIds('a\nb\n'), /not as many ids/],
    ['an id without its end', withIds('a'), /not as many ids/],
    ['an empty first id', withIds('\n'), /An id is/],
    ['an id that is too long', withIds(`${'x'.repeat(129)}\n`), /An id is/],
  ])('refuses %s', (_, malformed, message) => {
    expect(() => HashIndex.parse(malformed)).toThrow(HashIndexError);
    expect(() => HashIndex.parse(malformed)).toThrow(message);
  });

  test('refuses any damage at all', () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const damaged = changed((copy) => copy.writeUInt8(copy.readUInt8(at) ^ mask, at));
        expect(() => HashIndex.parse(damaged)).toThrow(HashIndexError);
      }),
    );
  });
});

test('hammingDistance counts the bits that differ', () => {
  fc.assert(
    fc.property(hash, hash, (a, b) => {
      expect(hammingDistance(a, b)).toBe(naiveDistance(a, b));
    }),
  );
});
