import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterAll, describe, expect, test } from '@jest/globals';
import { type Rejection, type RejectionCode, videoContentType } from '@playnite/contracts/documents';
import { fileTypeFromBuffer } from 'file-type';
import sharp from 'sharp';
import { checkBytes, checkObject } from '../../../functions/src/content/check-file.ts';
import { seeImage } from '../../../functions/src/content/inspect-file.ts';
import { readMetadata } from '../../../functions/src/content/read-metadata.ts';
import { type RenderedFile, renderImage } from '../../../functions/src/content/render-image.ts';
import { renderVideo } from '../../../functions/src/content/render-video.ts';
import { type BadFile, badFiles } from '../../support/bad-files.ts';
import { photo } from '../../support/files.ts';
import { videoDirectory } from '../../support/videos.ts';

/** No file may hold the pipeline longer; most take a few milliseconds. */
const FILE_MS_MAX = 5_000;
/** After so many bad files a good one is tried. */
const GROUP = 20;
const GROWTH_BYTES_MAX = 350 * 1024 * 1024;

const corpus = await badFiles();
const groups = Array.from({ length: Math.ceil(corpus.length / GROUP) }, (_, group) =>
  corpus.slice(group * GROUP, (group + 1) * GROUP),
);
const scratch = await videoDirectory();
afterAll(() => scratch[Symbol.asyncDispose]());

interface Outcome {
  /** `published`, or the code of the rejection. */
  end: RejectionCode | 'published';
  files: RenderedFile[];
}

const ended = (made: { rejection: Rejection } | { files: RenderedFile[] }): Outcome =>
  'rejection' in made ? { end: made.rejection.code, files: [] } : { end: 'published', files: made.files };

/** What the pipeline does with a file whose ticket is right about everything but perhaps the type. */
async function judge({ contentType, bytes }: BadFile): Promise<Outcome> {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const ticket = { contentType, size: bytes.length, sha256 };
  const unfit = checkObject(ticket, { size: bytes.length, contentType });
  if (unfit) return ended({ rejection: unfit });
  const isVideo = videoContentType.safeParse(contentType).success;
  const seen = isVideo ? { type: (await fileTypeFromBuffer(bytes))?.mime } : await seeImage(bytes);
  const lie = checkBytes(ticket, { sha256, sniffedType: seen.type });
  if (lie) return ended({ rejection: lie });
  if (!isVideo) {
    if ('rejection' in seen && seen.rejection) return ended({ rejection: seen.rejection });
    await readMetadata(bytes);
    const image = await renderImage(bytes);
    return ended('rejection' in image ? image : { files: [image.preview, image.thumbnail] });
  }
  const file = scratch.file('original');
  await writeFile(file, bytes);
  const video = await renderVideo(file, scratch.path, { ffmpeg: 'ffmpeg', ffprobe: 'ffprobe' });
  return ended('rejection' in video ? video : { files: [video.preview, video.thumbnail, video.clip] });
}

/** Fails when a published file has kept anything of the original but its pictures. */
async function expectClean({ bytes, contentType }: RenderedFile): Promise<void> {
  expect(bytes.toString('latin1')).not.toMatch(/<script|<\?php|%PDF|Exif\0|http:\/\/ns\.adobe\.com/i);
  if (!contentType.startsWith('image/')) return;
  const metadata = await sharp(bytes).metadata();
  expect(metadata).toMatchObject({ format: 'webp' });
  for (const kind of ['exif', 'xmp', 'iptc', 'icc'] as const) expect(metadata[kind]).toBeUndefined();
}

describe('the corpus', () => {
  test('has more than 300 files, each with a name of its own', () => {
    expect(new Set(corpus.map(({ name }) => name)).size).toBe(corpus.length);
    expect(corpus.length).toBeGreaterThan(300);
  });
});

const before = process.memoryUsage.rss();

describe.each(groups.map((files, group) => [group + 1, files] as const))('group %d of bad files', (_, files) => {
  test.each(files.map((file) => [file.name, file] as const))(
    '%s is refused for a right reason, or published with nothing of it left',
    async (__, file) => {
      const { end, files: published } = await judge(file);
      expect([...file.codes, ...(file.clean ? ['published'] : [])]).toContain(end);
      for (const rendered of published) await expectClean(rendered);
    },
    FILE_MS_MAX,
  );

  test('leaves a good photo as welcome as before', async () => {
    expect(await renderImage(await photo())).toMatchObject({ width: 640, height: 480, preview: { width: 640 } });
  });
});

test('all bad files together cost a bounded amount of memory', () => {
  expect(process.memoryUsage.rss() - before).toBeLessThan(GROWTH_BYTES_MAX);
});
