/**
 * A deletion goes through five services, and each of them may die on the way: whatever was cut off, the next round finishes it,
 * and the proof says so. Photos of this file: variants 24,000 and up.
 */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { type Deletion, ERASING_SERVICES, type ErasingService, deletionId } from '@playnite/contracts/documents';
import type { Client } from '@playnite/emulators/client';
import { deleteUser } from 'firebase/auth';
import { doc, serverTimestamp, setDoc } from 'firebase/firestore';
import { bucket, db, fireSchedule, tracesOf } from '../support/backstage.ts';
import { RECOVERY_MAX_MS, becomes, kill, pause, quietUpload, workersOf } from '../support/faults.ts';
import { photo } from '../support/files.ts';
import { counts, logFiles, stranger } from '../support/platform.ts';
import { handleOf, like, newId, stat, write } from '../support/social.ts';

const TEST_MAX_MS = 4 * RECOVERY_MAX_MS;
/** How long a phone waits before it sends again what was not answered. */
const SENDS_AGAIN_MS = 1_000;
/** Longer than a deletion stands still before the schedule takes it up again. */
const STANDSTILL_MS = 10 * 60_000;
/** Some of the places where a proof of a content has to look: one for each service. */
const PLACES = ['content', 'likes', 'notifications', 'fingerprints', 'mediaObjects'];
/** Doubtful to the default policy, and certain. */
const DOUBTFUL = 'this is fucking great';
const FORBIDDEN = 'you n1gg3r';

let variant = 24_000;
const newPhoto = () => photo({ variant: (variant += 1) });

/** Where a deletion has got to, and how much the proof found at each place where something may be. */
async function proofOf(id: string): Promise<{ state: unknown; remaining: Record<string, number> }> {
  const { state, remaining = {} } = (await db.doc(`deletions/${id}`).get()).data() ?? {};
  return { state: state as unknown, remaining: remaining as Record<string, number> };
}

const isDone = async (id: string): Promise<boolean> => (await proofOf(id)).state === 'done';

/** The deletions of what somebody owns, each with the services whose receipt it lacks. */
async function missingReceipts(ownerId: string): Promise<Map<string, ErasingService[]>> {
  const { docs } = await db.collection('deletions').where('ownerId', '==', ownerId).get();
  const missingOf = (receipts: Deletion['receipts'] | undefined) =>
    ERASING_SERVICES.filter((service) => !receipts?.[service]);
  return new Map(docs.map((each) => [each.id, missingOf(each.get('receipts') as Deletion['receipts'])]));
}

/** How often a process of a function was given something to do. */
async function timesBegun(name: string): Promise<number> {
  const [log = ''] = await Promise.all(logFiles.map((file) => readFile(file, 'utf8')));
  return log.match(new RegExp(`Beginning execution of "[\\w-]+-${name}"`, 'gu'))?.length ?? 0;
}

/** Ages deletions that stand still, as waiting would, and lets the schedule look. */
async function resume(ids: readonly string[]): Promise<void> {
  for (const id of ids) await db.doc(`deletions/${id}`).update({ updatedAt: new Date(Date.now() - STANDSTILL_MS) });
  expect(await fireSchedule('storage-resumeDeletions')).toBeLessThan(300);
}

/**
 * Has a service die at a deletion that the work given asks for: its processes are given the request, and never get round to it.
 * They must be there: something of the kind has just been done. Returns the deletions that lack its receipt: who leaves has their
 * contents deleted as well, and any of these may be the one that it died at; another may only have got to no process of it yet.
 */
async function dies(service: ErasingService, ownerId: string, work: () => Promise<unknown>): Promise<string[]> {
  const name = `${service}-onDeletionRequested`;
  const workers = workersOf(`${service}.onDeletionRequested`);
  expect(workers.length).toBeGreaterThan(0);
  pause(workers);
  const before = await timesBegun(name);
  await work();
  await becomes(async () => (await timesBegun(name)) > before, true);
  expect(kill(workers)).toBeGreaterThan(0);
  // The emulator asks one service after the other; those behind this one have not been asked before now.
  const missed = async () => new Set([...(await missingReceipts(ownerId)).values()].flat());
  await becomes(missed, new Set([service]));
  return [...(await missingReceipts(ownerId))].filter(([, missing]) => missing.length > 0).map(([id]) => id);
}

/** Removes a content as a phone does: what was not answered is sent again with its key. */
async function remove(owner: Client, contentId: string): Promise<void> {
  const call = { contentId, idempotencyKey: randomUUID() };
  const end = Date.now() + RECOVERY_MAX_MS;
  for (;;) {
    try {
      await owner.call('content-remove', call);
      return;
    } catch (error) {
      if (!isUnanswered(error) || Date.now() > end) throw error;
      await sleep(SENDS_AGAIN_MS);
    }
  }
}

/** Whether nobody answered: `details` are the platform's own words, so an error without them is that of what lies between. */
function isUnanswered(error: unknown): boolean {
  const { code, details } = error as { code?: unknown; details?: { retryable?: unknown } };
  return details ? details.retryable === true : code === 'functions/internal' || code === 'functions/unavailable';
}

/** Deletes a content; returns what the proof says of it in the end. */
async function quietlyRemoved({ pair, uploadId }: Awaited<ReturnType<typeof quietUpload>>) {
  const id = deletionId('content', uploadId);
  await remove(pair.owner, uploadId);
  await becomes(() => isDone(id), true);
  const proof = await proofOf(id);
  expect(Object.keys(proof.remaining)).toEqual(expect.arrayContaining(PLACES));
  expect(new Set(Object.values(proof.remaining))).toEqual(new Set([0]));
  return proof;
}

test(
  'a deletion of a content that loses one service after the other leaves nothing behind',
  async () => {
    for (const service of ERASING_SERVICES) {
      const [before, { pair, uploadId }] = [await quietUpload(await newPhoto()), await quietUpload(await newPhoto())];
      const id = deletionId('content', uploadId);
      // One that nothing happens to, so that there are processes to stop: those that are idle end after some seconds.
      const nothing = await quietlyRemoved(before);
      expect(await dies(service, pair.owner.uid, () => remove(pair.owner, uploadId))).toEqual([id]);
      await resume([id]);
      await becomes(() => proofOf(id), nothing);
      expect(await tracesOf(pair.owner.uid, uploadId)).toEqual({ originals: 0, renditions: 0, published: false });
      expect((await db.collectionGroup('feed').where('contentId', '==', uploadId).get()).size).toBe(0);
      expect((await db.doc(`deletions/${id}`).get()).get('round')).toBeGreaterThan(1);
    }
  },
  TEST_MAX_MS,
);

describe('a deletion of an account', () => {
  const leave = async ({ auth: { currentUser } }: Client) => {
    if (!currentUser) throw new Error('nobody is signed in');
    await deleteUser(currentUser);
  };

  const report = (who: Client, subject: string) =>
    setDoc(doc(who.firestore, 'reports', newId('report')), {
      reporterId: who.uid,
      subject,
      reason: 'spam',
      details: 'look at this',
      createdAt: serverTimestamp(),
    });
  const repost = (who: Client, contentId: string) =>
    setDoc(doc(who.firestore, `content/${contentId}/shares/${newId('share')}`), {
      userId: who.uid,
      target: 'repost',
      createdAt: serverTimestamp(),
    });
  const isReported = async (contentId: string) =>
    (await db.collection('moderationCases').where('subject', '==', `content/${contentId}`).get()).size === 1;

  /** Two who follow each other, and have done to each other all that can be done. The first is to leave, with what is theirs. */
  async function livedThrough(): Promise<{ leaver: Client; other: Client; uploadIds: string[] }> {
    const { pair, uploadId } = await quietUpload(await newPhoto());
    const { owner: leaver, follower: other } = pair;
    const { uploadId: ofOther } = await other.upload({
      bytes: await newPhoto(),
      contentType: 'image/jpeg',
      title: `With @${await handleOf(leaver)}`,
    });
    await leaver.follow(other.uid);
    await other.sees(`users/${other.uid}`, counts('followers', 1));
    // Neither is a content when its owner goes: one waits for a moderator, one is kept for an appeal.
    const notPublished = await Promise.all(
      [DOUBTFUL, FORBIDDEN].map(async (caption) =>
        leaver.upload({ bytes: await newPhoto(), contentType: 'image/jpeg', title: 'x', caption }),
      ),
    );
    expect(notPublished.map(({ ticket }) => ticket['status'] as unknown)).toEqual(['in-review', 'rejected']);
    const to: [who: Client, contentId: string][] = [
      [leaver, ofOther],
      [other, uploadId],
    ];
    for (const [who, contentId] of to) {
      await Promise.all([
        like(who, contentId),
        write(who, contentId, 'so it is'),
        repost(who, contentId),
        report(who, `content/${contentId}`),
      ]);
      await who.sees(`content/${contentId}`, stat('comments', 1));
      await who.sees(`content/${contentId}`, stat('likes', 1));
      await who.sees(`content/${contentId}`, stat('shares', 1));
      await becomes(() => isReported(contentId), true);
      await who.call('social-feed', { cursor: null, limit: 5 });
    }
    for (const [who, contentId] of to) await who.call('social-feedback', { contentId, signal: 'not-interested' });
    await setDoc(doc(leaver.firestore, `users/${leaver.uid}/devices/phone`), {
      token: 'a-token',
      platform: 'ios',
      updatedAt: serverTimestamp(),
    });
    await db.doc(`accountStandings/${leaver.uid}`).set({
      status: 'active',
      strikes: [],
      nextExpiry: null,
      updatedAt: new Date(),
    });
    return { leaver, other, uploadIds: [uploadId, ...notPublished.map((each) => each.uploadId)] };
  }

  /** What may go on naming who has left: the tombstones and the audit log. */
  const KEPT_OF_ACCOUNT = /^(deletions|moderationLog)\//u;
  /** What may go on naming their contents: what others said of them, and what was decided of that, as well. */
  const KEPT_OF_CONTENT = /^(deletions|moderationLog|moderationSubjects|moderationCases|reports)\//u;

  /** All documents below a path, the database's own for none. */
  async function documentsBelow(parent: Pick<typeof db, 'listCollections'>): Promise<[path: string, json: string][]> {
    const collections = await parent.listCollections();
    const found = await Promise.all(
      collections.map(async (collection) => {
        const { docs } = await collection.get();
        const paths = new Map(docs.map((each) => [each.ref.path, JSON.stringify(each.data())]));
        // Such as are not there may have some below them all the same.
        const refs = await collection.listDocuments();
        const below = await Promise.all(refs.map(documentsBelow));
        return [...paths, ...below.flat()];
      }),
    );
    return found.flat();
  }

  /** Everything in the database and in the bucket that names an account or a content, wherever it stands. */
  async function tracesOfAll(uids: readonly string[], contentIds: readonly string[]): Promise<string[]> {
    const [documents, [files]] = await Promise.all([documentsBelow(db), bucket.getFiles()]);
    const names = (text: string, ids: readonly string[]) => ids.some((id) => text.includes(id));
    const left = documents.filter(
      ([path, json]) =>
        (!KEPT_OF_ACCOUNT.test(path) && names(`${path} ${json}`, uids)) ||
        (!KEPT_OF_CONTENT.test(path) && names(`${path} ${json}`, contentIds)),
    );
    const objects = files.filter(({ name }) => names(name, [...uids, ...contentIds]));
    return [...left.map((each) => each.join(' ')), ...objects.map(({ name }) => name)];
  }

  test(
    'that loses one service after the other leaves nothing behind, with others neither',
    async () => {
      const [uids, contentIds]: [string[], string[]] = [[], []];
      for (const service of ERASING_SERVICES) {
        const { leaver, other, uploadIds } = await livedThrough();
        const id = deletionId('account', leaver.uid);
        const { uid } = leaver;
        const [published = '', , refused = ''] = uploadIds;
        const traces = await tracesOfAll([uid], uploadIds);
        // Of what there is to find, some that only a look everywhere finds.
        for (const place of [
          `users/${uid}/devices/phone`,
          `users/${other.uid}/feedback/${published}`,
          `feedStates/${other.uid}`,
          `reporters/${uid}`,
          `moderationSubjects/.+/reporters/${uid}`,
          `fingerprints/${refused}`,
          `quarantine/${refused}`,
        ]) {
          expect(traces).toContainEqual(expect.stringMatching(`^${place}`));
        }
        // Somebody leaves undisturbed first, so that there are processes to stop.
        const passerBy = await stranger('pat');
        await leave(passerBy);
        await becomes(() => isDone(deletionId('account', passerBy.uid)), true);

        const diedAt = await dies(service, uid, () => leave(leaver));
        await resume(diedAt);
        await becomes(() => isDone(id), true);
        const { remaining } = await proofOf(id);
        expect(Object.keys(remaining)).toEqual(expect.arrayContaining(['reports', 'moderationCases', 'devices']));
        expect(new Set(Object.values(remaining))).toEqual(new Set([0]));
        const died = await Promise.all(diedAt.map(async (each) => db.doc(`deletions/${each}`).get()));
        expect(Math.max(...died.map((each) => Number(each.get('round'))))).toBeGreaterThan(1);
        uids.push(uid);
        contentIds.push(...uploadIds);
      }
      // The proofs are not taken at their word.
      await becomes(() => tracesOfAll(uids, contentIds), []);
    },
    2 * TEST_MAX_MS,
  );
});
