import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@playnite/emulators/client';
import { doc, serverTimestamp, setDoc } from 'firebase/firestore';
import { followerIds, whileUnheard, writeContent, writeProfiles } from '../test/support/social-documents.ts';
import { type Bench, type Bill, billOf, billTable, startBench } from './social-platform.ts';

const LOOK_EVERY_MS = 50;
const SETTLED_MAX_MS = 240_000;
const LIKERS = 1_000;
/** A feed as somebody has it who follows so many, with so many items each. */
const AUTHORS = 40;
const ITEMS_EACH = 5;
const READS = 150;
const WARM_UP_READS = 10;

const write = (client: Client, path: string, data: object = {}) =>
  setDoc(doc(client.firestore, path), { ...data, createdAt: serverTimestamp() });

/** @throws {Error} when it does not hold in time */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + SETTLED_MAX_MS; performance.now() < end; await sleep(LOOK_EVERY_MS)) {
    if (await holds()) return;
  }
  throw new Error(`waited ${SETTLED_MAX_MS / 1000} s for ${what}`);
}

interface Action {
  what: string;
  bill: Bill;
  /** On the live stream, while everybody is connected and two watch the content. */
  deliveries: number;
}

/** Each kind of action once beforehand, so that nothing is counted that happens once a process. */
async function actions(bench: Bench): Promise<Action[]> {
  const [ann, bob, cleo] = [await bench.connect('ann'), await bench.connect('bob'), await bench.connect('cleo')];
  const handle = 'cleo_bench';
  const comment = (text: string) => ({ authorId: bob.uid, text });
  const measured: Action[] = [];
  for (const isMeasured of [false, true]) {
    const name = isMeasured ? 'measured' : 'first';
    const contentId = await writeContent(bench.db, ann.uid);
    await Promise.all([bob, cleo].map((viewer) => viewer.subscribe(`content:${contentId}`)));
    const actionsOfRound: [string, () => Promise<unknown>][] = [
      ['a like', () => write(bob, `content/${contentId}/likes/${bob.uid}`)],
      ['a follow', () => (isMeasured ? cleo : bob).follow(ann.uid)],
      ['a comment', () => write(bob, `content/${contentId}/comments/${name}`, comment('Look at this'))],
      [
        'a comment with one mention',
        () => write(bob, `content/${contentId}/comments/${name}-m`, comment(`Look at this, @${handle}`)),
      ],
      ['a share by link', () => write(bob, `content/${contentId}/shares/${name}`, { userId: bob.uid, target: 'link' })],
    ];
    for (const [what, act] of actionsOfRound) {
      const before = await bench.delivered();
      const bill = billOf(await bench.costs(act));
      if (isMeasured) measured.push({ what, bill, deliveries: (await bench.delivered()) - before });
    }
  }
  return measured;
}

/** Likes by a thousand people at once: from the last one's commit until the number is theirs, in ms. */
async function convergence(bench: Bench): Promise<{ writtenMs: number; afterLastMs: number }> {
  const author = await bench.connect('liked');
  const contentId = await writeContent(bench.db, author.uid);
  const likers = followerIds('liker', LIKERS);
  await whileUnheard(bench.run, () => writeProfiles(bench.db, likers));
  await bench.quiet();
  const began = performance.now();
  await Promise.all(
    likers.map((uid) => bench.db.doc(`content/${contentId}/likes/${uid}`).set({ createdAt: new Date() })),
  );
  const written = performance.now();
  await until('all likes to be counted', async () => {
    const stats: unknown = (await bench.db.doc(`content/${contentId}`).get()).get('stats.likes');
    return stats === LIKERS;
  });
  return { writtenMs: written - began, afterLastMs: performance.now() - written };
}

/** Times of reading the first page of a feed, 20 items, in ms. */
async function feedReads(bench: Bench): Promise<{ p50: number; p99: number; reads: number }> {
  const reader = await bench.connect('reader');
  await bench.quiet();
  const now = Date.now();
  await whileUnheard(bench.run, async () => {
    const authors = followerIds('author', AUTHORS);
    await writeProfiles(bench.db, authors);
    const writer = bench.db.bulkWriter();
    for (let at = 0; at < AUTHORS * ITEMS_EACH; at += 1) {
      const ownerId = authors[at % AUTHORS] ?? '';
      const publishedAt = new Date(now - at * 60_000);
      const contentId = await writeContent(bench.db, ownerId, { publishedAt });
      void writer.set(bench.db.doc(`users/${ownerId}/followers/${reader.uid}`), { createdAt: new Date() });
      void writer.set(bench.db.doc(`users/${reader.uid}/feed/${contentId}`), {
        contentId,
        ownerId,
        publishedAt,
        reason: 'following',
      });
    }
    await writer.close();
  });
  const times: number[] = [];
  for (let each = 0; each < WARM_UP_READS + READS; each += 1) {
    const began = performance.now();
    const { items } = await reader.call('social-feed', {});
    if (!Array.isArray(items) || items.length !== 20) throw new Error('a page of the feed is not whole');
    if (each >= WARM_UP_READS) times.push(performance.now() - began);
  }
  const costs = await bench.costs(() => reader.call('social-feed', {}));
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), reads: billOf(costs, (name) => name === 'social-feed').reads };
}

/** What social actions cost, how soon a thousand likes are counted, and how long a page of a feed takes. */
export async function benchSocial(): Promise<string[]> {
  await using bench = await startBench();
  const measured = await actions(bench);
  const likes = await convergence(bench);
  const feed = await feedReads(bench);
  return [
    ...billTable(measured.map(({ what, bill }) => [what, bill] as const)),
    '',
    `live deliveries, with two who watch the content: ${measured.map(({ what, deliveries }) => `${what} ${deliveries}`).join(', ')}`,
    `1,000 likes at once: written in ${Math.round(likes.writtenMs)} ms, counted ${Math.round(likes.afterLastMs)} ms after the last`,
    `a page of 20 items: p50 ${Math.round(feed.p50)} ms, p99 ${Math.round(feed.p99)} ms, ${feed.reads} reads`,
  ];
}
