import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { renderImage } from '../../../functions/src/content/render-image.ts';
import * as files from '../../support/files.ts';

async function rendered(bytes: Buffer) {
  const result = await renderImage(bytes);
  if ('rejection' in result) throw new Error(`refused: ${result.rejection.code} ${result.rejection.message}`);
  return result;
}

async function refusal(bytes: Buffer) {
  const result = await renderImage(bytes);
  return 'rejection' in result ? result.rejection.code : 'accepted';
}

describe('renderImage', () => {
  test.each(['jpeg', 'png', 'webp'] as const)(
    'makes a preview, a thumbnail and a placeholder of a %s',
    async (format) => {
      const image = await rendered(await files.picture(format));
      expect({ width: image.width, height: image.height }).toEqual({ width: 320, height: 240 });
      expect(await sharp(image.preview.bytes).metadata()).toMatchObject({ format: 'webp', width: 320, height: 240 });
      expect(Buffer.from(image.thumbhash, 'base64').length).toBeGreaterThan(4);
    },
  );

  test('keeps the longer sides at 1600 and 320 pixels', async () => {
    const image = await rendered(await files.photo({ width: 2400, height: 1200 }));
    expect(image).toMatchObject({
      width: 2400,
      height: 1200,
      preview: { width: 1600, height: 800 },
      thumbnail: { width: 320, height: 160 },
    });
  });

  test('sets a picture upright and leaves its place and camera behind', async () => {
    const original = await files.phonePhoto();
    expect((await sharp(original).metadata()).orientation).toBe(6);
    const image = await rendered(original);
    expect({ width: image.width, height: image.height }).toEqual({ width: 480, height: 640 });
    for (const file of [image.preview, image.thumbnail]) {
      const metadata = await sharp(file.bytes).metadata();
      expect(metadata).not.toHaveProperty('exif');
      expect(metadata).not.toHaveProperty('xmp');
      expect(metadata.orientation ?? 1).toBe(1);
      expect(file.height).toBeGreaterThan(file.width);
      expect(file.bytes.includes('Phone 9')).toBe(false);
    }
  });

  test('names a file by its content', async () => {
    const [first, again, other] = await Promise.all(
      [1, 1, 2].map(async (variant) => rendered(await files.photo({ variant }))),
    );
    expect(first?.preview.name).toBe(again?.preview.name);
    expect(first?.preview.name).not.toBe(other?.preview.name);
    expect(first?.preview.name).not.toBe(first?.thumbnail.name);
  });

  test('leaves nothing of a page that hides behind a JPEG', async () => {
    const image = await rendered(files.jpegWithPage(await files.photo()));
    expect(image.preview.bytes.includes('<script>')).toBe(false);
  });

  test('refuses a JPEG that breaks off', async () => {
    expect(await refusal(files.truncated(await files.photo()))).toBe('corrupt-media');
  });

  test('refuses a PNG with a broken checksum', async () => {
    const png = await files.picture('png');
    const at = png.indexOf('IDAT') + 40;
    png.writeUInt8((png[at] ?? 0) ^ 0xff, at);
    expect(await refusal(png)).toBe('corrupt-media');
  });

  test.each([
    ['a text file', files.PLAIN_TEXT],
    ['nothing', Buffer.alloc(0)],
    ['a script that starts like a GIF', files.GIF_THAT_IS_JAVASCRIPT],
  ])('refuses %s', async (_, bytes) => {
    expect(await refusal(bytes)).toBe('corrupt-media');
  });

  test('refuses a PNG of 50,000 x 50,000 pixels by its header, without unfolding it', async () => {
    const bomb = files.flatPng(50_000, 50_000);
    expect(bomb.length).toBeLessThan(1_000_000);
    const before = process.memoryUsage().rss;
    expect(await refusal(bomb)).toBe('too-large');
    // Unfolded it would be 312 MB at one bit a pixel, and 2.5 GB at one byte.
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });
});
