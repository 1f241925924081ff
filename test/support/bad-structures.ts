/** Images whose sizes, counts and structures lie. */
import { deflateRawSync, gzipSync } from 'node:zlib';
import { flatPng } from './files.ts';
import {
  BROKEN,
  type BadFile,
  CLEAN,
  LARGE,
  LARGE_OR_BROKEN,
  LIE,
  NOT_TAKEN,
  type Pictures,
  fated,
} from './bad-file.ts';
import {
  animatedWebp,
  bytesOf,
  compressedChunk,
  flatVp8l,
  ftyp,
  gifOf,
  jpegSegment,
  jpegWith,
  le,
  overwritten,
  pngChunksOf,
  pngOf,
  pngWith,
  randomBytes,
  u16,
  u32,
  webpOf,
} from './surgery.ts';

/** Small files that unfold. */
export function bombs({ jpeg, png, webp, gif, avif }: Pictures): BadFile[] {
  const progressive = jpegSegment(0xc2, '\x08', u16(65_500, 65_500), '\x01\x01\x11\x00');
  const zeros = Buffer.alloc(64 * 1024 * 1024);
  return [
    ...fated(LARGE, [
      ['a PNG of 50,000 x 50,000 even pixels', 'png', flatPng(50_000, 50_000)],
      ['a PNG of 16,383 x 16,383 even pixels', 'png', flatPng(16_383, 16_383)],
      ['a PNG one pixel wide and 16,384 high', 'png', flatPng(1, 16_384)],
      ['a JPEG whose header says 65,500 x 65,500', 'jpeg', resized(jpeg, 65_500, 65_500)],
      ['a JPEG whose header says 16,000 x 4,001', 'jpeg', resized(jpeg, 16_000, 4_001)],
      ['a WebP of 16,383 x 16,383 pixels in fifty bytes', 'webp', webpOf(flatVp8l(16_383, 16_383))],
    ]),
    ...fated(LARGE_OR_BROKEN, [
      [
        'a GIF frame of 65,535 x 65,535 on a canvas of ten',
        'gif',
        gifOf(10, 10, { frame: { width: 65_535, height: 65_535 } }),
      ],
      [
        'a WebP whose lossy header says 16,383 x 16,383',
        'webp',
        overwritten(webp, '\x9d\x01\x2a', 3, Buffer.alloc(4, '\xff\x3f', 'latin1')),
      ],
      ['an AVIF whose ispe says 60,000 x 60,000', 'avif', overwritten(avif, 'ispe', 8, u32(60_000, 60_000))],
      ['an AVIF whose ispe says 2^32-1 on a side', 'avif', overwritten(avif, 'ispe', 8, u32(0xffffffff, 0xffffffff))],
      ['a progressive JPEG of 65,500 x 65,500 without data', 'jpeg', bytesOf('\xff\xd8', progressive, '\xff\xd9')],
    ]),
    ...fated(
      LARGE_OR_BROKEN,
      [
        ['a PNG of 7,999 x 7,999 even pixels, just small enough', 'png', flatPng(7_999, 7_999)],
        [
          'a PNG with 64 MiB of pixels too many',
          'png',
          pngOf([
            ...pngChunksOf(png).slice(0, -1),
            compressedChunk('IDAT', '', zeros),
            { type: 'IEND', data: Buffer.alloc(0) },
          ]),
        ],
        ['a PNG with 64 MiB of compressed text', 'png', pngWith(png, compressedChunk('zTXt', 'Comment\0\0', zeros))],
        ['a PNG with 64 MiB of colour profile', 'png', pngWith(png, compressedChunk('iCCP', 'icc\0\0', zeros))],
        ['an AVIF whose ispe says 10 x 10', 'avif', overwritten(avif, 'ispe', 8, u32(10, 10))],
        [
          'a JPEG of 32,000 restart markers',
          'jpeg',
          Buffer.concat([jpeg.subarray(0, -2), Buffer.alloc(64_000, '\xff\xd0', 'latin1'), jpeg.subarray(-2)]),
        ],
        [
          'a GIF with 10,000 comments',
          'gif',
          gifOf(9, 9, { extensions: Buffer.alloc(50_000, '\x21\xfe\x01a\0', 'latin1') }),
        ],
        ['a GIF with a megabyte behind its end', 'gif', Buffer.concat([gif, Buffer.alloc(1_000_000, ';')])],
      ],
      CLEAN,
    ),
  ];
}

/** A JPEG that claims another size. */
const resized = (jpeg: Buffer, width: number, height: number): Buffer =>
  overwritten(jpeg, '\xff\xc0', 5, u16(height, width));

/** The first bytes of a format, and parts that contradict one another. */
export function brokenStructures({ jpeg, png, webp, avif }: Pictures): BadFile[] {
  const chunks = pngChunksOf(png);
  const header = (data: Buffer) => pngOf(chunks.map((chunk) => (chunk.type === 'IHDR' ? { ...chunk, data } : chunk)));
  const [width, height] = [u32(320), u32(240)];
  return [
    ...fated(
      ['mismatch', 'corrupt-media'],
      [
        ['the magic of a JPEG alone', 'jpeg', bytesOf('\xff\xd8\xff')],
        ['the magic of a PNG alone', 'png', bytesOf('\x89PNG\r\n\x1a\n')],
        ['the magic of a GIF alone', 'gif', bytesOf('GIF89a')],
        ['the magic of a WebP alone', 'webp', bytesOf('RIFF\0\0\0\0WEBP')],
        ['the magic of an AVIF alone', 'avif', ftyp('avif')],
        ['a single byte', 'png', Buffer.alloc(1)],
        ['a megabyte of zeros', 'jpeg', Buffer.alloc(1_000_000)],
        ['random bytes', 'jpeg', randomBytes(100_000, 1)],
        ['random bytes behind the magic of a JPEG', 'jpeg', bytesOf('\xff\xd8\xff\xe0', randomBytes(50_000, 2))],
        ['random bytes behind the magic of a PNG', 'png', bytesOf('\x89PNG\r\n\x1a\n', randomBytes(50_000, 3))],
        ['random bytes behind the magic of a GIF', 'gif', bytesOf('GIF89a', randomBytes(50_000, 4))],
        [
          'random bytes behind the magic of a WebP',
          'webp',
          bytesOf('RIFF\xff\xff\xff\xffWEBPVP8 ', randomBytes(50_000, 5)),
        ],
        ['random bytes behind the magic of an AVIF', 'avif', bytesOf(ftyp('avif'), randomBytes(50_000, 6))],
        ['a PNG of no width', 'png', header(bytesOf(u32(0), height, '\x08\x02\0\0\0'))],
        ['a PNG of negative size', 'png', header(bytesOf(u32(0xffffffff), height, '\x08\x02\0\0\0'))],
        ['a PNG of 3 bits a pixel', 'png', header(bytesOf(width, height, '\x03\x02\0\0\0'))],
        ['a PNG with colours that it does not have', 'png', header(bytesOf(width, height, '\x08\x03\0\0\0'))],
        ['a PNG whose header has a wrong checksum', 'png', pngOf(chunks, 'IHDR')],
        ['a PNG whose pixels have a wrong checksum', 'png', pngOf(chunks, 'IDAT')],
        ['a PNG without pixels', 'png', pngOf(chunks.filter(({ type }) => type !== 'IDAT'))],
        ['a PNG chunk longer than the world', 'png', overwritten(png, 'IDAT', -4, u32(0x7fffffff))],
        ['a JPEG of 12 bits a sample', 'jpeg', overwritten(jpeg, '\xff\xc0', 4, Buffer.from([12]))],
        ['a JPEG of no height', 'jpeg', resized(jpeg, 320, 0)],
        ['a JPEG of 255 components', 'jpeg', overwritten(jpeg, '\xff\xc0', 9, Buffer.from([255]))],
        ['a JPEG with sampling factors of zero', 'jpeg', overwritten(jpeg, '\xff\xc0', 11, Buffer.from([0]))],
        ['a JPEG that says it is lossless', 'jpeg', overwritten(jpeg, '\xff\xc0', 0, bytesOf('\xff\xc3'))],
        ['a JPEG with two headers', 'jpeg', jpegWith(jpeg, jpegSegment(0xc0, '\x08', u16(8, 8), '\x01\x01\x11\0'))],
        ['a WebP in no known coding', 'webp', overwritten(webp, 'VP8 ', 0, bytesOf('VP9 '))],
        ['a WebP whose chunk is longer than the file', 'webp', overwritten(webp, 'VP8 ', 4, le(4, 0x7ffffffe))],
        ['an AVIF whose data lie behind its end', 'avif', overwritten(avif, 'iloc', 4, Buffer.alloc(40, 0x7f))],
        ['an AVIF with a box of no length', 'avif', overwritten(avif, 'meta', -4, u32(1))],
        ['an AVIF with a box longer than the world', 'avif', overwritten(avif, 'meta', -4, u32(0xffffffff))],
        ['an AVIF of 5,000 boxes in one another', 'avif', bytesOf(ftyp('avif'), nested('meta', 5_000))],
      ],
    ),
    ...fated(
      BROKEN,
      [
        ['a JPEG that says it is arithmetically coded', 'jpeg', overwritten(jpeg, '\xff\xc0', 0, bytesOf('\xff\xc9'))],
        ['a JPEG without its first table', 'jpeg', overwritten(jpeg, '\xff\xc4', 0, bytesOf('\xff\xfe'))],
        ['a PNG without an end', 'png', pngOf(chunks.filter(({ type }) => type !== 'IEND'))],
        ['a JPEG behind 100,000 fill bytes', 'jpeg', jpegWith(jpeg, Buffer.alloc(100_000, 0xff))],
      ],
      CLEAN,
    ),
  ];
}

/** Boxes within boxes, each but a header. */
function nested(type: string, depth: number): Buffer {
  const headers = Array.from({ length: depth }, (_, outside) => bytesOf(u32((depth - outside) * 8), type));
  return Buffer.concat(headers);
}

/** Too many frames, and too many passes over one. */
export function animations({ png }: Pictures): BadFile[] {
  const moving = pngWith(png, { type: 'acTL', data: u32(2_000, 0) });
  return [
    ...fated(LARGE, [
      ['a GIF of 2,000 frames', 'gif', gifOf(9, 9, { frames: 2_000 })],
      ['a GIF of 10,000 frames', 'gif', gifOf(9, 9, { frames: 10_000 })],
      [
        'a GIF of 200 frames of 4,000 x 4,000',
        'gif',
        gifOf(4_000, 4_000, { frames: 200, frame: { width: 4_000, height: 4_000 } }),
      ],
      ['a WebP of 2,000 frames', 'webp', animatedWebp(2_000, 9, 9)],
      ['a WebP of 10,000 frames', 'webp', animatedWebp(10_000, 9, 9)],
      ['a WebP of 100 frames of 4,000 x 4,000', 'webp', animatedWebp(100, 4_000, 4_000)],
    ]),
    ...fated(['too-large', 'corrupt-media'], [['an animated PNG of 2,000 frames', 'png', moving]], CLEAN),
    ...fated(NOT_TAKEN, [['an animated PNG under its own name', 'apng', moving]]),
  ];
}

/** What a look at the first bytes alone can be made to unfold or to follow. */
export function bombsForTheSniffer(): BadFile[] {
  const member = gzipSync(Buffer.alloc(64 * 1024 * 1024), { level: 9 });
  const deflated = deflateRawSync(Buffer.alloc(64 * 1024 * 1024), { level: 9 });
  const name = '[Content_Types].xml';
  const entry = bytesOf(
    'PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0',
    u32(0),
    le(4, deflated.length),
    le(4, 2 ** 26),
    le(2, name.length),
    le(2, 0),
    name,
    deflated,
  );
  const asf = bytesOf(Buffer.from('3026b2758e66cf11a6d900aa0062ce6c', 'hex'), Buffer.alloc(14), Buffer.alloc(4_000));
  return fated(LIE, [
    ['three gigabytes in a gzip', 'jpeg', Buffer.concat(Array.from({ length: 48 }, () => member))],
    ['a ZIP of 1,000 types of 64 MiB', 'png', Buffer.concat(Array.from({ length: 30 }, () => entry))],
    [
      'a ZIP of 20,000 empty files',
      'png',
      Buffer.concat(Array.from({ length: 20_000 }, () => bytesOf('PK\x03\x04', Buffer.alloc(26)))),
    ],
    ['10,000 ID3 tags', 'jpeg', Buffer.concat(Array.from({ length: 10_000 }, () => bytesOf('ID3\x04\0\0\0\0\0\0')))],
    ['an ASF whose parts have no length', 'gif', asf],
  ]);
}
