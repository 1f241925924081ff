/** Tools to take files of several formats apart and to put them together wrongly. */
import { crc32, deflateSync } from 'node:zlib';
import { randomOf } from './random.ts';

/** Big-endian bytes of whole numbers. */
export const u16 = (...values: number[]): Buffer => Buffer.from(values.flatMap((value) => [value >>> 8, value & 255]));
export const u32 = (...values: number[]): Buffer => u16(...values.flatMap((value) => [value >>> 16, value & 0xffff]));
/** Little-endian bytes of one whole number. */
export const le = (length: 2 | 3 | 4, value: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, place) => (value >>> (8 * place)) & 255));

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');
const joined = (parts: readonly (Buffer | string)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? ascii(part) : part)));

/** Strings and buffers in a row; a string's characters are bytes. */
export const bytesOf = (...parts: (Buffer | string)[]): Buffer => joined(parts);

export function randomBytes(length: number, seed: number): Buffer {
  const random = randomOf(seed);
  return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
}

/** A copy with `count` bits turned over, none of them in the first `spared` bytes. */
export function flipped(bytes: Buffer, count: number, seed: number, spared = 16): Buffer {
  const random = randomOf(seed);
  const copy = Buffer.from(bytes);
  for (let flip = 0; flip < count; flip += 1) {
    const at = spared + Math.floor(random() * (copy.length - spared));
    copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(random() * 8));
  }
  return copy;
}

/** A copy with other bytes written over what stands `offset` bytes after the first occurrence of `mark`. */
export function overwritten(bytes: Buffer, mark: Buffer | string, offset: number, value: Buffer): Buffer {
  const at = bytes.indexOf(typeof mark === 'string' ? ascii(mark) : mark);
  if (at === -1) throw new Error(`there is no ${mark.toString('latin1')} in the file`);
  const copy = Buffer.from(bytes);
  value.copy(copy, at + offset);
  return copy;
}

// ---- JPEG (ITU T.81)

/** A segment: marker, length, data. */
export const jpegSegment = (marker: number, ...data: (Buffer | string)[]): Buffer => {
  const body = joined(data);
  return bytesOf(Buffer.from([0xff, marker]), u16(body.length + 2), body);
};

/** The file with more segments right behind its first two bytes. */
export const jpegWith = (jpeg: Buffer, ...segments: Buffer[]): Buffer =>
  Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);

export const EXIF_PREFIX = 'Exif\0\0';

/** A TIFF structure with one directory; an entry's value that has more than four bytes stands behind the directory. */
export function tiffOf(
  entries: readonly { tag: number; type: number; count: number; value: Buffer }[],
  nextDirectory = 0,
): Buffer {
  const behind = 8 + 2 + entries.length * 12 + 4;
  const values: Buffer[] = [];
  let length = 0;
  const directory = entries.map(({ tag, type, count, value }) => {
    const head = Buffer.concat([le(2, tag), le(2, type), le(4, count)]);
    if (value.length <= 4) return Buffer.concat([head, value, Buffer.alloc(4 - value.length)]);
    const at = behind + length;
    values.push(value);
    length += value.length;
    return Buffer.concat([head, le(4, at)]);
  });
  return bytesOf('II*\0', le(4, 8), le(2, entries.length), ...directory, le(4, nextDirectory), ...values);
}

// ---- PNG (ISO 15948)

export interface PngChunk {
  type: string;
  data: Buffer;
}

export function pngChunksOf(png: Buffer): PngChunk[] {
  const chunks: PngChunk[] = [];
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    chunks.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return chunks;
}

/** A PNG of these chunks with right checksums, or with the checksums of the chunks called `broken` off by one. */
export const pngOf = (chunks: readonly PngChunk[], broken = ''): Buffer =>
  bytesOf(
    '\x89PNG\r\n\x1a\n',
    ...chunks.flatMap(({ type, data }) => {
      const body = bytesOf(type, data);
      return [u32(data.length), body, u32((crc32(body) + (type === broken ? 1 : 0)) >>> 0)];
    }),
  );

/** The file with more chunks between its header and the rest. */
export const pngWith = (png: Buffer, ...more: PngChunk[]): Buffer => {
  const [header, ...rest] = pngChunksOf(png);
  return pngOf([...(header ? [header] : []), ...more, ...rest]);
};

/** A chunk called `type` whose text, behind `prefix`, is compressed. */
export const compressedChunk = (type: string, prefix: string, text: Buffer): PngChunk => ({
  type,
  data: bytesOf(prefix, deflateSync(text, { level: 9 })),
});

// ---- GIF (89a)

interface GifOptions {
  frames?: number;
  frame?: { width: number; height: number };
  /** Stand before the first frame. */
  extensions?: Buffer;
}

/** A GIF with a canvas of this size and `frames` frames of one pixel, or of the size that `frame` claims. */
export function gifOf(
  width: number,
  height: number,
  { frames = 1, frame = { width: 1, height: 1 }, extensions = Buffer.alloc(0) }: GifOptions = {},
): Buffer {
  const one = bytesOf(
    '\x21\xf9\x04\0\x02\0\0\0',
    ',',
    Buffer.concat([le(2, 0), le(2, 0), le(2, frame.width), le(2, frame.height)]),
    '\0\x02\x02\x44\x01\0',
  );
  return bytesOf(
    'GIF89a',
    le(2, width),
    le(2, height),
    '\x80\0\0\0\0\0\xff\xff\xff',
    extensions,
    ...Array.from({ length: frames }, () => one),
    ';',
  );
}

// ---- WebP (RFC 9649)

const riffChunk = (type: string, ...data: (Buffer | string)[]): Buffer => {
  const body = joined(data);
  return bytesOf(type, le(4, body.length), body, Buffer.alloc(body.length % 2));
};

export const webpOf = (...chunks: Buffer[]): Buffer => riffChunk('RIFF', 'WEBP', ...chunks);

/**
 * A lossless image of one colour, whole and valid in a few bytes at any size up to 16,384 x 16,384: each of the five prefix
 * codes knows one symbol only, and a code of one symbol takes no bits.
 */
export const flatVp8l = (width: number, height: number): Buffer =>
  riffChunk('VP8L', '\x2f', le(4, (width - 1) | ((height - 1) << 14)), le(3, 0x88888), Buffer.alloc(16));

/** An animated WebP of `frames` even frames. */
export function animatedWebp(frames: number, width: number, height: number): Buffer {
  const size = Buffer.concat([le(3, width - 1), le(3, height - 1)]);
  const frame = riffChunk('ANMF', le(3, 0), le(3, 0), size, le(3, 40), '\0', flatVp8l(width, height));
  return webpOf(
    riffChunk('VP8X', '\x02\0\0\0', size),
    riffChunk('ANIM', le(4, 0), le(2, 0)),
    ...Array.from({ length: frames }, () => frame),
  );
}

// ---- ISO base media: MP4, QuickTime, AVIF (ISO 14496-12)

export const box = (type: string, ...data: (Buffer | string)[]): Buffer => {
  const body = joined(data);
  return bytesOf(u32(body.length + 8), type, body);
};

/** The first box of a file that claims to be `brand`. */
export const ftyp = (brand: string): Buffer => box('ftyp', brand, '\0\0\0\0', brand);
