/**
 * Hashes by which a picture is found again after it was encoded anew, resized, brightened, captioned, mirrored or cropped.
 *
 * The picture is brought to a small grey square, and a bit of its hash is the sign of one of the 64 lowest frequencies
 * of the square's cosine transform. Signs alone are kept because mirroring then only negates the odd columns: the hash
 * of the mirrored picture costs no second transform.
 *
 * A crop moves everything, and no 64-bit hash survives that. So a known picture is stored under the hashes of ten
 * windows, which are what somebody sees who cut a tenth off a side, a corner or all around; a new picture is looked up
 * whole, and without its top and its bottom, where captions and bars stand.
 *
 * What was measured (`npm run bench near-duplicates` repeats it, with other photos than the limits below were chosen
 * with): at 8 bits, every 10 % crop, mirror image, other encoding and size is found, and every band of text up to a
 * tenth of the height; of 5 % crops nine in ten, of 20 % crops hardly any. No two photos of different scenes match; of
 * photos painted alike from other seeds, one pair in some fifteen hundred does. Other choices, measured once: at 10 bits
 * nearly all of the 5 % crops are found, and five times as many of those pairs match; with the hash of the whole
 * picture alone, one in twelve of the 10 % crops is found. A match is a reason to look, not a proof.
 */
import type { HashHex } from './hash-index.ts';

export interface ImageHashes {
  /** To put into the index for a picture that shall be found again. */
  stored: HashHex[];
  /** To look up for a picture that may be a copy: it is when one of them is near a stored one. */
  sought: HashHex[];
}

/** Two pictures are the same if hashes of theirs differ in so many of the 64 bits, or fewer. */
export const MATCH_DISTANCE_MAX = 8;

/** Decoding one image may take this long. */
const DECODE_SECONDS_MAX = 20;
/** The picture is judged at this size; a side can be cut into tenths and twentieths of whole pixels. */
const SIDE = 80;
const CROP = SIDE / 10;
/** So many in each direction, without those that are constant in one of them: landscapes share those. */
const FREQUENCIES = 8;
/**
 * A frequency of a smaller amplitude, in grey levels of 255, may change its sign when the picture is encoded again: of
 * amplitudes measured before and after JPEG and WebP of quality 50, one in ten thousand moved by more.
 */
const AMPLITUDE_MIN = 0.2;
/** Photos have 47 and more of the 64 above that; gradients have none, and a centred disc, being symmetric, has 16. */
const CLEAR_BITS_MIN = 40;
/**
 * How much of a picture may be one horizontal wave times one vertical one, 1 being all of it. A word on an even ground
 * is that nearly, and at these frequencies looks like any other word in its place: nearly all such cards have 0.96 and
 * more, photos at most 0.94.
 */
const SEPARABLE_MAX = 0.95;

/** A part of the square, in its pixels. */
type Window = Readonly<{ left: number; top: number; width: number; height: number }>;

const WHOLE: Window = { left: 0, top: 0, width: SIDE, height: SIDE };
const WITHOUT_TOP: Window = { ...WHOLE, top: CROP, height: SIDE - CROP };
const WITHOUT_BOTTOM: Window = { ...WHOLE, height: SIDE - CROP };
const WITHOUT_LEFT: Window = { ...WHOLE, left: CROP, width: SIDE - CROP };
const WITHOUT_RIGHT: Window = { ...WHOLE, width: SIDE - CROP };
const CENTRE: Window = { left: CROP / 2, top: CROP / 2, width: SIDE - CROP, height: SIDE - CROP };
const both = (across: Window, down: Window): Window => ({
  left: across.left,
  width: across.width,
  top: down.top,
  height: down.height,
});

const STORED: readonly Window[] = [
  WHOLE,
  CENTRE,
  WITHOUT_TOP,
  WITHOUT_BOTTOM,
  WITHOUT_LEFT,
  WITHOUT_RIGHT,
  both(WITHOUT_LEFT, WITHOUT_TOP),
  both(WITHOUT_LEFT, WITHOUT_BOTTOM),
  both(WITHOUT_RIGHT, WITHOUT_TOP),
  both(WITHOUT_RIGHT, WITHOUT_BOTTOM),
];
const SOUGHT: readonly Window[] = [WHOLE, WITHOUT_TOP, WITHOUT_BOTTOM];

/**
 * The perceptual hashes of an image that is known to be decodable, made from one decode at a small size. Of a moving
 * image, its first frame counts; what is transparent counts as white.
 *
 * Returns undefined for a picture that shows too little to be told from others (one colour, a gradient, a symmetric
 * figure, a single word): such pictures can only be compared by their bytes.
 *
 * @throws {Error} as sharp does, if the image cannot be decoded.
 */
export async function hashImage(bytes: Buffer): Promise<ImageHashes | undefined> {
  const { default: sharp } = await import('sharp');
  const square = await sharp(bytes, { failOn: 'error', sequentialRead: true })
    .timeout({ seconds: DECODE_SECONDS_MAX })
    .autoOrient()
    .flatten({ background: '#fff' })
    .greyscale()
    .resize({ width: SIDE, height: SIDE, fit: 'fill' })
    .raw({ depth: 'uchar' })
    .toBuffer();

  if (!isClear(amplitudes(square, WHOLE))) return undefined;
  const clear = (windows: readonly Window[]): number[][] =>
    windows.map((window) => amplitudes(square, window)).filter(isClear);
  return {
    stored: clear(STORED).map(signs),
    sought: clear(SOUGHT).flatMap((values) => [signs(values), signs(mirrored(values))]),
  };
}

/** Whether a picture with these amplitudes can be told from others, and found again. */
const isClear = (values: readonly number[]): boolean =>
  values.filter((value) => Math.abs(value) >= AMPLITUDE_MIN).length >= CLEAR_BITS_MIN &&
  separability(values) <= SEPARABLE_MAX;

/**
 * The norm of the Gram matrix of the rows over the sum of its eigenvalues. Those are the squares of the singular values,
 * so it is 1 if one of them holds everything and 1/√8 if all are equal.
 */
function separability(values: readonly number[]): number {
  const rows = Array.from({ length: FREQUENCIES }, (_, row) =>
    values.slice(row * FREQUENCIES, (row + 1) * FREQUENCIES),
  );
  const gram = rows.flatMap((a) => rows.map((b) => a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)));
  return Math.hypot(...gram) / values.reduce((sum, value) => sum + value * value, 0);
}

/** Mirroring left to right negates every other horizontal frequency, beginning with the lowest. */
const mirrored = (values: readonly number[]): number[] =>
  values.map((value, index) => ((index % FREQUENCIES) % 2 === 0 ? -value : value));

function signs(values: readonly number[]): HashHex {
  const bits = values.map((value) => (value > 0 ? '1' : '0')).join('');
  return BigInt(`0b${bits}`).toString(16).padStart(16, '0');
}

/**
 * The amplitudes, in grey levels, of the lowest frequencies in a window: row by row, the horizontal frequency changing
 * fastest. It is the two-dimensional DCT-II, scaled so that the window's size does not matter, one direction at a time.
 */
function amplitudes(square: Buffer, { left, top, width, height }: Window): number[] {
  const [across, down] = [cosines(width), cosines(height)];
  const rows = across.map((wave) =>
    Float64Array.from({ length: height }, (_, y) => {
      const start = (top + y) * SIDE + left;
      return wave.reduce((sum, cosine, x) => sum + cosine * (square[start + x] ?? 0), 0);
    }),
  );
  return down.flatMap((wave) => rows.map((row) => wave.reduce((sum, cosine, y) => sum + cosine * (row[y] ?? 0), 0)));
}

const cosines = (length: number): Float64Array[] =>
  Array.from({ length: FREQUENCIES }, (_, index) =>
    Float64Array.from(
      { length },
      (_unused, at) => (2 / length) * Math.cos(((2 * at + 1) * (index + 1) * Math.PI) / (2 * length)),
    ),
  );
