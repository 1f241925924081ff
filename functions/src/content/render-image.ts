import { createHash } from 'node:crypto';
import { PREVIEW_SIDE, type Rejection, THUMBNAIL_SIDE } from '@playnite/contracts/documents';
import type { Sharp } from 'sharp';
import { checkDimensions } from './check-file.ts';

/** One file to store: `name` comes from the bytes, so the same picture always has the same name. */
export interface RenderedFile {
  name: string;
  bytes: Buffer;
  contentType: string;
  width: number;
  height: number;
}

export interface RenderedImage {
  /** Of the upright original. */
  width: number;
  height: number;
  thumbhash: string;
  preview: RenderedFile;
  thumbnail: RenderedFile;
}

/** Decoding and encoding one image may take this long; a 64-megapixel photo takes about three seconds. */
const RENDER_SECONDS_MAX = 20;
/** A ThumbHash is made from at most 100 x 100 pixels. */
const THUMBHASH_SIDE = 100;
const WEBP_QUALITY = { preview: 82, thumbnail: 76 } as const;

/**
 * Decodes an image and makes its renditions: upright, in sRGB, with no metadata of the original.
 *
 * The pixels are decoded once, at the preview's size; the thumbnail and the placeholder come from those.
 * Returns the rejection for an image that is too large or broken.
 */
export async function renderImage(bytes: Buffer): Promise<RenderedImage | { rejection: Rejection }> {
  const [{ default: sharp }, { rgbaToThumbHash }] = await Promise.all([import('sharp'), import('thumbhash')]);
  // One picture a time passes through here; libvips' cache would only hold its memory.
  sharp.cache(false);
  try {
    const header = await sharp(bytes, { limitInputPixels: false }).metadata();
    const tooLarge = checkDimensions(header);
    if (tooLarge) return { rejection: tooLarge };

    const { data, info } = await sharp(bytes, { failOn: 'error', sequentialRead: true })
      .timeout({ seconds: RENDER_SECONDS_MAX })
      .autoOrient()
      .resize({ width: PREVIEW_SIDE, height: PREVIEW_SIDE, fit: 'inside', withoutEnlargement: true })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    const pixels = (): Sharp =>
      sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } });
    const small = pixels().resize({
      width: THUMBNAIL_SIDE,
      height: THUMBNAIL_SIDE,
      fit: 'inside',
      withoutEnlargement: true,
    });
    const [preview, thumbnail, placeholder] = await Promise.all([
      encode(pixels(), WEBP_QUALITY.preview),
      encode(small, WEBP_QUALITY.thumbnail),
      pixels()
        .resize({ width: THUMBHASH_SIDE, height: THUMBHASH_SIDE, fit: 'inside' })
        .ensureAlpha()
        .raw()
        .toBuffer({ resolveWithObject: true }),
    ]);
    const hash = rgbaToThumbHash(placeholder.info.width, placeholder.info.height, placeholder.data);
    return {
      ...header.autoOrient,
      thumbhash: Buffer.from(hash).toString('base64'),
      preview,
      thumbnail,
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { rejection: { code: 'corrupt-media', message: `The image cannot be decoded: ${firstLine(reason)}` } };
  }
}

async function encode(image: Sharp, quality: number): Promise<RenderedFile> {
  const { data, info } = await image.webp({ quality }).toBuffer({ resolveWithObject: true });
  return {
    name: `${createHash('sha256').update(data).digest('hex').slice(0, 32)}.webp`,
    bytes: data,
    contentType: 'image/webp',
    width: info.width,
    height: info.height,
  };
}

/** The decoder's complaint can be long and name every scan line. */
const firstLine = (text: string): string => (text.split('\n')[0] ?? '').slice(0, 200);
