import { createHash } from 'node:crypto';
import { IMAGE_PIXELS_MAX, PREVIEW_SIDE, type Rejection, THUMBNAIL_SIDE } from '@playnite/contracts/documents';
import type { Metadata, Sharp } from 'sharp';
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
  /** Base64. */
  thumbhash: string;
  /** `#rrggbb`, see {@link dominantColorOf}. */
  dominantColor: string;
  /** 0 (flat or out of focus) to 1, see {@link sharpnessOf}. */
  sharpness: number;
  /** Whether the preview moves; the thumbnail never does. */
  animated: boolean;
  preview: RenderedFile;
  thumbnail: RenderedFile;
}

/** Eight bits a channel, in sRGB, row after row: 3 channels, or 4 with an alpha that is not multiplied in. */
interface Pixels {
  data: Uint8Array;
  info: { width: number; height: number; channels: 1 | 2 | 3 | 4 };
}

/** Decoding and encoding one image may take this long; a 64-megapixel photo takes about three seconds. */
const RENDER_SECONDS_MAX = 20;
/** An animation may have this many frames; all frames together may have as many pixels as one still image. */
export const FRAMES_MAX = 200;
/** A ThumbHash is made from at most 100 x 100 pixels. */
const THUMBHASH_SIDE = 100;
const WEBP_QUALITY = { preview: 82, thumbnail: 76, animation: 70 } as const;
/** WebP's default of 4 takes three times as long over an animation, for files a tenth smaller. */
const ANIMATION_EFFORT = 2;
/** Sharpness looks at about this many pixels, evenly spread: enough for two digits, and a few milliseconds of work. */
const SHARPNESS_SAMPLES = 65_536;
/** The variance of the Laplacian that counts as half sharp; 100 is the customary border between blurred and sharp. */
const HALF_SHARP_VARIANCE = 100;

/**
 * Decodes an image and makes its renditions: upright, in sRGB, with no metadata of the original.
 *
 * Takes JPEG, PNG, WebP, AVIF and GIF. The pixels are decoded once, at the preview's size; the thumbnail, the placeholder,
 * colour and sharpness come from those. Only the preview of an animation reads the file a second time, for its other frames.
 * Returns the rejection for an image that is of another kind, too large or broken; throws when the fault is the machine's.
 */
export async function renderImage(bytes: Buffer): Promise<RenderedImage | { rejection: Rejection }> {
  const { default: sharp } = await import('sharp');
  // One picture a time passes through here; libvips' cache would only hold its memory.
  sharp.cache(false);
  const opened = await judged(async (): Promise<Opened | { rejection: Rejection }> => {
    const header = await sharp(bytes, { limitInputPixels: false }).metadata();
    const rejection = checkHeader(header);
    if (rejection) return { rejection };
    const first = await sharp(bytes, { failOn: 'error', sequentialRead: true })
      .timeout({ seconds: RENDER_SECONDS_MAX })
      .autoOrient()
      .resize({ width: PREVIEW_SIDE, height: PREVIEW_SIDE, fit: 'inside', withoutEnlargement: true })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { header, first, animation: isAnimated(header) ? await animate(sharp(bytes, ANIMATED)) : undefined };
  });
  if ('rejection' in opened) return opened;
  const { header, first, animation } = opened;
  return { ...header.autoOrient, animated: animation !== undefined, ...(await renderPixels(first, animation)) };
}

interface Opened {
  header: Metadata;
  /** The first frame, at the preview's size. */
  first: Pixels;
  animation: RenderedFile | undefined;
}

/** What can be made of pixels at the preview's size; a `preview` that there is already is not made again. */
async function renderPixels(
  pixels: Pixels,
  preview: RenderedFile | undefined,
): Promise<Omit<RenderedImage, 'width' | 'height' | 'animated'>> {
  const [{ default: sharp }, { rgbaToThumbHash }] = await Promise.all([import('sharp'), import('thumbhash')]);
  const open = ({ data, info: { width, height, channels } }: Pixels): Sharp =>
    sharp(data, { raw: { width, height, channels } });
  const small = open(pixels).resize({
    width: THUMBNAIL_SIDE,
    height: THUMBNAIL_SIDE,
    fit: 'inside',
    withoutEnlargement: true,
  });
  const [madePreview, thumbnail, placeholder] = await Promise.all([
    preview ?? encode(open(pixels), WEBP_QUALITY.preview),
    encode(small, WEBP_QUALITY.thumbnail),
    open(pixels)
      .resize({ width: THUMBHASH_SIDE, height: THUMBHASH_SIDE, fit: 'inside' })
      .ensureAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true }),
  ]);
  const hash = rgbaToThumbHash(placeholder.info.width, placeholder.info.height, placeholder.data);
  return {
    thumbhash: Buffer.from(hash).toString('base64'),
    dominantColor: dominantColorOf(placeholder.data),
    sharpness: sharpnessOf(pixels),
    preview: madePreview,
    thumbnail,
  };
}

/** Judges what the header claims, all frames together, before anything is decoded. */
export function checkHeader(header: Metadata): Rejection | undefined {
  const { format, compression, width, height, pages = 1 } = header;
  const known = ['jpeg', 'png', 'webp', 'gif'].includes(format) || (format === 'heif' && compression === 'av1');
  if (!known) return { code: 'unsupported-media', message: `Images of type ${compression ?? format} are not taken.` };
  const tooLarge = checkDimensions(header);
  if (tooLarge || !isAnimated(header)) return tooLarge;
  if (pages > FRAMES_MAX || width * height * pages > IMAGE_PIXELS_MAX) {
    const message = `The animation has ${pages} frames of ${width} x ${height} pixels; ${FRAMES_MAX} frames and ${IMAGE_PIXELS_MAX} pixels in all are the most.`;
    return { code: 'too-large', message };
  }
  return undefined;
}

const ANIMATED = { animated: true, failOn: 'error', sequentialRead: true } as const;

/** A turned animation counts as its first frame: libvips cannot turn frames, and no browser turns an animated WebP. */
const isAnimated = ({ format, pages = 1, orientation = 1 }: Metadata): boolean =>
  (format === 'gif' || format === 'webp') && pages > 1 && orientation === 1;

/** All frames as an animated WebP with the original's delays and loop count. */
async function animate(image: Sharp): Promise<RenderedFile> {
  const { data, info } = await image
    .timeout({ seconds: RENDER_SECONDS_MAX })
    .resize({ width: PREVIEW_SIDE, height: PREVIEW_SIDE, fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .webp({ quality: WEBP_QUALITY.animation, effort: ANIMATION_EFFORT })
    .toBuffer({ resolveWithObject: true });
  // The height that sharp names is that of all frames in one column.
  return namedFile(data, 'webp', { width: info.width, height: info.pageHeight ?? info.height });
}

async function encode(image: Sharp, quality: number): Promise<RenderedFile> {
  const { data, info } = await image.webp({ quality }).toBuffer({ resolveWithObject: true });
  return namedFile(data, 'webp', info);
}

/** Names a rendition by its bytes. `kind` is both the extension and the subtype of the content type. */
export function namedFile(
  bytes: Buffer,
  kind: 'webp' | 'mp4' | 'webm',
  { width, height }: { width: number; height: number },
): RenderedFile {
  const name = `${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}.${kind}`;
  return { name, bytes, contentType: `${kind === 'webp' ? 'image' : 'video'}/${kind}`, width, height };
}

/**
 * The commonest colour of RGBA pixels: each channel's upper four bits choose one of 4096 bins, pixels count by their alpha,
 * and the answer is the mean of the fullest bin. A picture that is all transparent is `#000000`.
 */
function dominantColorOf(rgba: Uint8Array): string {
  const bins = new Float64Array(4096 * 4);
  let fullest = 0;
  for (let at = 0; at + 3 < rgba.length; at += 4) {
    const [red = 0, green = 0, blue = 0, alpha = 0] = rgba.subarray(at, at + 4);
    const bin = (((red >> 4) << 8) | ((green >> 4) << 4) | (blue >> 4)) * 4;
    [red * alpha, green * alpha, blue * alpha, alpha].forEach((amount, channel) => {
      bins[bin + channel] = (bins[bin + channel] ?? 0) + amount;
    });
    if ((bins[bin + 3] ?? 0) > (bins[fullest + 3] ?? 0)) fullest = bin;
  }
  const [red = 0, green = 0, blue = 0, weight = 0] = bins.subarray(fullest, fullest + 4);
  const hex = (sum: number) => (weight === 0 ? 0 : Math.round(sum / weight)).toString(16).padStart(2, '0');
  return `#${hex(red)}${hex(green)}${hex(blue)}`;
}

/**
 * How sharp a picture is, from 0 to 1 with two digits: v / (v + 100), where v is the variance of the Laplacian
 * (4 x centre - the four neighbours) of the luma (Rec. 601, 0..255), over a grid of samples.
 *
 * Variance of the Laplacian: Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000. It measures
 * detail, so an even surface in focus counts as unsharp too. Pictures under 3 x 3 pixels have no inside and count as 0.
 */
function sharpnessOf({ data, info: { width, height, channels } }: Pixels): number {
  const step = Math.max(1, Math.ceil(Math.sqrt((width * height) / SHARPNESS_SAMPLES)));
  const row = width * channels;
  const luma = (at: number): number =>
    channels < 3
      ? (data[at] ?? 0)
      : 0.299 * (data[at] ?? 0) + 0.587 * (data[at + 1] ?? 0) + 0.114 * (data[at + 2] ?? 0);
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (let y = 1; y < height - 1; y += step) {
    for (let x = 1; x < width - 1; x += step) {
      const at = y * row + x * channels;
      const edge = 4 * luma(at) - luma(at - channels) - luma(at + channels) - luma(at - row) - luma(at + row);
      count += 1;
      sum += edge;
      squares += edge * edge;
    }
  }
  if (count === 0) return 0;
  const variance = Math.max(0, squares / count - (sum / count) ** 2);
  return Math.round((100 * variance) / (variance + HALF_SHARP_VARIANCE)) / 100;
}

/** Runs what reads an untrusted image. Its failures are the file's own, except for those of a machine at its limits. */
async function judged<T>(read: () => Promise<T | { rejection: Rejection }>): Promise<T | { rejection: Rejection }> {
  try {
    return await read();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof TypeError || MACHINE_FAULT.test(reason)) throw error;
    if (reason.startsWith('timeout:')) {
      const message = `The image takes longer than ${RENDER_SECONDS_MAX} seconds to decode.`;
      return { rejection: { code: 'too-large', message } };
    }
    return { rejection: { code: 'corrupt-media', message: `The image cannot be decoded: ${firstLine(reason)}` } };
  }
}

/** libvips', the C++ library's and the system's words for having nothing left. */
const MACHINE_FAULT = /out of memory|bad_alloc|cannot allocate|ENOMEM|EMFILE|ENFILE|ENOSPC/i;

/** The decoder's complaint can be long and name every scan line. */
const firstLine = (text: string): string => (text.split('\n')[0] ?? '').slice(0, 200);
