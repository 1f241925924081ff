import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { PREVIEW_SIDE, THUMBNAIL_SIDE } from '@playnite/contracts/documents';
import { makePhoto } from '@playnite/emulators/photos';
import { z } from 'zod';
import { seeImage } from '../functions/src/content/inspect-file.ts';
import { readMetadata } from '../functions/src/content/read-metadata.ts';
import { renderImage } from '../functions/src/content/render-image.ts';

/** A phone's photo: 12 megapixels. */
const PHOTO = { scene: 'lake', seed: 27_000, width: 4000, height: 3000 } as const;
/** 64 megapixels, the most that is taken of that shape. */
const LARGEST = { width: 9236, height: 6927 };
const WARM_UPS = 2;
const RUNS = 21;
const THUMBHASH_SIDE = 100;

/** What any implementation has to do: decode once, a preview, a thumbnail and a placeholder. */
async function bareCalls(bytes: Buffer): Promise<void> {
  const [{ default: sharp }, { rgbaToThumbHash }] = await Promise.all([import('sharp'), import('thumbhash')]);
  const { data, info } = await sharp(bytes, { sequentialRead: true })
    .resize({ width: PREVIEW_SIDE, height: PREVIEW_SIDE, fit: 'inside' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const open = () => sharp(data, { raw: { width, height, channels } });
  const side = (pixels: number) => ({ width: pixels, height: pixels, fit: 'inside' }) as const;
  const [, , small] = await Promise.all([
    open().webp({ quality: 82 }).toBuffer(),
    open().resize(side(THUMBNAIL_SIDE)).webp({ quality: 76 }).toBuffer(),
    open().resize(side(THUMBHASH_SIDE)).ensureAlpha().raw().toBuffer({ resolveWithObject: true }),
  ]);
  rgbaToThumbHash(small.info.width, small.info.height, small.data);
}

/** Milliseconds of all threads. */
async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/**
 * Does all works in turn, so that what disturbs the machine disturbs all alike: the processor time of each, round by round. What one
 * leaves behind is cleared away before the next, which would pay for it.
 */
async function inTurn<Name extends string>(
  works: Record<Name, () => Promise<unknown>>,
): Promise<Record<Name, number>[]> {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const rounds: Record<Name, number>[] = [];
  for (let round = 0; round < WARM_UPS + RUNS; round += 1) {
    const spent: [string, number][] = [];
    for (const [name, work] of Object.entries<() => Promise<unknown>>(works)) {
      collectGarbage();
      spent.push([name, await cpuOf(work)]);
    }
    rounds.push(Object.fromEntries(spent) as Record<Name, number>);
  }
  return rounds.slice(WARM_UPS);
}

/** A worker's memory at its highest, MB: after start, after the first photo, after the largest one. */
async function peakMemory(photo: Buffer): Promise<number[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-'));
  try {
    const { default: sharp } = await import('sharp');
    const files = { photo: path.join(folder, 'photo.jpg'), largest: path.join(folder, 'largest.jpg') };
    await writeFile(files.photo, photo);
    await sharp(photo).resize(LARGEST).jpeg({ quality: 88 }).toFile(files.largest);
    const { stdout } = await promisify(execFile)(process.execPath, [
      fileURLToPath(import.meta.url),
      files.photo,
      files.largest,
    ]);
    return z.array(z.number()).parse(JSON.parse(stdout));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * This process's highest memory so far, MB. Linux counts in `maxRSS` what the process that started this one had, so what it says
 * of the program alone goes first.
 */
async function peak(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const highest = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS;
  return Math.round(Number(highest) / 1024);
}

/** Does in a process of its own what a worker does with the files, and tells its highest memory so far after each, in MB. */
async function renderAsWorker(files: readonly string[]): Promise<number[]> {
  const peaks = [await peak()];
  for (const file of files) {
    const bytes = await readFile(file);
    await seeImage(bytes);
    const rendered = await renderImage(bytes);
    if ('rejection' in rendered) throw new Error(rendered.rejection.message);
    await readMetadata(bytes);
    peaks.push(await peak());
  }
  return peaks;
}

/**
 * The processor time of everything that is done to one photo of 12 megapixels, beside the calls of sharp that any
 * implementation needs, measured in turn; and the memory of a worker.
 */
export async function benchImagePipeline(): Promise<Record<string, number>> {
  const { bytes } = await makePhoto(PHOTO);
  const rounds = await inTurn({
    bare: () => bareCalls(bytes),
    whole: async () => {
      await seeImage(bytes);
      await renderImage(bytes);
      await readMetadata(bytes);
    },
    inspect: () => seeImage(bytes),
    render: () => renderImage(bytes),
    metadata: () => readMetadata(bytes),
  });
  const [started, photo, largest] = await peakMemory(bytes);
  const rounded = (value: number) => Number(value.toPrecision(3));
  const ms = (work: keyof (typeof rounds)[number]) => rounded(median(rounds.map((spent) => spent[work])));
  return {
    'size of the photo, MB': rounded(bytes.length / 1e6),
    'bare calls of sharp, CPU ms': ms('bare'),
    'inspect, render and read metadata, CPU ms': ms('whole'),
    'ratio of the two, median of the rounds': rounded(median(rounds.map(({ whole, bare }) => whole / bare))),
    'inspect alone, CPU ms': ms('inspect'),
    'render alone, CPU ms': ms('render'),
    'metadata alone, CPU ms': ms('metadata'),
    'peak memory of a worker before its first photo, MB': started ?? 0,
    'peak memory after 12 megapixels, MB': photo ?? 0,
    'peak memory after 64 megapixels, MB': largest ?? 0,
  };
}

if (import.meta.main) console.log(JSON.stringify(await renderAsWorker(process.argv.slice(2))));
