/** Sample photos that the project makes by itself: painted from a seed, encoded as a camera would. */
import sharp from 'sharp';
import { randomFrom } from './noise.ts';
import { expose } from './paint.ts';
import { SCENES, type SceneName } from './scenes.ts';

export type { SceneName } from './scenes.ts';
export const sceneNames = Object.keys(SCENES) as SceneName[];

export interface Photo {
  bytes: Buffer;
  contentType: 'image/jpeg';
  width: number;
  height: number;
  title: string;
  caption: string;
  tags: readonly string[];
}

export interface PhotoRequest {
  scene: SceneName;
  /** Another seed, another photo of the same kind. */
  seed: number;
  width?: number;
  height?: number;
}

/**
 * Paints a photo; about a second for 1600 x 1200. The same request gives the same pixels. It carries what a phone
 * writes into a file (camera, time, place), so that there is something to take out.
 */
export async function makePhoto({ scene, seed, width = 1600, height = 1200 }: PhotoRequest): Promise<Photo> {
  const { shade, exposure, grain, title, caption, tags } = SCENES[scene](seed, width / height);
  const pixels = expose(shade, { width, height, exposure, grain, random: randomFrom(seed + 99) });
  const degrees = (seed * 7) % 60;
  const bytes = await sharp(pixels, { raw: { width, height, channels: 3 } })
    // What a lens does to the last pixel.
    .blur(0.6)
    .withExif({
      IFD0: { Make: 'PlayNite', Model: 'Sample Camera', Software: 'sample' },
      IFD2: { DateTimeOriginal: '2026:05:17 20:41:09', FNumber: '28/10', ISOSpeedRatings: '400' },
      IFD3: {
        GPSLatitudeRef: 'N',
        GPSLatitude: `${degrees}/1 30/1 0/1`,
        GPSLongitudeRef: 'E',
        GPSLongitude: '8/1 12/1 0/1',
      },
    })
    .jpeg({ quality: 88, mozjpeg: false })
    .toBuffer();
  return { bytes, contentType: 'image/jpeg', width, height, title, caption, tags };
}
