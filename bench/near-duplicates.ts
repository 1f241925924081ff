import { randomBytes } from 'node:crypto';
import { makePhoto, sceneNames } from '@playnite/emulators/photos';
import sharp, { type Sharp } from 'sharp';
import { HashIndex } from '../functions/src/moderation/hash-index.ts';
import { MATCH_DISTANCE_MAX, hashImage } from '../functions/src/moderation/perceptual-hash.ts';

type Figures = Record<string, number>;

const SIZES = [10_000, 100_000, 1_000_000];
const LOOKUPS = 300;
/** One naive look-up among a million takes seconds. */
const NAIVE_LOOKUPS = 2;
const LIMIT = 10;

/** None of the photos that the thresholds were chosen with, which have the seeds 1000 to 1599. */
const FIRST_SEED = 5000;
const PHOTOS = 300;
/** So many of them are altered in each of the ways below. */
const ALTERED = 60;
const WIDTH = 320;
const HEIGHT = 240;

const randomHash = (): string => randomBytes(8).toString('hex');
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
    if (size !== SIZES.at(-1)) continue;
    const bytes = index.serialise();
    figures[`file of ${size.toLocaleString('en')} hashes, MB`] = rounded(bytes.length / 1e6);
    figures[`reading it, ms`] = rounded(
      quantile(
        timed(1, () => HashIndex.parse(bytes)),
        0.5,
      ),
    );
  }
  return figures;
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
  return { ...benchLookups(), ...(await benchRecognition()) };
}
