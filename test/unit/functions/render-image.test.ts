import { describe, expect, test } from '@jest/globals';
import sharp, { type SharpOptions } from 'sharp';
import { readMetadata } from '../../../functions/src/content/read-metadata.ts';
import { FRAMES_MAX, renderImage } from '../../../functions/src/content/render-image.ts';
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

/** `frames` even pictures of ever another grey, as one file. */
async function animation(format: 'gif' | 'webp', frames: number, width = 64, height = 48): Promise<Buffer> {
  const pixels = Buffer.alloc(width * height * frames * 3);
  for (let frame = 0; frame < frames; frame += 1) {
    pixels.fill((20 + frame * 37) % 256, frame * width * height * 3, (frame + 1) * width * height * 3);
  }
  const raw = { width, height: height * frames, channels: 3, pageHeight: height } as const;
  return sharp(pixels, { raw, limitInputPixels: false })
    .toFormat(format, { delay: Array.from({ length: frames }, () => 70), loop: 3, keepDuplicateFrames: true })
    .toBuffer();
}

const plain = (background: string, width = 60, height = 40) =>
  sharp({ create: { width, height, channels: 3, background } });

/** The colour in the middle of a picture. */
async function middle(bytes: Buffer, options: SharpOptions = {}): Promise<number[]> {
  const { data, info } = await sharp(bytes, options).raw().toBuffer({ resolveWithObject: true });
  const at = (Math.floor(info.height / 2) * info.width + Math.floor(info.width / 2)) * info.channels;
  return Array.from(data.subarray(at, at + info.channels));
}

describe('renderImage', () => {
  test.each(['jpeg', 'png', 'webp', 'gif', 'avif'] as const)(
    'makes a preview, a thumbnail and a placeholder of a %s',
    async (format) => {
      const image = await rendered(
        await sharp(await files.picture('png'))
          .toFormat(format)
          .toBuffer(),
      );
      expect(image).toMatchObject({ width: 320, height: 240, animated: false });
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

describe('the colours of a rendition', () => {
  test('are those that the embedded profile means', async () => {
    // The reddest that sRGB has is a duller number in Display P3; shown without conversion it would stay dull.
    const wide = await plain('#ff0000').withIccProfile('p3').png().toBuffer();
    expect((await middle(wide, { ignoreIcc: true }))[0]).toBeLessThan(240);
    const [red = 0, green = 0, blue = 0] = await middle((await rendered(wide)).preview.bytes);
    expect(red).toBeGreaterThan(248);
    expect(Math.max(green, blue)).toBeLessThan(12);
  });

  test.each([
    ['cmyk', 'jpeg'],
    ['rgb16', 'png'],
    ['grey16', 'png'],
    ['b-w', 'jpeg'],
  ] as const)('come from %s too', async (space, format) => {
    const image = await rendered(await plain('#808080').toColourspace(space).toFormat(format).toBuffer());
    for (const channel of await middle(image.preview.bytes)) expect(Math.abs(channel - 128)).toBeLessThan(16);
    expect(await sharp(image.preview.bytes).metadata()).toMatchObject({ space: 'srgb', channels: 3 });
  });

  test('keep what is transparent', async () => {
    const create = { width: 60, height: 40, channels: 4, background: { r: 0, g: 200, b: 0, alpha: 0.5 } } as const;
    const image = await rendered(await sharp({ create }).png().toBuffer());
    expect((await middle(image.preview.bytes))[3]).toBe(128);
    expect(image.dominantColor).toMatch(/^#00c[78]/);
  });
});

describe('what is said of a picture', () => {
  test('its dominant colour is the commonest, not the mean', async () => {
    const patch = await plain('#ff0000', 24, 40).png().toBuffer();
    const image = await plain('#2040c0')
      .composite([{ input: patch, left: 0, top: 0 }])
      .png()
      .toBuffer();
    expect((await rendered(image)).dominantColor).toBe('#2040c0');
  });

  test('its sharpness falls with blur, and is 0 for an even surface', async () => {
    const noise = { type: 'gaussian', mean: 128, sigma: 40 } as const;
    const sharpPicture = await sharp({ create: { width: 800, height: 600, channels: 3, background: '#000', noise } })
      .png()
      .toBuffer();
    const blurred = await Promise.all([1, 4].map(async (sigma) => sharp(sharpPicture).blur(sigma).png().toBuffer()));
    const [clear = 0, soft = 0, lost = 0] = await Promise.all(
      [sharpPicture, ...blurred].map(async (bytes) => (await rendered(bytes)).sharpness),
    );
    expect(clear).toBeGreaterThan(0.9);
    expect(soft).toBeLessThan(clear);
    expect(lost).toBeLessThan(0.1);
    expect((await rendered(await plain('#808080').png().toBuffer())).sharpness).toBe(0);
  });

  test('holds for a picture of one pixel', async () => {
    const image = await rendered(await plain('#102030', 1, 1).png().toBuffer());
    expect(image).toMatchObject({ width: 1, height: 1, dominantColor: '#102030', sharpness: 0 });
  });
});

describe('an animation', () => {
  test.each(['gif', 'webp'] as const)(
    'of %s keeps moving in the preview and stands in the thumbnail',
    async (format) => {
      const image = await rendered(await animation(format, 5));
      expect(image).toMatchObject({ width: 64, height: 48, animated: true, preview: { width: 64, height: 48 } });
      const preview = await sharp(image.preview.bytes).metadata();
      expect(preview).toMatchObject({ format: 'webp', pages: 5, delay: [70, 70, 70, 70, 70], loop: 3 });
      expect((await sharp(image.thumbnail.bytes).metadata()).pages ?? 1).toBe(1);
      expect(image.dominantColor).toBe('#141414');
    },
  );

  test('leaves its metadata behind, and is made smaller frame by frame', async () => {
    const bytes = await sharp(await animation('webp', 3, 2000, 1000), { animated: true })
      .withExif({ IFD0: { Model: 'Phone 9' } })
      .webp()
      .toBuffer();
    const image = await rendered(bytes);
    expect(image.preview).toMatchObject({ width: 1600, height: 800 });
    const metadata = await sharp(image.preview.bytes).metadata();
    expect(metadata).toMatchObject({ width: 1600, height: 800, pages: 3 });
    expect(metadata).not.toHaveProperty('exif');
  });

  test('that is marked as turned counts as its first frame, upright', async () => {
    const turned = await sharp(await animation('webp', 3), { animated: true })
      .withMetadata({ orientation: 6 })
      .webp()
      .toBuffer();
    expect(await rendered(turned)).toMatchObject({ width: 48, height: 64, animated: false });
  });

  test('of too many frames is refused', async () => {
    expect(await refusal(await animation('gif', FRAMES_MAX, 2, 2))).toBe('accepted');
    expect(await refusal(await animation('gif', FRAMES_MAX + 1, 2, 2))).toBe('too-large');
  });

  test('of too many pixels in all is refused by its header, without unfolding it', async () => {
    // 25 frames of 1700 x 1700 pixels are 72 million; as RGBA they would be 289 MB.
    const bytes = await animation('webp', 25, 1700, 1700);
    const before = process.memoryUsage().rss;
    expect(await refusal(bytes)).toBe('too-large');
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });

  test('that breaks off is refused', async () => {
    const bytes = await animation('webp', 5, 320, 240);
    expect(await refusal(files.truncated(bytes))).toBe('corrupt-media');
  });
});

test('a format that is not taken is refused, though the library could decode it', async () => {
  expect(await refusal(files.SVG_WITH_SCRIPT)).toBe('unsupported-media');
  expect(await refusal(await plain('#102030').tiff().toBuffer())).toBe('unsupported-media');
});

describe('readMetadata', () => {
  const withExif = async (
    camera: Record<string, string>,
    taken: Record<string, string> = {},
    format: 'jpeg' | 'webp' | 'png' | 'avif' = 'jpeg',
  ) => plain('#102030').withExif({ IFD0: camera, IFD2: taken }).toFormat(format).toBuffer();

  test.each(['jpeg', 'webp', 'png', 'avif'] as const)('reads camera and time from a %s', async (format) => {
    const taken = { DateTimeOriginal: '2024:05:06 07:08:09', OffsetTimeOriginal: '+02:00' };
    expect(await readMetadata(await withExif({ Make: 'Acme', Model: 'Phone 9' }, taken, format))).toEqual({
      camera: 'Acme Phone 9',
      capturedAt: new Date('2024-05-06T05:08:09Z'),
    });
  });

  test('takes a time without a zone for UTC', async () => {
    const { capturedAt } = await readMetadata(await withExif({}, { DateTimeOriginal: '2024:05:06 07:08:09' }));
    expect(capturedAt).toEqual(new Date('2024-05-06T07:08:09Z'));
  });

  test('says the maker once', async () => {
    expect((await readMetadata(await withExif({ Make: 'Canon', Model: 'Canon EOS R5' }))).camera).toBe('Canon EOS R5');
  });

  test('never says the place', async () => {
    const found = await readMetadata(await files.phonePhoto());
    expect(Object.keys(found)).toEqual(['camera']);
  });

  test.each(['0000:00:00 00:00:00', '2024:02:30 12:00:00', '1700:01:01 00:00:00', '9999:01:01 00:00:00', 'yesterday'])(
    'drops the time %s',
    async (DateTimeOriginal) => {
      expect(await readMetadata(await withExif({}, { DateTimeOriginal }))).toEqual({});
    },
  );

  test('keeps a hostile camera name short, on one line and free of control characters', async () => {
    const jpeg = await withExif({ Model: `a\n\u001b[31m___b${'x'.repeat(5000)}` });
    // Turns the writing around from there on; sharp would not write it.
    jpeg.write('\u202e', jpeg.indexOf('___'));
    const { camera = '' } = await readMetadata(jpeg);
    expect(camera).toMatch(/^a \[31m bx+$/);
    expect(camera).toHaveLength(80);
  });

  test('says nothing of files without EXIF, of broken ones and of no image at all', async () => {
    const jpeg = await withExif({ Make: 'Acme' }, { DateTimeOriginal: '2024:05:06 07:08:09' });
    const at = jpeg.indexOf('Exif') + 6;
    for (let offset = 0; offset < 64; offset += 1) {
      const broken = Buffer.from(jpeg);
      broken.fill(0xff, at + offset, at + offset + 4);
      await expect(readMetadata(broken)).resolves.toBeDefined();
    }
    for (const bytes of [await files.photo(), files.PLAIN_TEXT, Buffer.alloc(0), jpeg.subarray(0, at + 4)]) {
      expect(await readMetadata(bytes)).toEqual({});
    }
  });
});
