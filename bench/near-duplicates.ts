import { randomFillSync } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { makePhoto, sceneNames } from '@playnite/emulators/photos';
import sharp, { type Sharp } from 'sharp';
import { HashIndex } from '../functions/src/moderation/hash-index.ts';
import { MATCH_DISTANCE_MAX, hashImage } from '../functions/src/moderation/perceptual-hash.ts';

type Figures = Record<string, number>;

const SIZES = [10_000, 100_000, 1_000_000];
const IMAGES = 1_000_000;
/** As `hashImage` gives them for an image. */
const STORED = 10;
const SOUGHT = 6;
const HASH_BYTES = 8;
const LOOKUPS = 300;
/** One naive look-up among a million takes seconds. */
const NAIVE_LOOKUPS = 2;
/** One without tables, among ten million, takes a fifth of a second. */
const LOOKUPS_FAR = 5;
const LIMIT = 10;

/** None of the photos that the thresholds were chosen with, which have the seeds 1000 to 1599. */
const FIRST_SEED = 5000;
const PHOTOS = 300;
/** So many of them are altered in each of the ways below. */
const ALTERED = 60;
const WIDTH = 320;
const HEIGHT = 240;

/** Filled again when used up: asking for eight random bytes at a time takes longer than adding a hash. */
const pool = Buffer.alloc(1 << 16);
let used = pool.length;
function randomHash(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += HASH_BYTES;
  return pool.toString('hex', used - HASH_BYTES, used);
}
const rounded = (value: number): number => Number(value.toPrecision(3));

/** Milliseconds that each of some runs took, shortest first. */
function timed(runs: number, run: () => void): number[] {
  return Array.from({ length: runs }, () => {
    const started = performance.now();
    run();
    return performance.now() - started;
  }).toSorted((a, b) => a - b);
}

const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;

/** The look-up that one would write first. */
function naiveFind(hashes: readonly bigint[], sought: bigint): number {
  let found = 0;
  for (const hash of hashes) {
    let distance = 0;
    for (let rest = hash ^ sought; rest > 0n; rest &= rest - 1n) distance += 1;
    if (distance <= MATCH_DISTANCE_MAX) found += 1;
  }
  return found;
}

function benchLookups(): Figures {
  const figures: Figures = {};
  for (const size of SIZES) {
    const hashes = Array.from({ length: size }, randomHash);
    const index = new HashIndex();
    for (const [at, hash] of hashes.entries()) index.add(`upload-${at}`, hash);
    const numbers = hashes.map((hash) => BigInt(`0x${hash}`));

    const times = timed(LOOKUPS, () => index.find(randomHash(), MATCH_DISTANCE_MAX, LIMIT));
    const naive = timed(NAIVE_LOOKUPS, () => naiveFind(numbers, BigInt(`0x${randomHash()}`)));
    const among = `among ${size.toLocaleString('en')} hashes`;
    figures[`look-up ${among}, median ms`] = rounded(quantile(times, 0.5));
    figures[`look-up ${among}, p99 ms`] = rounded(quantile(times, 0.99));
    figures[`times faster than BigInt ${among}`] = rounded(quantile(naive, 0.5) / quantile(times, 0.5));
  }
  return figures;
}

/** Bytes in use, on the heap and beside it, without what waits to be collected. */
function bytesInUse(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc()');
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** What one process has to do and to hold to look images up among a million. */
function benchImages(): Figures {
  const before = bytesInUse();
  const index = new HashIndex();
  const adding = timed(1, () => {
    for (let image = 0; image < IMAGES; image += 1) {
      // As long as the ids that Firestore gives.
      const id = `image-${image}`.padEnd(20, '-');
      for (let nth = 0; nth < STORED; nth += 1) index.add(id, randomHash());
    }
  });
  const sought = () => Array.from({ length: SOUGHT }, randomHash);
  const [first = 0] = timed(1, () => index.findAny(sought(), MATCH_DISTANCE_MAX, LIMIT));
  const memory = bytesInUse() - before;
  const times = timed(LOOKUPS, () => index.findAny(sought(), MATCH_DISTANCE_MAX, LIMIT));
  const far = timed(LOOKUPS_FAR, () => index.findAny(sought(), MATCH_DISTANCE_MAX + 1, LIMIT));

  let bytes: Buffer = Buffer.alloc(0);
  const writing = timed(1, () => (bytes = index.serialise()));
  const reading = timed(1, () => HashIndex.parse(bytes));
  return {
    [`${IMAGES.toLocaleString('en')} images, hashes of them`]: index.size,
    '  look-up of an image by 6 hashes, median ms': rounded(quantile(times, 0.5)),
    '  look-up of an image by 6 hashes, p99 ms': rounded(quantile(times, 0.99)),
    '  the same without tables, one bit further, ms': rounded(quantile(far, 0.5)),
    '  the first look-up, which makes the tables, ms': rounded(first),
    '  adding all their hashes, s': rounded((adding[0] ?? 0) / 1000),
    '  memory, MB': rounded(memory / 1e6),
    '  file, MB': rounded(bytes.length / 1e6),
    '  writing it, ms': rounded(writing[0] ?? 0),
    '  reading it, ms': rounded(reading[0] ?? 0),
  };
}

const part =
  (left: number, top: number, right: number, bottom: number) =>
  (photo: Sharp): Sharp =>
    photo.extract({
      left: Math.round(left * WIDTH),
      top: Math.round(top * HEIGHT),
      width: Math.round((1 - left - right) * WIDTH),
      height: Math.round((1 - top - bottom) * HEIGHT),
    });
const drawnOver =
  (svg: string) =>
  (photo: Sharp): Sharp =>
    photo.composite([{ input: Buffer.from(`<svg width="${WIDTH}" height="${HEIGHT}">${svg}</svg>`) }]);

const ALTERATIONS: Record<string, (photo: Sharp) => Sharp> = {
  'as JPEG q 50': (photo) => photo.jpeg({ quality: 50 }),
  'as WebP q 75': (photo) => photo.webp({ quality: 75 }),
  'as PNG': (photo) => photo.png(),
  'at 25 % of the size': (photo) => photo.resize(WIDTH / 4),
  'at 50 % of the size': (photo) => photo.resize(WIDTH / 2),
  'at 200 % of the size': (photo) => photo.resize(WIDTH * 2),
  '15 % brighter': (photo) => photo.modulate({ brightness: 1.15 }),
  mirrored: (photo) => photo.flop(),
  'cropped by 5 %, all around': part(0.025, 0.025, 0.025, 0.025),
  'cropped by 5 %, one side': part(0.05, 0, 0, 0),
  'cropped by 10 %, all around': part(0.05, 0.05, 0.05, 0.05),
  'cropped by 10 %, one side': part(0, 0, 0.1, 0),
  'cropped by 10 %, a corner': part(0, 0.1, 0.1, 0),
  'cropped unevenly, 2 to 6 % a side': part(0.02, 0.06, 0.04, 0.03),
  'cropped by 15 %, all around': part(0.075, 0.075, 0.075, 0.075),
  'cropped by 20 %, all around': part(0.1, 0.1, 0.1, 0.1),
  'with a caption in the lowest 10 %': drawnOver(
    '<rect y="90%" width="100%" height="10%"/><text x="50%" y="98%" font-size="18" text-anchor="middle" fill="#fff">what a picture</text>',
  ),
  'with a caption in the lowest 15 %': drawnOver(
    '<rect y="85%" width="100%" height="15%"/><text x="50%" y="96%" font-size="26" text-anchor="middle" fill="#fff">what a picture</text>',
  ),
  'with a watermark in the middle': drawnOver(
    '<text x="50%" y="55%" font-size="38" text-anchor="middle" fill="#fff" fill-opacity="0.6">example.com</text>',
  ),
};

async function benchRecognition(): Promise<Figures> {
  const index = new HashIndex();
  const photos: { id: string; scene: string; bytes: Buffer; sought: string[] }[] = [];
  let hashMs = 0;
  for (let at = 0; at < PHOTOS; at += 1) {
    const scene = sceneNames[at % sceneNames.length] ?? 'lake';
    const { bytes } = await makePhoto({ scene, seed: FIRST_SEED + at, width: WIDTH, height: HEIGHT });
    const started = performance.now();
    const hashes = await hashImage(bytes);
    hashMs += performance.now() - started;
    if (!hashes) continue;
    for (const hash of hashes.stored) index.add(`${scene}-${at}`, hash);
    photos.push({ id: `${scene}-${at}`, scene, bytes, sought: hashes.sought });
  }

  const figures: Figures = {
    'hashing a photo of 320 x 240, ms': rounded(hashMs / PHOTOS),
    'photos without a hash': PHOTOS - photos.length,
  };
  const altered = photos.slice(0, ALTERED);
  for (const [name, alter] of Object.entries(ALTERATIONS)) {
    let found = 0;
    for (const { id, bytes } of altered) {
      const hashes = await hashImage(await alter(sharp(bytes)).toBuffer());
      const matches = index.findAny(hashes?.sought ?? [], MATCH_DISTANCE_MAX, PHOTOS);
      if (matches.some((match) => match.id === id)) found += 1;
    }
    figures[`found ${name}, %`] = rounded((100 * found) / altered.length);
  }

  const falseMatches = { sameScene: 0, otherScene: 0 };
  for (const { id, scene, sought } of photos) {
    for (const match of index.findAny(sought, MATCH_DISTANCE_MAX, PHOTOS)) {
      if (match.id === id) continue;
      falseMatches[match.id.startsWith(`${scene}-`) ? 'sameScene' : 'otherScene'] += 1;
    }
  }
  const sameScene = photos.reduce(
    (sum, { scene }) => sum + photos.filter((photo) => photo.scene === scene).length - 1,
    0,
  );
  figures['comparisons of photos of different scenes'] = photos.length * (photos.length - 1) - sameScene;
  figures['matches among them, all false'] = falseMatches.otherScene;
  figures['comparisons of other photos of the same scene'] = sameScene;
  figures['matches among them, all false too'] = falseMatches.sameScene;
  return figures;
}

/** How fast the index of known pictures answers, which altered pictures it recognises, and which it mistakes. */
export async function benchNearDuplicates(): Promise<Figures> {
  return { ...benchLookups(), ...benchImages(), ...(await benchRecognition()) };
}
