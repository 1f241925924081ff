/**
 * A content that everybody likes, and likes no more, at one moment: what it shows is exact in the end, and still is when all news
 * of it has been worked off; no document that they share is written oftener than Firestore bears. `HOT_ACTIONS` and `HOT_USERS`
 * set the size (10,000 by 500 take some minutes).
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { socialLikeChanged, socialLiked } from '@playnite/contracts/events';
import type { DocumentSnapshot } from 'firebase-admin/firestore';
import { z } from 'zod';
import { db, hearersByTopic, listenIn } from '../support/backstage.ts';
import { becomes } from '../support/faults.ts';
import { logFiles, person, target } from '../support/platform.ts';
import { followerIds, whileUnheard, writeContent, writeProfiles } from '../support/social-documents.ts';

const ACTIONS = Number(process.env['HOT_ACTIONS'] ?? 240);
const USERS = Number(process.env['HOT_USERS'] ?? 40);
/** What the whole size would take if the emulator kept up. */
const ACTIONS_PER_SECOND = 500;
/** Firestore takes about one write a second to one document, for long; for a moment it takes more. */
const SUSTAINED_SECONDS = 10;
const TEST_MAX_MS = 120_000 + ACTIONS * 100;

/** When each version was written of the documents that are watched, in milliseconds, by path. */
const writtenAt = new Map<string, Set<number>>();
const watching: (() => void)[] = [];
afterEach(() => {
  for (const stop of watching.splice(0)) stop();
});

function note(snapshot: DocumentSnapshot): void {
  const at = snapshot.updateTime?.toMillis();
  if (at === undefined) return;
  const { path } = snapshot.ref;
  writtenAt.set(path, (writtenAt.get(path) ?? new Set()).add(at));
}

/** Watches all that the likers of a content have in common. */
function watch(contentId: string, ownerId: string): void {
  for (const path of [`content/${contentId}`, `users/${ownerId}`]) watching.push(db.doc(path).onSnapshot(note));
  const told = db.collection(`users/${ownerId}/notifications`);
  watching.push(told.onSnapshot((found) => found.docChanges().forEach(({ doc }) => note(doc))));
}

/** The most writes that fell into any so many seconds. */
function mostWithin(times: ReadonlySet<number>, seconds: number): number {
  const sorted = [...times].toSorted((a, b) => a - b);
  const countFrom = (from: number) => sorted.filter((at) => at >= from && at < from + seconds * 1000).length;
  return Math.max(0, ...sorted.map(countFrom));
}

const likeEvent = z.object({ id: z.string(), data: z.object({ contentId: z.string() }) });
/** As functions log it, with the event of which they are through. */
const HANDLED = /"consumer":"([^"]+)","eventId":"([^"]+)"[^}]*"message":"event handled"/g;

/**
 * Follows the news of a content's likes. What is returned says how many writes of likes have been announced so far, and how many
 * deliveries of what was published on them have not been handled.
 */
async function followNews(contentId: string): Promise<() => Promise<{ announced: number; unhandled: number }>> {
  const hearers = await hearersByTopic();
  const takeRecorded = await listenIn([socialLikeChanged, socialLiked].map(({ name }) => name));
  const announced = new Set<string>();
  const unhandled = new Set<string>();
  return async () => {
    for (const { topic, json } of await takeRecorded()) {
      const { id, data } = likeEvent.parse(JSON.parse(json));
      if (data.contentId !== contentId) continue;
      if (topic === socialLikeChanged.name) announced.add(id);
      for (const consumer of hearers.get(topic) ?? []) unhandled.add(`${consumer} ${id}`);
    }
    const logs = await Promise.all(logFiles.map((file) => readFile(file, 'utf8')));
    for (const [, consumer, id] of logs.join('\n').matchAll(HANDLED)) unhandled.delete(`${consumer} ${id}`);
    return { announced: announced.size, unhandled: unhandled.size };
  };
}

test(
  'likes and their ends from everybody at once come to the exact number, and heat up no document',
  async () => {
    const owner = await person('ann');
    const likers = followerIds(owner.uid.slice(0, 6), USERS);
    const [contentId, nextId] = await whileUnheard(target.run, () =>
      Promise.all([writeContent(db, owner.uid), writeContent(db, owner.uid), writeProfiles(db, likers)]),
    );
    const news = await followNews(contentId);
    watch(contentId, owner.uid);

    const each = Math.floor(ACTIONS / USERS);
    const everyMs = (USERS / ACTIONS_PER_SECOND) * 1000;
    const acceptedMs: number[] = [];
    const began = performance.now();
    await Promise.all(
      likers.map(async (uid, nth) => {
        const like = db.doc(`content/${contentId}/likes/${uid}`);
        // Of every two, one does one thing less, so that its like stands.
        for (let action = 0; action < each - (nth % 2 === each % 2 ? 0 : 1); action += 1) {
          const due = began + (action + nth / USERS) * everyMs;
          await sleep(Math.max(0, due - performance.now()));
          const asked = performance.now();
          await (action % 2 === 0 ? like.set({ createdAt: new Date() }) : like.delete());
          acceptedMs.push(performance.now() - asked);
        }
      }),
    );
    const acceptedAllMs = performance.now() - began;

    const standing = (await db.collection(`content/${contentId}/likes`).get()).docs.map(({ id }) => id).toSorted();
    expect(standing).toHaveLength(USERS / 2);
    const look = async () => {
      const [content, likes] = await Promise.all([
        db.doc(`content/${contentId}`).get(),
        db.collection(`content/${contentId}/likes`).where('takenAt', '>', new Date(0)).get(),
      ]);
      return { shown: content.get('stats.likes') as unknown, taken: likes.docs.map(({ id }) => id).toSorted() };
    };
    const exact = { shown: standing.length, taken: standing };
    await becomes(look, exact, TEST_MAX_MS);
    const countedAllMs = performance.now() - began;
    await becomes(news, { announced: acceptedMs.length, unhandled: 0 }, TEST_MAX_MS);
    // The emulator tells of writes one after the other: when this one shows, so has everything before it.
    await db.doc(`content/${nextId}/likes/${likers[0]}`).set({ createdAt: new Date() });
    const shownNext = async () => (await db.doc(`content/${nextId}`).get()).get('stats.likes') as unknown;
    await becomes(shownNext, 1, TEST_MAX_MS);
    const workedOffMs = performance.now() - began;
    expect(await look()).toEqual(exact);

    acceptedMs.sort((a, b) => a - b);
    const at = (share: number) => Math.round(acceptedMs[Math.floor(share * (acceptedMs.length - 1))] ?? 0);
    const most = [...writtenAt].map(
      ([path, times]) => [path, times.size, mostWithin(times, SUSTAINED_SECONDS)] as const,
    );
    const [hottest, writes, within] = most.toSorted((a, b) => b[2] - a[2])[0] ?? ['nothing', 0, 0];
    console.log(
      `${acceptedMs.length} likes and unlikes by ${USERS}: accepted in ${Math.round(acceptedAllMs / 1000)} s (p50 ${at(0.5)} ms, p99 ${at(0.99)} ms), exact after ${Math.round(countedAllMs / 1000)} s, all news worked off after ${Math.round(workedOffMs / 1000)} s; hottest of ${most.length} documents in common: ${hottest}, ${writes} writes, ${within} within ${SUSTAINED_SECONDS} s`,
    );
    expect(writtenAt.get(`content/${contentId}`)?.size).toBeGreaterThan(1);
    expect(most.filter(([, , count]) => count > SUSTAINED_SECONDS)).toEqual([]);
  },
  TEST_MAX_MS + 60_000,
);
