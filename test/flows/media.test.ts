import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, isEnded } from '@playnite/emulators/client';
import type { DocumentData, Timestamp } from 'firebase/firestore';
import sharp, { type Sharp } from 'sharp';
import { tracesOf } from '../support/backstage.ts';
import { PLAIN_TEXT, picture } from '../support/files.ts';
import { person } from '../support/platform.ts';
import { makeVideo, videoDirectory } from '../support/videos.ts';

/** Pictures from 31000 on are this file's. */
let variant = 31_000;
const newPicture = () => picture('png', (variant += 1));

/** So many uploads are on their way at the same time; the first find every function cold, and wait for one another. */
const AT_ONCE = 4;
const GROUP_MS_MAX = 120_000;
/** Grey levels of 255 by which a rendition's mean may differ from the original's, for WebP of middling quality. */
const MEAN_APART_MAX = 6;

interface Sent {
  original: Buffer;
  ticket: DocumentData;
  /** As another person reads it, once it is published. */
  content: DocumentData | undefined;
}

interface Rendition {
  url: string;
  width: number;
  height: number;
}

interface Media {
  width: number;
  height: number;
  bytes: number;
  preview: Rendition;
  thumbnail: Rendition;
  clip?: Rendition & { durationMs: number };
  animated?: boolean;
  durationMs?: number;
  dominantColor: string;
  sharpness: number;
  thumbhash: string;
  capturedAt?: Timestamp;
  camera?: string;
}

async function send(
  [owner, reader]: readonly [Client, Client],
  original: Buffer,
  contentType: string,
  keepCamera?: boolean,
): Promise<Sent> {
  const uploadId = await owner.openTicket({
    bytes: original,
    contentType,
    title: 'A quiet harbour',
    caption: 'The boats came back in the evening, and the harbour was quiet again. #boats',
    ...(keepCamera === undefined ? {} : { keepCamera }),
  });
  await owner.putFile(uploadId, { bytes: original, contentType });
  const ticket = await owner.sees(`uploads/${uploadId}`, isEnded, GROUP_MS_MAX);
  const isPublished = ticket['status'] === 'published';
  return { original, ticket, content: isPublished ? await reader.sees(`content/${uploadId}`, () => true) : undefined };
}

/** The published content of an upload; fails with what the ticket says. */
function published({ content, ticket }: Sent): { content: DocumentData; media: Media } {
  if (!content) throw new Error(`not published: ${JSON.stringify(ticket)}`);
  return { content, media: content['media'] as Media };
}

async function download({ url }: Rendition): Promise<{ contentType: string | null; bytes: Buffer }> {
  const response = await fetch(url);
  expect({ url, status: response.status }).toEqual({ url, status: 200 });
  return { contentType: response.headers.get('content-type'), bytes: Buffer.from(await response.arrayBuffer()) };
}

/** Mean of red, green and blue. */
async function meansOf(bytes: Buffer): Promise<number[]> {
  const flat = await sharp(bytes).removeAlpha().toColourspace('srgb').png().toBuffer();
  return (await sharp(flat).stats()).channels.map(({ mean }) => mean);
}

interface Kind {
  name: string;
  contentType: string;
  make: (png: Buffer) => Promise<Buffer>;
  /** What the original has to be, or the test would not try what it says. */
  original: object;
  preview?: object;
  /** How far its colours may move; inks reach fewer colours than screens. */
  apartMax?: number;
}

const still = (make: (image: Sharp) => Sharp) => (png: Buffer) => make(sharp(png)).toBuffer();

const KINDS: readonly Kind[] = [
  {
    name: 'a PNG that one can see through',
    contentType: 'image/png',
    make: still((image) => image.ensureAlpha(0.5).png()),
    original: { format: 'png', hasAlpha: true },
    preview: { hasAlpha: true },
  },
  {
    name: 'a PNG of sixteen bits a channel',
    contentType: 'image/png',
    make: still((image) => image.toColourspace('rgb16').png()),
    original: { format: 'png', depth: 'ushort' },
  },
  {
    name: 'a JPEG in shades of grey',
    contentType: 'image/jpeg',
    make: still((image) => image.greyscale().toColourspace('b-w').jpeg()),
    original: { format: 'jpeg', space: 'b-w' },
  },
  {
    name: 'a WebP',
    contentType: 'image/webp',
    make: still((image) => image.webp()),
    original: { format: 'webp' },
  },
  {
    name: 'an AVIF',
    contentType: 'image/avif',
    make: still((image) => image.avif({ effort: 1 })),
    original: { format: 'heif', compression: 'av1' },
  },
  {
    name: 'a GIF that stands still',
    contentType: 'image/gif',
    make: still((image) => image.gif()),
    original: { format: 'gif', pages: 1 },
  },
  {
    name: 'a JPEG in CMYK',
    contentType: 'image/jpeg',
    make: still((image) => image.toColourspace('cmyk').jpeg()),
    original: { format: 'jpeg', space: 'cmyk' },
    apartMax: 30,
  },
  {
    name: 'a JPEG in Display P3',
    contentType: 'image/jpeg',
    make: still((image) => image.withIccProfile('p3').jpeg({ quality: 95 })),
    original: { format: 'jpeg', hasProfile: true },
  },
];

describe('an honest picture', () => {
  const sent: PromiseSettledResult<Sent>[] = [];
  beforeAll(
    async () => {
      const people = await Promise.all([person('ann', 'stays'), person('eve', 'stays')]);
      for (let from = 0; from < KINDS.length; from += AT_ONCE) {
        const group = KINDS.slice(from, from + AT_ONCE).map(async ({ contentType, make }) =>
          send(people, await make(await newPicture()), contentType),
        );
        sent.push(...(await Promise.allSettled(group)));
      }
    },
    GROUP_MS_MAX * Math.ceil(KINDS.length / AT_ONCE),
  );

  test.each(KINDS)(
    'is published in its own colours: $name',
    async ({ name, original, preview, apartMax = MEAN_APART_MAX }) => {
      const outcome = sent[KINDS.findIndex((kind) => kind.name === name)];
      if (outcome?.status !== 'fulfilled') throw new Error(`${name} came to no end`, { cause: outcome?.reason });
      const upload = outcome.value;
      expect(await sharp(upload.original).metadata()).toMatchObject(original);
      const { content, media } = published(upload);
      expect(content).toMatchObject({
        kind: 'image',
        media: { width: 320, height: 240, bytes: upload.original.length, animated: false },
        enrichment: {
          tags: expect.arrayContaining(['boats', 'harbour']) as unknown,
          language: 'en',
          colors: [expect.any(String)],
          quality: 'low',
        },
      });
      expect(media.dominantColor).toMatch(/^#[0-9a-f]{6}$/);
      expect(media.sharpness).toBeGreaterThanOrEqual(0);
      expect(media.sharpness).toBeLessThanOrEqual(1);
      expect(Buffer.from(media.thumbhash, 'base64').length).toBeGreaterThan(4);
      const [shown, small] = await Promise.all([download(media.preview), download(media.thumbnail)]);
      for (const { contentType, bytes } of [shown, small]) {
        expect(contentType).toBe('image/webp');
        expect(await sharp(bytes).metadata()).toMatchObject({ format: 'webp', space: 'srgb', ...preview });
      }
      const [before, after] = await Promise.all([meansOf(upload.original), meansOf(shown.bytes)]);
      after.forEach((mean, channel) => {
        expect(Math.abs(mean - (before[channel] ?? Number.NaN))).toBeLessThan(apartMax);
      });
    },
  );
});

describe('a GIF that moves', () => {
  test(
    'moves in its preview, at its own pace, and stands in its thumbnail',
    async () => {
      const people = await Promise.all([person('ann'), person('eve')]);
      const frames = await Promise.all([newPicture(), newPicture(), newPicture()]);
      const gif = await sharp(frames, { join: { animated: true } })
        .gif({ delay: [60, 70, 80], loop: 2 })
        .toBuffer();
      expect(await sharp(gif).metadata()).toMatchObject({ format: 'gif', pages: 3 });
      const { media } = published(await send(people, gif, 'image/gif'));
      expect(media).toMatchObject({ width: 320, height: 240, animated: true, preview: { width: 320, height: 240 } });
      const [shown, small] = await Promise.all([download(media.preview), download(media.thumbnail)]);
      expect(await sharp(shown.bytes).metadata()).toMatchObject({
        format: 'webp',
        pages: 3,
        delay: [60, 70, 80],
        loop: 2,
      });
      expect((await sharp(small.bytes).metadata()).pages ?? 1).toBe(1);
    },
    GROUP_MS_MAX,
  );
});

describe('a photo from a phone', () => {
  /** Lies on its side and says where, when and with what it was taken. */
  const phonePhoto = async () =>
    sharp(await newPicture())
      .withExif({
        IFD0: { Make: 'Acme', Model: 'Phone 9', Orientation: '6' },
        IFD2: { DateTimeOriginal: '2024:05:06 07:08:09', OffsetTimeOriginal: '+02:00' },
        IFD3: {
          GPSLatitudeRef: 'N',
          GPSLatitude: '48/1 51/1 30/1',
          GPSLongitudeRef: 'E',
          GPSLongitude: '2/1 17/1 40/1',
        },
      })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();

  test(
    'stands upright, says when it was taken, and names its camera only if its owner wants that',
    async () => {
      const people = await Promise.all([person('ann'), person('eve')]);
      const [silent, told] = await Promise.all(
        [false, true].map(async (keepCamera) => send(people, await phonePhoto(), 'image/jpeg', keepCamera)),
      );
      if (!silent || !told) throw new Error('two were sent');
      expect((await sharp(silent.original).metadata()).orientation).toBe(6);
      for (const upload of [silent, told]) {
        const { content, media } = published(upload);
        expect(media).toMatchObject({
          width: 240,
          height: 320,
          preview: { width: 240, height: 320 },
          thumbnail: { width: 240, height: 320 },
        });
        expect(media.capturedAt?.toDate()).toEqual(new Date('2024-05-06T05:08:09Z'));
        expect(JSON.stringify(content)).not.toMatch(/gps|latitude|longitude/i);
        for (const rendition of [media.preview, media.thumbnail]) {
          const { bytes } = await download(rendition);
          const metadata = await sharp(bytes).metadata();
          expect(metadata).toMatchObject({ width: 240, height: 320 });
          expect(metadata.orientation ?? 1).toBe(1);
          for (const block of ['exif', 'xmp', 'iptc']) expect(metadata).not.toHaveProperty(block);
          expect(bytes.includes('Phone 9')).toBe(false);
        }
      }
      expect(published(silent).media).not.toHaveProperty('camera');
      expect(JSON.stringify(silent.content)).not.toContain('Phone 9');
      expect(published(told).media.camera).toBe('Acme Phone 9');
    },
    GROUP_MS_MAX,
  );
});

describe('a video', () => {
  // A size that no other test's videos have, so that no bytes are anybody else's.
  const size = { width: 326, height: 246 };

  test(
    'is published with its length, a poster, a thumbnail and a clip: MP4 and WebM',
    async () => {
      await using directory = await videoDirectory();
      const people = await Promise.all([person('ann'), person('eve')]);
      const sent = await Promise.all(
        (['mp4', 'webm'] as const).map(async (kind) => {
          const options = { ...size, seconds: kind === 'mp4' ? 7 : 2, fps: 10, sound: kind === 'mp4' };
          const file = await makeVideo(directory.file(`short.${kind}`), options);
          return send(people, await readFile(file), `video/${kind}`);
        }),
      );
      for (const [at, lengthMs] of [7000, 2000].entries()) {
        const upload = sent[at];
        if (!upload) throw new Error('two were sent');
        const { content, media } = published(upload);
        expect(content).toMatchObject({ kind: 'video', media: { ...size, bytes: upload.original.length } });
        expect(Math.abs((media.durationMs ?? 0) - lengthMs)).toBeLessThan(200);
        expect(media.dominantColor).toMatch(/^#[0-9a-f]{6}$/);
        for (const rendition of [media.preview, media.thumbnail]) {
          const { contentType, bytes } = await download(rendition);
          expect(contentType).toBe('image/webp');
          const { width, height } = rendition;
          expect(await sharp(bytes).metadata()).toMatchObject({ format: 'webp', width, height });
        }
        const { clip } = media;
        if (!clip) throw new Error('there is no clip');
        expect(clip.durationMs).toBeLessThanOrEqual(6000);
        expect(clip.durationMs).toBeGreaterThan(Math.min(6000, lengthMs) - 200);
        const { contentType, bytes } = await download(clip);
        expect(['video/mp4', 'video/webm']).toContain(contentType);
        // The marks of the two containers: ISO 14496-12's first box, and EBML's first element.
        expect(bytes.subarray(4, 8).toString('latin1') === 'ftyp' || bytes.readUInt32BE(0) === 0x1a45dfa3).toBe(true);
      }
    },
    GROUP_MS_MAX,
  );

  test(
    'is refused when it is too long, and when it is none',
    async () => {
      await using directory = await videoDirectory();
      const ann = await person('ann');
      const long = await readFile(await makeVideo(directory.file('long.mp4'), { ...size, seconds: 200, fps: 1 }));
      const outcomes = await Promise.all(
        [long, PLAIN_TEXT].map(async (bytes) => {
          const { uploadId, ticket } = await ann.upload({ bytes, contentType: 'video/mp4', title: 'Film' });
          return { code: (ticket['rejection'] as { code?: string } | undefined)?.code, uploadId };
        }),
      );
      expect(outcomes.map(({ code }) => code)).toEqual(['too-large', 'mismatch']);
      for (const { uploadId } of outcomes) {
        expect(await tracesOf(ann.uid, uploadId)).toEqual({ originals: 0, renditions: 0, published: false });
      }
    },
    GROUP_MS_MAX,
  );
});
