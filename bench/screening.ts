import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makePhoto, sceneNames } from '@playnite/emulators/photos';
import { z } from 'zod';
import { nsfwjsClassifier } from '../functions/src/moderation/classify-image.ts';
import { hashImage } from '../functions/src/moderation/perceptual-hash.ts';
import { screenWords } from '../functions/src/moderation/screen-words.ts';

/** What a screening hands to classifier and hash: at most this many pixels a side. */
const SMALL_SIDE = 512;
const FIRST_SEED = 28_000;
const LOADS = 5;
const WARM_UPS = 3;
const RUNS = 31;

const figures = z.object({ wallMs: z.number(), cpuMs: z.number() });
/** Milliseconds; `cpuMs` is of all threads. */
type Spent = z.infer<typeof figures>;

async function spentOn(work: () => unknown): Promise<Spent> {
  const [started, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  return { wallMs: performance.now() - started, cpuMs: (user + system) / 1000 };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const mediansOf = (spent: readonly Spent[]): Spent => ({
  wallMs: median(spent.map(({ wallMs }) => wallMs)),
  cpuMs: median(spent.map(({ cpuMs }) => cpuMs)),
});

/** Pictures as a screening sees them, none like another. */
async function pictures(count: number): Promise<Buffer[]> {
  const { default: sharp } = await import('sharp');
  return Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const scene = sceneNames[at % sceneNames.length] ?? 'lake';
      const { bytes } = await makePhoto({ scene, seed: FIRST_SEED + at, width: SMALL_SIDE, height: 384 });
      return sharp(bytes).png({ compressionLevel: 1 }).toBuffer();
    }),
  );
}

/** The first picture of a process, with the load of everything that looks at it. */
async function firstPicture(): Promise<Spent> {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url)]);
  // The classifier says on the same stream which model it takes.
  return figures.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
}

/** Does it all to one picture after another: the medians. */
async function each(images: readonly Buffer[], work: (image: Buffer) => unknown): Promise<Spent> {
  const samples: Spent[] = [];
  for (let run = -WARM_UPS; run < RUNS; run += 1) {
    const image = images[(run + WARM_UPS) % images.length];
    if (!image) continue;
    const spent = await spentOn(() => work(image));
    if (run >= 0) samples.push(spent);
  }
  return mediansOf(samples);
}

/** Words of an ordinary upload, and as many as a caption and its tags may have. */
const SHORT = {
  title: 'Evening at the lake',
  caption: 'The last light, and nobody there but us.',
  tags: 'lake\nlight',
};
const LONG = { ...SHORT, caption: 'The last light of a long day, and nobody there but the two of us. '.repeat(30) };

/** What screening one upload costs; the look-up of look-alikes is the bench `near-duplicates`'. */
export async function benchScreening(): Promise<Record<string, number>> {
  const images = await pictures(sceneNames.length);
  const firsts: Spent[] = [];
  for (let load = 0; load < LOADS; load += 1) firsts.push(await firstPicture());
  const classify = nsfwjsClassifier();
  const spent: Record<string, Spent> = {
    'classifying a picture': await each(images, classify),
    'hashing a picture': await each(images, hashImage),
    'words of a title and a short caption': await each(images, () => screenWords(SHORT)),
    'words of a caption of 2,000 characters': await each(images, () => screenWords(LONG)),
  };
  const first = mediansOf(firsts);
  const { wallMs = 0, cpuMs = 0 } = spent['classifying a picture'] ?? {};
  spent['loading the model, once a process'] = { wallMs: first.wallMs - wallMs, cpuMs: first.cpuMs - cpuMs };
  const rounded = (value: number) => Number(value.toPrecision(3));
  return Object.fromEntries(
    Object.entries(spent).flatMap(([what, each]) => [
      [`${what}, ms`, rounded(each.wallMs)],
      [`${what}, CPU ms`, rounded(each.cpuMs)],
    ]),
  );
}

if (import.meta.main) {
  const [image] = await pictures(1);
  const classify = nsfwjsClassifier();
  console.log(JSON.stringify(await spentOn(() => image && classify(image))));
}
