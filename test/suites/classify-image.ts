/**
 * What every image classifier keeps, whoever is behind it.
 *
 * Where the two differ:
 * - NSFWJS runs here and looks at 224 x 224 pixels, the picture squeezed into a square; Vision is asked over the network and
 *   gets a JPEG of at most 800 pixels a side in its own proportions.
 * - NSFWJS says nothing of violence. Vision says nothing of a label for which it answers `UNKNOWN`.
 * - NSFWJS' scores are probabilities in thousandths; Vision's are one of five likelihoods, a quarter apart.
 * - NSFWJS fails only when its model cannot be loaded; Vision also when it cannot be reached, refuses, or answers nonsense.
 *   Those errors are transient.
 * Both see a transparent picture on white, the first frame of an animation, and a picture turned as its EXIF data says.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import type { ClassifyImage } from '../../functions/src/moderation/classify-image.ts';
import { photo, phonePhoto, truncated } from '../support/files.ts';

const LABELS = ['image-explicit', 'image-suggestive', 'image-violence'];

/** This suite's own thousand of variants. */
const VARIANTS = 20_000;

const flat = (channels: 3 | 4, width = 60, height = 40) =>
  sharp({ create: { width, height, channels, background: { r: 90, g: 140, b: 60, alpha: 0.3 } } });

/** Pictures that are honest, and unlike what a model was trained with. */
const UNUSUAL: readonly [string, () => Promise<Buffer>][] = [
  ['a transparent PNG', () => flat(4).png().toBuffer()],
  ['a fully transparent PNG', () => flat(4).ensureAlpha(0).png().toBuffer()],
  ['a greyscale JPEG', () => flat(3).greyscale().jpeg().toBuffer()],
  ['a greyscale PNG with transparency', () => flat(4).greyscale().png().toBuffer()],
  ['a PNG of 16 bits a channel', () => flat(3).toColourspace('rgb16').png().toBuffer()],
  ['a greyscale PNG of 16 bits', () => flat(3).toColourspace('grey16').png().toBuffer()],
  ['a PNG with a palette', () => flat(3).png({ palette: true, colours: 4 }).toBuffer()],
  ['a JPEG in CMYK', () => flat(3).toColourspace('cmyk').jpeg().toBuffer()],
  ['a picture of one pixel', () => flat(3, 1, 1).png().toBuffer()],
  ['a picture one pixel high', () => flat(3, 2000, 1).png().toBuffer()],
  ['an animated WebP', () => animated('webp')],
  ['an animated GIF', () => animated('gif')],
  ['a photo that a phone stored on its side', () => phonePhoto(VARIANTS + 1)],
];

async function animated(format: 'webp' | 'gif'): Promise<Buffer> {
  const frames = await Promise.all([2, 3, 4].map((nth) => photo({ variant: VARIANTS + nth, width: 60, height: 40 })));
  return sharp(frames, { join: { animated: true } })
    .toFormat(format)
    .toBuffer();
}

/** Proves a classifier; `open` makes a new one. */
export function provesClassifier(name: string, open: () => ClassifyImage): void {
  describe(`${name}, as every classifier,`, () => {
    let classify: ClassifyImage;
    beforeAll(() => {
      classify = open();
    });

    test('gives labels that are known, each with a score from 0 to 1', async () => {
      const scores = await classify(await photo({ variant: VARIANTS }));
      expect(Object.keys(scores)).toEqual(expect.arrayContaining(['image-explicit', 'image-suggestive']));
      for (const [label, score] of Object.entries(scores)) {
        expect(LABELS).toContain(label);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1);
      }
    });

    test('gives one picture the same scores each time, alone and among others', async () => {
      const [picture, other] = [await photo({ variant: VARIANTS + 5 }), await phonePhoto(VARIANTS + 6)];
      const first = await classify(picture);
      const [second, , third] = await Promise.all([classify(picture), classify(other), classify(picture)]);
      expect(second).toEqual(first);
      expect(third).toEqual(first);
      await expect(open()(picture)).resolves.toEqual(first);
    });

    test('leaves the picture that it was given as it was', async () => {
      const picture = await photo({ variant: VARIANTS + 7 });
      const copy = Buffer.from(picture);
      await classify(picture);
      expect(picture.equals(copy)).toBe(true);
    });

    test.each(UNUSUAL)('takes %s', async (_, make) => {
      for (const score of Object.values(await classify(await make()))) {
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1);
      }
    });

    test('throws for bytes that are no picture, and takes the next one', async () => {
      await expect(classify(Buffer.from('no picture'))).rejects.toThrow('unsupported image format');
      await expect(classify(Buffer.alloc(0))).rejects.toThrow('empty');
      await expect(classify(truncated(await photo({ variant: VARIANTS + 9 })))).rejects.toThrow(/premature|truncated/i);
      await expect(classify(await photo({ variant: VARIANTS + 8 }))).resolves.toHaveProperty('image-explicit');
    });
  });
}
