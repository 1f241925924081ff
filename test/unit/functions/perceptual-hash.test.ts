import { beforeAll, describe, expect, test } from '@jest/globals';
import { makePhoto, sceneNames } from '@playnite/emulators/photos';
import sharp, { type Sharp } from 'sharp';
import { HashIndex } from '../../../functions/src/moderation/hash-index.ts';
import { hashImage, MATCH_DISTANCE_MAX } from '../../../functions/src/moderation/perceptual-hash.ts';
import { PLAIN_TEXT, flatPng, truncated } from '../../support/files.ts';

const WIDTH = 160;
const HEIGHT = 120;

const photos = new Map<string, Buffer>();
const known = new HashIndex();

beforeAll(async () => {
  for (const [seed, scene] of sceneNames.entries()) {
    const { bytes } = await makePhoto({ scene, seed, width: WIDTH, height: HEIGHT });
    photos.set(scene, bytes);
    for (const hash of (await hashImage(bytes))?.stored ?? []) known.add(scene, hash);
  }
});

/** The known photos that a picture is taken for. */
async function recognised(bytes: Buffer): Promise<string[]> {
  const { sought = [] } = (await hashImage(bytes)) ?? {};
  return known.findAny(sought, MATCH_DISTANCE_MAX, 10).map(({ id }) => id);
}

const part = (left: number, top: number, right: number, bottom: number) => (photo: Sharp) =>
  photo.extract({
    left: Math.round(left * WIDTH),
    top: Math.round(top * HEIGHT),
    width: Math.round((1 - left - right) * WIDTH),
    height: Math.round((1 - top - bottom) * HEIGHT),
  });
const caption = Buffer.from(
  `<svg width="${WIDTH}" height="${HEIGHT}"><rect y="90%" width="100%" height="10%"/>
   <text x="50%" y="98%" font-size="9" text-anchor="middle" fill="#fff">what a picture</text></svg>`,
);
const drawing = async (svg: string): Promise<Buffer> =>
  sharp(Buffer.from(`<svg width="400" height="300"><rect width="100%" height="100%" fill="#fff"/>${svg}</svg>`))
    .png()
    .toBuffer();

describe('hashImage', () => {
  test.each<[string, (photo: Sharp) => Sharp]>([
    ['as it is', (photo) => photo],
    ['as a poor JPEG', (photo) => photo.jpeg({ quality: 50 })],
    ['as WebP', (photo) => photo.webp()],
    ['as PNG with few colours', (photo) => photo.png({ palette: true, colours: 64 })],
    ['as PNG with 16 bits', (photo) => photo.toColourspace('rgb16').png()],
    ['in shades of grey', (photo) => photo.greyscale()],
    ['at a quarter of its size', (photo) => photo.resize(WIDTH / 4)],
    ['at twice its size', (photo) => photo.resize(WIDTH * 2)],
    ['stretched', (photo) => photo.resize(WIDTH, HEIGHT * 2, { fit: 'fill' })],
    ['brighter', (photo) => photo.modulate({ brightness: 1.15 })],
    ['mirrored', (photo) => photo.flop()],
    ['lying on its side, with a note to turn it', (photo) => photo.rotate(90).withMetadata({ orientation: 8 })],
    ['with a caption', (photo) => photo.composite([{ input: caption }])],
    ['cut by a tenth all around', part(0.05, 0.05, 0.05, 0.05)],
    ['cut by a tenth all around and mirrored', (photo) => part(0.05, 0.05, 0.05, 0.05)(photo).flop()],
    ['cut by a tenth at the left', part(0.1, 0, 0, 0)],
    ['cut by a tenth at the bottom', part(0, 0, 0, 0.1)],
    ['cut by a tenth at a corner', part(0.1, 0.1, 0, 0)],
  ])('recognises every photo %s', async (_, change) => {
    for (const [scene, bytes] of photos) {
      expect(await recognised(await change(sharp(bytes)).toBuffer())).toEqual([scene]);
    }
  });

  test('takes no photo for another', async () => {
    for (const [at, scene] of sceneNames.entries()) {
      const { bytes } = await makePhoto({ scene, seed: 100 + at, width: WIDTH, height: HEIGHT });
      expect(await recognised(bytes)).toEqual([]);
    }
  });

  test('gives the same hashes for the same bytes', async () => {
    for (const bytes of photos.values()) {
      const hashes = await hashImage(bytes);
      expect(hashes).toEqual(await hashImage(bytes));
      expect([...(hashes?.stored ?? []), ...(hashes?.sought ?? [])].every((hash) => /^[0-9a-f]{16}$/.test(hash))).toBe(
        true,
      );
    }
  });

  test.each([
    ['one colour', flatPng(300, 200)],
    [
      'nothing but transparency',
      sharp({ create: { width: 90, height: 90, channels: 4, background: '#0000' } })
        .png()
        .toBuffer(),
    ],
    [
      'a gradient',
      drawing(
        '<linearGradient id="g"><stop stop-color="#08f"/><stop offset="1" stop-color="#f80"/></linearGradient><rect width="400" height="300" fill="url(#g)"/>',
      ),
    ],
    [
      'one word on an even ground, where any other would look the same',
      drawing('<text x="30" y="170" font-size="60">Another</text>'),
    ],
    ['two halves', drawing('<rect width="200" height="300"/>')],
    ['a disc in the middle, which is its own mirror image', drawing('<circle cx="200" cy="150" r="90" fill="#c00"/>')],
  ])('gives no hash for %s', async (_, bytes) => {
    expect(await hashImage(await bytes)).toBeUndefined();
  });

  test('tells drawings apart that differ in what they show', async () => {
    const index = new HashIndex();
    const chart = (heights: number[]) =>
      drawing(
        heights
          .map((height, at) => `<rect x="${20 + at * 60}" y="${280 - height}" width="45" height="${height}"/>`)
          .join(''),
      );
    const bars = await chart([60, 200, 120, 240, 90, 150]);
    for (const hash of (await hashImage(bars))?.stored ?? []) index.add('bars', hash);
    const sought = async (bytes: Buffer) => (await hashImage(bytes))?.sought ?? [];
    const same = await sought(await sharp(bars).jpeg().toBuffer());
    const other = await sought(await chart([180, 90, 230, 40, 210, 70]));
    expect(index.findAny(same, MATCH_DISTANCE_MAX, 1)).toHaveLength(1);
    expect(other).not.toEqual([]);
    expect(index.findAny(other, MATCH_DISTANCE_MAX, 1)).toEqual([]);
  });

  test('throws for bytes that are no whole picture', async () => {
    const [bytes = Buffer.alloc(0)] = photos.values();
    await expect(hashImage(PLAIN_TEXT)).rejects.toThrow(/unsupported image format/);
    await expect(hashImage(truncated(bytes))).rejects.toThrow(/VipsJpeg/);
  });
});
