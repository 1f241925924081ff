/** A content for many followers, while what brings it to them is killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { db, fireSchedule } from '../support/backstage.ts';
import { becomes, kill, workersOf } from '../support/faults.ts';
import { person } from '../support/platform.ts';
import { followerIds, seedContent, seedFollowers, unheard } from '../support/seed-social.ts';

/** As many as make four pages, in two ranges beside each other. */
const FOLLOWERS = 2_000;
const PAGE = 500;
const TEST_MAX_MS = 240_000;
/** What stands still is taken up again after this time; here its document is made to look that old. */
const STALLED_MS = 10 * 60_000;
/** What has been sent to a program of this machine is there by then. */
const ARRIVES_WITHIN_MS = 2_000;

const rangesOf = async (contentId: string) =>
  (await db.collection('fanOuts').where('contentId', '==', contentId).get()).docs;

/** Kills whoever is at work on a fan-out, as soon as it has been cut into ranges; returns how many processes that were. */
async function killedAtWork(contentId: string): Promise<number> {
  const workers = workersOf('social.fanOut');
  await becomes(async () => (await rangesOf(contentId)).length > 0, true);
  return kill(workers) + kill(workersOf('social.fanOut'));
}

/** Lets the schedule find what stands still, as it does after a while. */
async function resumed(contentId: string): Promise<number> {
  const updatedAt = new Date(Date.now() - STALLED_MS);
  const running = (await rangesOf(contentId)).filter((range) => range.get('state') === 'running');
  await Promise.all(running.map((range) => range.ref.update({ updatedAt })));
  return fireSchedule('social-resumeFanOuts');
}

async function isDone(contentId: string): Promise<boolean> {
  const ranges = await rangesOf(contentId);
  return ranges.length > 0 && ranges.every((range) => range.get('state') === 'done');
}

/** Who has a content in the feed, once for each row, and how many kinds of rows these are. */
async function outcomeOf(contentId: string) {
  const ranges = await rangesOf(contentId);
  const { docs } = await db.collectionGroup('feed').where('contentId', '==', contentId).get();
  return {
    readers: docs.map(({ ref }) => ref.parent.parent?.id ?? '').toSorted(),
    kinds: new Set(docs.map((row) => JSON.stringify(row.data()))).size,
    reachedByTasks: ranges.reduce((sum, range) => sum + Number(range.get('reached')), 0),
  };
}

test(
  'a fan-out that is killed at a page goes on from there, and everybody has the content once',
  async () => {
    const ann = await person('ann');
    const uids = followerIds(ann.uid.slice(0, 6), FOLLOWERS).toSorted();
    const away = new Set(uids.slice(0, 20));
    await unheard(async () => {
      await seedFollowers(ann.uid, uids);
      const activeAt = new Date(Date.now() - 40 * 86_400_000);
      const writer = db.bulkWriter();
      for (const uid of away) void writer.set(db.doc(`feedStates/${uid}`), { activeAt });
      await writer.close();
    });
    const expected = { readers: uids.filter((uid) => !away.has(uid)), kinds: 1, reachedByTasks: FOLLOWERS - PAGE };

    // One that nothing happens to, so that there is a process to be killed at the next.
    const quiet = await seedContent(ann.uid);
    await becomes(() => isDone(quiet), true);
    expect(await outcomeOf(quiet)).toEqual(expected);

    const killed = await seedContent(ann.uid);
    expect(await killedAtWork(killed)).toBeGreaterThan(0);
    await sleep(ARRIVES_WITHIN_MS);
    expect(await resumed(killed)).toBe(200);
    await becomes(() => isDone(killed), true);
    expect(await outcomeOf(killed)).toEqual(expected);
  },
  TEST_MAX_MS,
);
