/**
 * A deletion goes through five services, and each of them may die on the way: whatever was cut off, the next round finishes it,
 * and the proof says so. Photos of this file: variants 24,000 and up.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { ERASING_SERVICES, deletionId } from '@playnite/contracts/documents';
import { db, fireSchedule, tracesOf } from '../support/backstage.ts';
import { RECOVERY_MAX_MS, becomes, kill, pause, quietUpload, workersOf } from '../support/faults.ts';
import { photo } from '../support/files.ts';

const TEST_MAX_MS = 4 * RECOVERY_MAX_MS;
/** What has been sent to a process of this machine is there by then. */
const ARRIVES_WITHIN_MS = 1_000;
/** Longer than a deletion stands still before the schedule takes it up again. */
const STANDSTILL_MS = 10 * 60_000;
/** Some of the places where a proof has to look: one for each service. */
const PLACES = ['content', 'likes', 'notifications', 'fingerprints', 'mediaObjects'];

let variant = 24_000;
const newPhoto = () => photo({ variant: (variant += 1) });

/** Where a deletion has got to, and how much the proof found at each place where something may be. */
async function proofOf(id: string): Promise<{ state: unknown; remaining: Record<string, number> }> {
  const { state, remaining = {} } = (await db.doc(`deletions/${id}`).get()).data() ?? {};
  return { state: state as unknown, remaining: remaining as Record<string, number> };
}

/** Ages a deletion that stands still, as waiting would, and lets the schedule look. */
async function resume(id: string): Promise<void> {
  await db.doc(`deletions/${id}`).update({ updatedAt: new Date(Date.now() - STANDSTILL_MS) });
  expect(await fireSchedule('storage-resumeDeletions')).toBeLessThan(300);
}

/** Deletes a content; returns what the proof says of it in the end. */
async function quietlyRemoved({ pair, uploadId }: Awaited<ReturnType<typeof quietUpload>>) {
  const id = deletionId('content', uploadId);
  await pair.owner.call('content-remove', { contentId: uploadId });
  await becomes(async () => (await proofOf(id)).state, 'done');
  const proof = await proofOf(id);
  expect(Object.keys(proof.remaining)).toEqual(expect.arrayContaining(PLACES));
  expect(new Set(Object.values(proof.remaining))).toEqual(new Set([0]));
  return proof;
}

test(
  'a deletion that loses one service after the other leaves nothing behind',
  async () => {
    for (const service of ERASING_SERVICES) {
      const [before, { pair, uploadId }] = [await quietUpload(await newPhoto()), await quietUpload(await newPhoto())];
      const id = deletionId('content', uploadId);
      // One that nothing happens to, so that there are processes to stop: those that are idle end after some seconds.
      const nothing = await quietlyRemoved(before);
      const workers = workersOf(`${service}.onDeletionRequested`);
      expect(workers.length).toBeGreaterThan(0);
      // They take the request and never get round to it.
      pause(workers);
      await pair.owner.call('content-remove', { contentId: uploadId });
      await sleep(ARRIVES_WITHIN_MS);
      expect(kill(workers)).toBeGreaterThan(0);
      const others = ERASING_SERVICES.filter((each) => each !== service).toSorted();
      await becomes(async () => {
        const receipts = (await db.doc(`deletions/${id}`).get()).get('receipts') as Record<string, unknown>;
        return Object.keys(receipts).toSorted();
      }, others);
      await resume(id);
      await becomes(() => proofOf(id), nothing);
      expect(await tracesOf(pair.owner.uid, uploadId)).toEqual({ originals: 0, renditions: 0, published: false });
      expect((await db.collectionGroup('feed').where('contentId', '==', uploadId).get()).size).toBe(0);
      expect((await db.doc(`deletions/${id}`).get()).get('round')).toBeGreaterThan(1);
    }
  },
  TEST_MAX_MS,
);
