/**
 * Bytes that are UTF-8 and bytes that only look like it (RFC 3629), by the sections of Markus Kuhn's decoder stress test
 * (https://www.cl.cam.ac.uk/~mgk25/ucs/examples/UTF-8-test.txt). Each stays what it is when ASCII surrounds it.
 */

/** What the bytes show, and the bytes. */
export type Sequence = readonly [what: string, bytes: Buffer];

/**
 * A number in so many bytes, by the scheme that UTF-8 once was (RFC 2279): of any size, and in more bytes than it needs.
 * The ones that lead the first byte count the bytes; each byte behind it carries six bits.
 */
function encoded(value: number, length: number): Buffer {
  if (length === 1) return Buffer.from([value]);
  const behind: number[] = [];
  let rest = value;
  for (let count = 1; count < length; count += 1) {
    behind.unshift(0x80 | (rest & 0x3f));
    rest >>>= 6;
  }
  return Buffer.from([((0xff00 >> length) & 0xff) | rest, ...behind]);
}

/** The largest number that fits into so many bytes. */
const largest = (length: number): number => 2 ** (length === 1 ? 7 : 5 * length + 1) - 1;
const smallest = (length: number): number => (length === 1 ? 0 : largest(length - 1) + 1);

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const character = (codePoint: number): Buffer => Buffer.from(String.fromCodePoint(codePoint));
const bytes = (...hex: string[]): Buffer[] => hex.map((digits) => Buffer.from(digits, 'hex'));
/** Each byte of a range with a space behind it. */
const lonely = (from: number, to: number): Buffer => Buffer.from(range(from, to).flatMap((byte) => [byte, 0x20]));

const named = (what: string, all: readonly Buffer[]): Sequence[] =>
  all.map((sequence): Sequence => [`${what}: ${sequence.toString('hex')}`, sequence]);

/** Five characters, one of them in three bytes and the others in two. */
const WORD = 'κ\u1f79σμε';
const WORD_BYTES = Buffer.from(WORD);
const CHARACTER_ENDS = new Set(Array.from(WORD, (_, index) => Buffer.byteLength(WORD.slice(0, index + 1))));
const cutWord = (isWhole: boolean): Buffer[] =>
  range(1, WORD_BYTES.length)
    .filter((end) => CHARACTER_ENDS.has(end) === isWhole)
    .map((end) => WORD_BYTES.subarray(0, end));

const HIGH_SURROGATES = [0xd800, 0xdb7f, 0xdb80, 0xdbff];
const LOW_SURROGATES = [0xdc00, 0xdf80, 0xdfff];
const FIRST_AND_LAST_LOW = [0xdc00, 0xdfff];
const surrogate = (codeUnit: number): Buffer => encoded(codeUnit, 3);

/** The last two code points of each plane, and those that Unicode sets aside within the first. */
const NONCHARACTERS = [
  ...range(0, 16).flatMap((plane) => [plane * 0x10000 + 0xfffe, plane * 0x10000 + 0xffff]),
  0xfdd0,
  0xfdef,
];

const TRUNCATED = [() => 0, largest].flatMap((valueOf) =>
  range(2, 6).map((length) => encoded(valueOf(length), length).subarray(0, -1)),
);

export const VALID_UTF8: readonly Sequence[] = [
  ...named(
    'characters of one to four bytes between others',
    ['$', '¢', '€', '𤭢'].map((one) => Buffer.from(`a${one}b`)),
  ),
  ...named('a word, up to the end of a character', cutWord(true)),
  ...named(
    'the first of its length',
    range(1, 4).map((length) => character(smallest(length))),
  ),
  ...named('the last of its length', [0x7f, 0x7ff, 0xffff, 0x10ffff].map(character)),
  ...named('next to the surrogates, and the replacement character', [0xd7ff, 0xe000, 0xfffd].map(character)),
  ...named('a code point that is no character', NONCHARACTERS.map(character)),
  ...named('a special', range(0xfff9, 0xfffc).map(character)),
  ...named('a byte order mark', [character(0xfeff)]),
];

export const INVALID_UTF8: readonly Sequence[] = [
  ...named('a word, up to within a character', cutWord(false)),
  ...named(
    'the first of five and six bytes',
    [5, 6].map((length) => encoded(smallest(length), length)),
  ),
  ...named(
    'the last of four, five and six bytes',
    [4, 5, 6].map((length) => encoded(largest(length), length)),
  ),
  ...named('the first beyond Unicode', [encoded(0x110000, 4)]),
  ...named('continuation bytes alone', [
    ...bytes('80', 'bf', '80bf', '80bf80', '80bf80bf', '80bf80bf80', '80bf80bf80bf'),
    Buffer.from(range(0x80, 0xbf)),
  ]),
  ...named('first bytes alone', [
    lonely(0xc0, 0xdf),
    lonely(0xe0, 0xef),
    lonely(0xf0, 0xf7),
    lonely(0xf8, 0xfb),
    lonely(0xfc, 0xfd),
  ]),
  ...named('without the last byte', TRUNCATED),
  ...named('all of these, one behind the other', [Buffer.concat(TRUNCATED)]),
  ...named('bytes that are in no text', bytes('fe', 'ff', 'fefeffff')),
  ...named(
    'a slash in too many bytes',
    range(2, 6).map((length) => encoded(0x2f, length)),
  ),
  ...named(
    'the largest in too many bytes',
    range(2, 6).map((length) => encoded(largest(length - 1), length)),
  ),
  ...named(
    'a zero in too many bytes',
    range(2, 6).map((length) => encoded(0, length)),
  ),
  ...named('a surrogate', [...HIGH_SURROGATES, ...LOW_SURROGATES].map(surrogate)),
  ...named(
    'two surrogates',
    HIGH_SURROGATES.flatMap((high) => FIRST_AND_LAST_LOW.map((low) => Buffer.concat([high, low].map(surrogate)))),
  ),
  ...named('a flaw between good characters', [
    Buffer.concat([WORD_BYTES, surrogate(0xd800), WORD_BYTES]),
    Buffer.concat([WORD_BYTES, encoded(0x110000, 4), WORD_BYTES]),
  ]),
];
