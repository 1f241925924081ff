import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { colorDistance, colorGrid, sameColors } from '../../../functions/src/moderation/color-grid.ts';
import { photo } from '../../support/files.ts';

/** The same drawing in colours of one's choice. */
const drawing = (ground: string, figure: string) =>
  sharp(
    Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300"><rect width="400" height="300" fill="${ground}"/>` +
        `<path d="M40 40h140v90H40zM230 120l120-60 10 160-90 40z" fill="${figure}"/></svg>`,
    ),
  )
    .jpeg()
    .toBuffer();

describe('the colours of two pictures', () => {
  test.each<[string, (bytes: Buffer) => Promise<Buffer>]>([
    ['saved again', (bytes) => sharp(bytes).jpeg({ quality: 40 }).toBuffer()],
    ['resized', (bytes) => sharp(bytes).resize(200).webp().toBuffer()],
    ['brightened', (bytes) => sharp(bytes).modulate({ brightness: 1.15 }).jpeg().toBuffer()],
    ['mirrored', (bytes) => sharp(bytes).flop().jpeg().toBuffer()],
    ['cropped', (bytes) => sharp(bytes).extract({ left: 32, top: 24, width: 576, height: 432 }).jpeg().toBuffer()],
    ['without its colours', (bytes) => sharp(bytes).greyscale().jpeg().toBuffer()],
  ])('are the same when one is the other %s', async (_, edit) => {
    const original = await photo({ variant: 9100 });
    expect(sameColors(await colorGrid(original), await colorGrid(await edit(original)))).toBe(true);
  });

  test('are not when one drawing is filled with others', async () => {
    const red = await colorGrid(await drawing('#f4e8c8', '#c02020'));
    const blue = await colorGrid(await drawing('#d8f0e0', '#2038c0'));
    expect(colorDistance(red, blue)).toBeGreaterThan(10);
    expect(sameColors(red, blue)).toBe(false);
  });

  test('differ by nothing between a picture and itself', async () => {
    const grid = await colorGrid(await photo({ variant: 9101 }));
    expect(colorDistance(grid, grid)).toBe(0);
    expect(grid).toMatch(/^[0-9a-f]{96}$/);
  });
});
