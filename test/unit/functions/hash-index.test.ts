import { crc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HashIndex, HashIndexError, hammingDistance } from '../../../functions/src/moderation/hash-index.ts';

const MILLISECONDS_GENEROUS = 2000;

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

describe('HashIndex with tables', () => {
  /** More than are looked at one by one. */
  const MANY = 70_000;
  /** Pseudorandom words, always the same ones (Marsaglia, "Xorshift RNGs", 2003). */
  let state = 2_463_534_242;
  const word = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
  const randomHash = (): string => hex(word()) + hex(word());
  const flipped = (value: string, bits: readonly number[]): string =>
    bits
      .reduce((sum, bit) => sum ^ (1n << BigInt(bit)), BigInt(`0x${value}`))
      .toString(16)
      .padStart(16, '0');
  const strangers = (count = MANY) => Array.from({ length: count }, (_, at) => [`other-${at}`, randomHash()] as const);

  const ONES = Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);
  /** `naiveFind` for one hash among many: a byte at a time, from a table. */
  const byteFindIn = (pairs: readonly (readonly [string, string])[]) => {
    const hashes = Buffer.from(pairs.map(([, value]) => value).join(''), 'hex');
    return (sought: string, maxDistance: number) => {
      const wanted = Buffer.from(sought, 'hex');
      const nearest = new Map<string, number>();
      for (const [at, [name]] of pairs.entries()) {
        let distance = 0;
        for (let byte = 0; byte < 8; byte += 1) {
          distance += ONES[(hashes[at * 8 + byte] ?? 0) ^ (wanted[byte] ?? 0)] ?? 0;
        }
        if (distance <= maxDistance) nearest.set(name, Math.min(distance, nearest.get(name) ?? 64));
      }
      return nearest;
    };
  };
  const found = (index: HashIndex, sought: string, maxDistance: number) =>
    new Map(index.find(sought, maxDistance, MANY * 2).map((one) => [one.id, one.distance]));

  const centres = Array.from({ length: 6 }, randomHash);
  const bits = fc.uniqueArray(fc.nat(63), { maxLength: 5 });
  const around = (count: number) =>
    Array.from({ length: count }, (_, at) => {
      const flips = Array.from({ length: at % 13 }, () => word() % 64);
      return [`near-${word() % 200}`, flipped(centres[at % centres.length] ?? '', flips)] as const;
    });
  const inTables = [...strangers(), ...around(1200)];
  const later = around(300);
  const index = indexOf(inTables);
  index.find(randomHash(), 8, 1);
  const byteFind = byteFindIn([...inTables, ...later]);
  for (const [name, value] of later) index.add(name, value);

  test('finds what looking at each hash in turn finds, at every distance', () => {
    fc.assert(
      fc.property(fc.constantFrom(...centres), bits, fc.nat(12), (centre, flips, maxDistance) => {
        const sought = flipped(centre, flips);
        expect(found(index, sought, maxDistance)).toEqual(byteFind(sought, maxDistance));
      }),
      { numRuns: 40 },
    );
  });

  test('gives of several hashes’ neighbours the nearest, as many as were asked for', () => {
    const each = centres.map((centre) => byteFind(centre, 8));
    const nearest = new Map<string, number>();
    for (const [name, distance] of each.flatMap((one) => [...one])) {
      nearest.set(name, Math.min(distance, nearest.get(name) ?? 64));
    }
    const distances = [...nearest.values()].toSorted((a, b) => a - b);
    for (const limit of [1, 5, 50]) {
      expect(index.findAny(centres, 8, limit).map(({ distance }) => distance)).toEqual(distances.slice(0, limit));
    }
    expect(new Map(index.findAny(centres, 8, MANY).map((one) => [one.id, one.distance]))).toEqual(nearest);
  });

  test('finds a hash however the bits that differ are spread over it', () => {
    const sought = randomHash();
    const PARTS = [0, 22, 43];
    const spreads = Array.from({ length: 10 ** 3 }, (_, at) => [
      at % 10,
      Math.floor(at / 10) % 10,
      Math.floor(at / 100),
    ])
      .map((spread) =>
        spread.flatMap((ones, part) => Array.from({ length: ones }, (_, bit) => (PARTS[part] ?? 0) + bit * 2)),
      )
      .filter((flips) => flips.length <= 10);
    const planted = spreads.map((flips) => [`${flips.length}: ${flips.join()}`, flipped(sought, flips)] as const);
    const many = indexOf([...planted, ...strangers()]);
    for (let maxDistance = -1; maxDistance <= 10; maxDistance += 1) {
      const near = planted.filter(([name]) => Number.parseInt(name, 10) <= maxDistance);
      const names = many.find(sought, maxDistance, MANY).map((one) => one.id);
      expect(names.toSorted()).toEqual(near.map(([name]) => name).toSorted());
    }
  });

  test('finds all that is near when nearly everything is alike', () => {
    const alike = strangers().map(([name], at) => [name, flipped(centres[at % 2] ?? '', [at % 64])] as const);
    const many = indexOf(alike);
    for (const maxDistance of [0, 1, 8]) {
      const sought = flipped(centres[0] ?? '', [3]);
      expect(found(many, sought, maxDistance)).toEqual(byteFindIn(alike)(sought, maxDistance));
    }
  });

  test('forgets what is removed, be it little or so much that it makes room', () => {
    const pairs = [...strangers(), ...around(600)].map(
      ([name, value], at) => [at < MANY / 5 ? 'many' : name, value] as const,
    );
    const many = indexOf(pairs);
    const [centre = ''] = centres;
    const [nearest] = many.find(centre, 8, 1);
    let left = pairs;
    for (const gone of [nearest?.id ?? '', 'many']) {
      const before = left.length;
      left = left.filter(([name]) => name !== gone);
      expect(many.remove(gone)).toBe(before - left.length);
      expect(many.remove('')).toBe(0);
      expect(many.size).toBe(left.length);
      expect(found(many, centre, 8)).toEqual(byteFindIn(left)(centre, 8));
    }
    expect(many.remove(nearest?.id ?? '')).toBe(0);
    expect(many.serialise().equals(indexOf(left).serialise())).toBe(true);
  });

  test('reads a file of an earlier release, and writes the same', () => {
    const body = Buffer.concat([
      Buffer.from('67452301efcdab89', 'hex'),
      Buffer.from('00000000ffffffff', 'hex'),
      Buffer.from('0000000000000000', 'hex'),
      Buffer.from('a\n\nb\n'),
    ]);
    const header = Buffer.from('504e6869010000000300000000000000', 'hex');
    header.writeUInt32LE(crc32(body), 12);
    const file = Buffer.concat([header, body]);
    const read = HashIndex.parse(file);
    expect(read.find('0123456789abcdef', 0, 9)).toEqual([{ id: 'a', distance: 0 }]);
    expect(read.find('00000000ffffffff', 0, 9)).toEqual([{ id: 'a', distance: 0 }]);
    expect(read.find('0000000000000000', 0, 9)).toEqual([{ id: 'b', distance: 0 }]);
    expect(read.serialise()).toEqual(file);
  });
});

describe('HashIndex at its bounds', () => {
  /** The file of an index whose hashes are all zero. */
  const fileOf = (count: number, ids: Buffer): Buffer => {
    const file = Buffer.alloc(16 + count * 8 + ids.length);
    file.write('PNhi');
    file.writeUInt32LE(1, 4);
    file.writeUInt32LE(count, 8);
    ids.copy(file, 16 + count * 8);
    file.writeUInt32LE(crc32(file.subarray(16)), 12);
    return file;
  };

  test('holds twelve million hashes and no more, until some are removed', () => {
    const ids = Buffer.concat([Buffer.from('a\nb'), Buffer.alloc(12_000_000 - 1, '\n')]);
    const index = HashIndex.parse(fileOf(12_000_000, ids));
    expect(index.size).toBe(12_000_000);
    expect(() => index.add('c', '0000000000000000')).toThrow(/full/);
    expect(index.remove('a')).toBe(1);
    index.add('c', 'ffffffffffffffff');
    expect(index.find('ffffffffffffffff', 8, 9)).toEqual([{ id: 'c', distance: 0 }]);
    expect(() => index.add('c', '0000000000000000')).toThrow(/full/);
  });

  test('holds two million ids and no more, though one may have many hashes', () => {
    const ids = Buffer.concat([Buffer.from('first\n'), Buffer.alloc(1_999_999 * 2, 'a\nb\n')]);
    const index = HashIndex.parse(fileOf(2_000_000, ids));
    index.add('a', '0000000000000000');
    expect(() => index.add('c', '0000000000000000')).toThrow(/full/);
    expect(index.size).toBe(2_000_001);
    expect(index.remove('first')).toBe(1);
    index.add('c', '0000000000000000');
    expect(index.size).toBe(2_000_001);
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
