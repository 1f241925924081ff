/** Files for tests: honest pictures, and the kinds of dishonest ones that people really send. */
import { createHash } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';
import { makePhoto, sceneNames } from '@playnite/emulators/photos';
import sharp from 'sharp';

/** A small photo-like JPEG; every `variant` is another picture. */
export async function photo({ variant = 0, width = 640, height = 480 } = {}): Promise<Buffer> {
  return patches(variant, width, height).jpeg({ quality: 90 }).toBuffer();
}

/** A picture with so much in it that look-alikes can be told from others; every seed is another. */
export async function scene(seed: number, width = 800, height = 600): Promise<Buffer> {
  const name = sceneNames[seed % sceneNames.length] ?? 'lake';
  return (await makePhoto({ scene: name, seed, width, height })).bytes;
}

/** The same kind of picture in another format. */
export async function picture(format: 'jpeg' | 'png' | 'webp', variant = 0): Promise<Buffer> {
  return patches(variant, 320, 240).toFormat(format).toBuffer();
}

/** A JPEG as a phone makes it: stored lying on its side, with the place and the camera in its EXIF data. */
export async function phonePhoto(variant = 0): Promise<Buffer> {
  return patches(variant, 640, 480)
    .withExif({
      IFD0: { Make: 'Acme', Model: 'Phone 9', Orientation: '6' },
      IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '48/1 51/1 30/1', GPSLongitudeRef: 'E', GPSLongitude: '2/1 17/1 40/1' },
    })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();
}

/** Soft patches of colour, no two variants alike: neither their bytes nor what they look like. */
function patches(variant: number, width: number, height: number) {
  const [across, down] = [9, 7];
  const cells = createHash('sha512').update(`variant ${variant}`).digest();
  const coarse = Buffer.from(Array.from({ length: across * down * 3 }, (_, at) => mixed(cells, at, variant)));
  return sharp(coarse, { raw: { width: across, height: down, channels: 3 } }).resize(width, height, {
    fit: 'fill',
    kernel: 'cubic',
  });
}

const mixed = (cells: Buffer, at: number, variant: number): number =>
  ((cells[at % cells.length] ?? 0) * (1 + Math.floor(at / cells.length)) + at * variant) % 256;

const chunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
};

/** A complete, valid one-bit PNG of one colour: a few hundred kilobytes that unfold to `width` x `height` pixels. */
export function flatPng(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(height * (1 + Math.ceil(width / 8))), { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

export const SVG_WITH_SCRIPT = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>',
);
export const HTML_PAGE = Buffer.from('<!doctype html><title>x</title><script>alert(1)</script>');
export const PLAIN_TEXT = Buffer.from('This is a text file that somebody called holiday.jpg.\n'.repeat(20));
/** Starts like a GIF and runs like a script. */
export const GIF_THAT_IS_JAVASCRIPT = Buffer.from('GIF89a/*\x00\x00\x00\x00\x00*/=1;alert(1)', 'latin1');

/** A JPEG whose second half never arrived. */
export const truncated = (jpeg: Buffer): Buffer => jpeg.subarray(0, Math.floor(jpeg.length / 2));
/** A JPEG with a web page behind its end. */
export const jpegWithPage = (jpeg: Buffer): Buffer => Buffer.concat([jpeg, HTML_PAGE]);
