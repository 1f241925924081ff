/**
 * Faults that every upload of the platform feels: `npm test` runs this folder after the others, one file at a time. Photos
 * of this file: variants 20,000 and up.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { timestamp } from '@playnite/contracts/documents';
import { z } from 'zod';
import { db, tracesOf } from '../support/backstage.ts';
import {
  type Effects,
  type Pair,
  RECOVERY_MAX_MS,
  becomes,
  effectsOf,
  followedPair,
  holding,
  kill,
  pause,
  quietUpload,
  whileRecovering,
  workersOf,
} from '../support/faults.ts';
import { jpegWithPage, photo } from '../support/files.ts';

const PIPELINE = 'content.runPipeline';
const SCREENING = 'moderation.onScreeningRequested';
const TEST_MAX_MS = RECOVERY_MAX_MS + 30_000;
/** With so much behind the picture, hashing and looking at the file takes some tenths of a second. */
const PADDING_BYTES = 24 * 1024 * 1024;
/** What has been sent to a program of this machine is there by then, however busy the machine. */
const ARRIVES_WITHIN_MS = 1_000;

const uploadRun = z.object({ screeningAskedAt: timestamp });

let variant = 20_000;
const newPhoto = (size = {}) => photo({ variant: (variant += 1), ...size });

let quiet: Effects;
beforeAll(async () => {
  ({ effects: quiet } = await quietUpload(await newPhoto()));
}, TEST_MAX_MS);

interface Begun {
  uploadId: string;
  put: () => Promise<void>;
}

/** A file, on its way up as soon as there is room for it, so that nothing but the fault holds it up. */
async function begin({ owner }: Pair, bytes: Buffer): Promise<Begun> {
  const file = { bytes, contentType: 'image/jpeg' };
  const uploadId = await owner.openTicket({ ...file, title: 'Killed' });
  await becomes(async () => (await db.doc(`reservations/${uploadId}`).get()).get('state') as unknown, 'held');
  return { uploadId, put: () => owner.putFile(uploadId, file) };
}

const startsOf = async ({ uploadId }: Begun, step: string): Promise<unknown> =>
  (await db.doc(`uploadRuns/${uploadId}`).get()).get(`starts.${step}`);

/**
 * Kills the pipeline when the ticket shows the step: at once, or when what the step then commits has been waiting for a while
 * for the document that the test holds. A transaction that dies before its commit would keep its locks for a minute.
 */
async function killedAt(
  { owner }: Pair,
  { uploadId, put }: Begun,
  step: string,
  when: 'at once' | 'committing' = 'at once',
): Promise<void> {
  // Looked up beforehand, since a short step is over when the list of processes is there.
  const workers = workersOf(PIPELINE);
  const seen = owner.sees(`uploads/${uploadId}`, (ticket) => ticket['step'] === step);
  await put();
  await seen;
  if (when === 'committing') await sleep(ARRIVES_WITHIN_MS);
  expect(kill(workers) + kill(workersOf(PIPELINE))).toBeGreaterThan(0);
}

const endsQuietly = (pair: Pair, { uploadId }: Begun) =>
  whileRecovering(() => becomes(() => effectsOf(pair, uploadId), quiet));

describe('a pipeline that is killed', () => {
  test(
    'while it checks the bytes, ends as if nothing had been',
    async () => {
      const pair = await followedPair();
      const bytes = jpegWithPage(Buffer.concat([await newPhoto(), Buffer.alloc(PADDING_BYTES)]));
      const upload = await begin(pair, bytes);
      await killedAt(pair, upload, 'checking-bytes');
      await endsQuietly(pair, upload);
      expect(await startsOf(upload, 'checking-bytes')).toBeGreaterThan(1);
    },
    TEST_MAX_MS,
  );

  test(
    'while it claims the bytes, ends as if nothing had been',
    async () => {
      const pair = await followedPair();
      const bytes = await newPhoto();
      const upload = await begin(pair, bytes);
      const claim = `hashes/${createHash('sha256').update(bytes).digest('hex')}`;
      await holding(claim, () => killedAt(pair, upload, 'checking-duplicates', 'committing'));
      await endsQuietly(pair, upload);
      expect(await startsOf(upload, 'checking-duplicates')).toBeGreaterThan(1);
      expect((await db.doc(claim).get()).get('uploadId')).toBe(upload.uploadId);
    },
    TEST_MAX_MS,
  );

  test(
    'while it renders, ends as if nothing had been',
    async () => {
      const pair = await followedPair();
      // Large enough that rendering takes a second or two.
      const upload = await begin(pair, await newPhoto({ width: 7000, height: 5000 }));
      await killedAt(pair, upload, 'rendering');
      await endsQuietly(pair, upload);
      expect(await startsOf(upload, 'rendering')).toBeGreaterThan(1);
    },
    TEST_MAX_MS,
  );

  test(
    'when the original is gone and the end does not show yet, ends as if nothing had been',
    async () => {
      const pair = await followedPair();
      const upload = await begin(pair, await newPhoto());
      await holding(`content/${upload.uploadId}`, async () => {
        await killedAt(pair, upload, 'cleaning-up', 'committing');
        expect(await tracesOf(pair.owner.uid, upload.uploadId)).toEqual({
          originals: 0,
          renditions: 2,
          published: false,
        });
      });
      await endsQuietly(pair, upload);
    },
    TEST_MAX_MS,
  );
});

describe('a screening that is killed', () => {
  test(
    'before it began, is asked for again, and the upload ends as if nothing had been',
    async () => {
      const pair = await followedPair();
      const upload = await begin(pair, await newPhoto());
      const workers = workersOf(SCREENING);
      // They take the request and never get round to it.
      pause(workers);
      await upload.put();
      await pair.owner.sees(`uploads/${upload.uploadId}`, ({ step }) => step === 'screening');
      await sleep(ARRIVES_WITHIN_MS);
      const killedAtMs = Date.now();
      expect(kill(workers)).toBeGreaterThan(0);
      await endsQuietly(pair, upload);
      const run = uploadRun.parse((await db.doc(`uploadRuns/${upload.uploadId}`).get()).data());
      expect(run.screeningAskedAt.toMillis()).toBeGreaterThan(killedAtMs);
    },
    TEST_MAX_MS,
  );

  test(
    'with its verdict on the way, ends as if nothing had been',
    async () => {
      const pair = await followedPair();
      const upload = await begin(pair, await newPhoto());
      await holding(`screenings/${upload.uploadId}`, async () => {
        await upload.put();
        await becomes(async () => (await db.doc(`fingerprints/${upload.uploadId}`).get()).exists, true);
        await sleep(ARRIVES_WITHIN_MS);
        expect(kill(workersOf(SCREENING))).toBeGreaterThan(0);
      });
      await endsQuietly(pair, upload);
    },
    TEST_MAX_MS,
  );
});
