/**
 * A write is the outbox of its own news: its trigger publishes them, and is tried again until it has. Here the processes that
 * publish are killed at random moments. `OUTBOX_WRITES` and `OUTBOX_KILLS` set the size (2,000 and 200 take some minutes).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { socialLikeChanged } from '@playnite/contracts/events';
import { z } from 'zod';
import { POINTS } from '../../functions/src/social/budget.ts';
import { type Recorded, type WrittenDocument, db, listenIn } from '../support/backstage.ts';
import { becomes } from '../support/faults.ts';
import { committedLike, committedUnlike, deliverWhileKilling } from '../support/outbox.ts';
import { person, target } from '../support/platform.ts';
import { randomOf, shuffled } from '../support/random.ts';
import { followerIds, whileUnheard, writeContent, writeProfiles } from '../support/social-documents.ts';

const WRITES = Number(process.env['OUTBOX_WRITES'] ?? 100);
const KILLS = Number(process.env['OUTBOX_KILLS'] ?? 8);
const SEED = 20_261_122;
/** Of the likes, one in so many is taken back. */
const TAKEN_BACK = 4;
const PUBLISHER = 'social-onLikeWritten';
/** Likes by which a healthy platform's delay is measured, one after the other; the first ones wait for processes to start. */
const HEALTHY = 100;
const WARM_UP = 20;
const EVERY_MS = 100;
const AT_ONCE = 20;
/** A killed process costs the start of another, a write some deliveries on two busy cores. */
const TEST_MAX_MS = 120_000 + KILLS * 5_000 + WRITES * 300;

const likeChanged = z.object({ id: z.string(), data: socialLikeChanged.data });

/** What is recorded about a content: the ids of different events by who liked, and when each was published first. */
function heardAbout(contentId: string, recorded: readonly Recorded[]) {
  const idsBy = new Map<string, Set<string>>();
  const publishedAt = new Map<string, Date>();
  for (const { json, publishedAt: at } of recorded) {
    const { id, data } = likeChanged.parse(JSON.parse(json));
    if (data.contentId !== contentId) continue;
    idsBy.set(data.likerUid, (idsBy.get(data.likerUid) ?? new Set()).add(id));
    if (!publishedAt.has(data.likerUid)) publishedAt.set(data.likerUid, at);
  }
  return { idsBy, publishedAt };
}

const likerOf = ({ path }: WrittenDocument): string => path.slice(path.lastIndexOf('/') + 1);

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const next = async () => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

/** What consumers have made of the likes of a content, and of how each liker was charged for theirs. */
async function effectsOf(contentId: string, ownerId: string, likers: readonly string[]) {
  const [content, likes, notifications, budgets, activities, letters] = await Promise.all([
    db.doc(`content/${contentId}`).get(),
    db.collection(`content/${contentId}/likes`).get(),
    db.collection(`users/${ownerId}/notifications`).where('contentId', '==', contentId).get(),
    db.getAll(...likers.map((uid) => db.doc(`budgets/${uid}`))),
    db.getAll(...likers.map((uid) => db.doc(`users/${uid}/activity/like~${contentId}`))),
    db.collection('deadLetters').get(),
  ]);
  const pointsOf = (hours: unknown) =>
    Object.values((hours ?? {}) as Record<string, { points: number }>).reduce((sum, { points }) => sum + points, 0);
  return {
    shown: content.get('stats.likes') as unknown,
    taken: likes.docs
      .filter((like) => like.get('takenAt') !== undefined)
      .map(({ id }) => id)
      .toSorted(),
    notified: notifications.docs.map(({ id }) => id.split(':').at(-1) ?? '').toSorted(),
    logged: activities
      .filter(({ exists }) => exists)
      .map(({ ref }) => ref.parent.parent?.id ?? '')
      .toSorted(),
    points: budgets.map((budget) => pointsOf(budget.get('hours'))),
    letters: letters.docs.map((each) => String(each.get('payload'))).filter((payload) => payload.includes(contentId)),
  };
}

test('a healthy platform publishes what is written soon after', async () => {
  const owner = await person('bob');
  const likers = followerIds(owner.uid.slice(0, 6), HEALTHY);
  const [contentId] = await whileUnheard(target.run, () =>
    Promise.all([writeContent(db, owner.uid), writeProfiles(db, likers)]),
  );
  const takeRecorded = await listenIn([socialLikeChanged.name]);
  const committed = new Map<string, number>();
  const recorded: Recorded[] = [];
  const heard = async () => {
    recorded.push(...(await takeRecorded()));
    return heardAbout(contentId, recorded).publishedAt.size;
  };
  for (const [nth, uid] of likers.entries()) {
    // What came while processes started has been worked off.
    if (nth === WARM_UP) await becomes(heard, WARM_UP);
    committed.set(uid, Date.parse((await committedLike(contentId, uid)).time));
    await sleep(EVERY_MS);
  }
  await becomes(heard, HEALTHY);
  const { idsBy, publishedAt } = heardAbout(contentId, recorded);
  expect(likers.filter((uid) => idsBy.get(uid)?.size !== 1)).toEqual([]);
  const delays = likers
    .slice(WARM_UP)
    .map((uid) => Number(publishedAt.get(uid)) - (committed.get(uid) ?? 0))
    .toSorted((a, b) => a - b);
  const at = (share: number) => delays[Math.min(delays.length - 1, Math.floor(share * delays.length))];
  console.log(`from commit to publish: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, of ${delays.length}`);
});

test(
  'every like is published and takes effect once, though those who publish are killed',
  async () => {
    const random = randomOf(SEED);
    const owner = await person('ann');
    const likers = followerIds(owner.uid.slice(0, 6), Math.ceil((WRITES * TAKEN_BACK) / (TAKEN_BACK + 1)));
    const [contentId] = await whileUnheard(target.run, () =>
      Promise.all([writeContent(db, owner.uid), writeProfiles(db, likers)]),
    );
    const takeRecorded = await listenIn([socialLikeChanged.name]);

    const writes: WrittenDocument[] = [];
    await whileUnheard(target.run, () =>
      inTurns([...likers.entries()], async ([nth, uid]) => {
        const liked = await committedLike(contentId, uid);
        writes.push(liked);
        if (nth % TAKEN_BACK === 0) writes.push(await committedUnlike(liked));
      }),
    );
    const gone = new Set(writes.filter(({ value }) => !value).map(likerOf));
    const standing = likers.filter((uid) => !gone.has(uid)).toSorted();
    const began = performance.now();
    const { kills, failures } = await deliverWhileKilling(shuffled(writes, random), {
      functionName: PUBLISHER,
      kills: KILLS,
      random,
    });
    const tookMs = performance.now() - began;
    expect(kills).toBeGreaterThan(KILLS / 2);
    expect(failures).toBeGreaterThan(0);

    await becomes(
      () => effectsOf(contentId, owner.uid, likers),
      {
        shown: standing.length,
        taken: standing,
        notified: standing,
        logged: standing,
        points: likers.map((uid) => (gone.has(uid) ? 0 : POINTS.create)),
        letters: [],
      },
      TEST_MAX_MS,
    );
    const recorded: Recorded[] = [];
    for (let more = await takeRecorded(); more.length > 0; more = await takeRecorded()) recorded.push(...more);
    const { idsBy } = heardAbout(contentId, recorded);
    const eventsOf = (of: (uid: string) => number) => likers.map((uid) => `${uid} ${of(uid)}`);
    expect(eventsOf((uid) => idsBy.get(uid)?.size ?? 0)).toEqual(eventsOf((uid) => (gone.has(uid) ? 2 : 1)));
    expect([...idsBy.keys()].filter((uid) => !likers.includes(uid))).toEqual([]);
    console.log(
      `${writes.length} writes, ${kills} kills, ${failures} deliveries failed and made again, ${recorded.length} messages, ${Math.round(tookMs / 1000)} s`,
    );
  },
  TEST_MAX_MS + 60_000,
);
