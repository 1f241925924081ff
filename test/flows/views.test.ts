import { describe, expect, test } from '@jest/globals';
import type { Client } from '@playnite/emulators/client';
import { CONTENT_VIEWED, TRACKED_EVENTS_MAX, analyticsTracked } from '@playnite/contracts/events';
import { deleteUser } from 'firebase/auth';
import { db, deliverEvent, fireSchedule, listenIn } from '../support/backstage.ts';
import { becomes } from '../support/faults.ts';
import { person, stranger } from '../support/platform.ts';
import { block, look, publish, stat } from '../support/social.ts';

const CROWD = 20;
const DAY_MS = 24 * 60 * 60_000;

const viewersOf = async (contentId: string): Promise<string[]> =>
  (await db.collection(`content/${contentId}/views`).get()).docs.map(({ id }) => id).toSorted();
const numberOf = async (contentId: string): Promise<unknown> =>
  (await db.doc(`content/${contentId}`).get()).get('stats.views');
const deletionOf = (id: string) => async () => (await db.doc(`deletions/${id}`).get()).get('state') as unknown;

/** Has what was told since then delivered once more, to its end. Returns how many messages there were. */
async function deliverAgain(
  toldSince: () => Promise<{ json: string }[]>,
  ofWhom: readonly Client[],
): Promise<string[]> {
  const told = (await toldSince())
    .map(({ json }) => json)
    .filter((json) => ofWhom.some(({ uid }) => json.includes(uid)));
  for (const json of told) expect(await deliverEvent('social-onTracked', json)).toBeLessThan(300);
  return told;
}

describe('a look at a content', () => {
  test('is one view, however often it is told, and whoever watches sees the number at once', async () => {
    const toldSince = await listenIn([analyticsTracked.name]);
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    const [contentId, other] = await Promise.all([publish(ann), publish(ann)]);
    await ann.subscribe(`content:${contentId}`);
    await look(bob, contentId, contentId, other);
    await ann.sees(`content/${contentId}`, stat('views', 1));
    await ann.sees(`content/${other}`, stat('views', 1));
    await ann.hears('the number', ({ publication }) => {
      const { stats } = publication.data as { stats?: { views?: number } };
      return publication.type === 'social.stats-changed' && stats?.views === 1;
    });
    const first = await db.doc(`content/${contentId}/views/${bob.uid}`).get();
    await look(bob, contentId);
    expect(await deliverAgain(toldSince, [bob])).toHaveLength(2);
    const again = await db.doc(`content/${contentId}/views/${bob.uid}`).get();
    expect([again.data(), again.updateTime]).toEqual([first.data(), first.updateTime]);
    expect(await viewersOf(contentId)).toEqual([bob.uid]);
    expect(await numberOf(contentId)).toBe(1);
  });

  test('of twenty people at one moment is twenty views', async () => {
    const ann = await person('ann');
    const contentId = await publish(ann);
    const crowd = await Promise.all(Array.from({ length: CROWD }, () => person('crowd')));
    await Promise.all(crowd.flatMap((each) => [look(each, contentId), look(each, contentId)]));
    await ann.sees(`content/${contentId}`, stat('views', CROWD));
    expect(await viewersOf(contentId)).toEqual(crowd.map(({ uid }) => uid).toSorted());
  }, 180_000);

  test('counts only for who may see it, is somebody else, and has a profile', async () => {
    const toldSince = await listenIn([analyticsTracked.name]);
    const [ann, bob, bill, liz] = await Promise.all([person('ann'), person('bob'), person('bill'), person('liz')]);
    const nobody = await stranger('nobody');
    const [open, followers, secret, held] = await Promise.all([
      publish(ann),
      publish(ann, { visibility: 'followers' }),
      publish(ann, { visibility: 'private' }),
      publish(ann, { status: 'held' }),
    ]);
    await Promise.all([block(ann, bill.uid), block(liz, ann.uid), bob.follow(ann.uid)]);
    await bob.sees(`users/${ann.uid}/followers/${bob.uid}`, () => true);
    const people = [ann, bob, bill, liz, nobody];
    await Promise.all(people.map((each) => look(each, open, followers, secret, held, 'never-was')));
    expect(await deliverAgain(toldSince, people)).toHaveLength(people.length);
    const viewers = await Promise.all([open, followers, secret, held, 'never-was'].map(viewersOf));
    expect(viewers).toEqual([[bob.uid], [bob.uid], [], [], []]);
    await ann.sees(`content/${followers}`, stat('views', 1));
  });
});

test('a number of views that is wrong is put right, and written down', async () => {
  const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
  const contentId = await publish(ann);
  await look(bob, contentId);
  await ann.sees(`content/${contentId}`, stat('views', 1));
  await db.doc(`content/${contentId}`).update({ 'stats.views': 7 });
  expect(await fireSchedule('social-reconcileCounts')).toBeLessThan(300);
  await ann.sees(`content/${contentId}`, stat('views', 1));
  const drift = await db.collection('counterDrift').where('subject', '==', `content/${contentId}`).get();
  expect(drift.docs.map((each) => each.data())).toEqual([
    expect.objectContaining({ field: 'stats.views', stored: 7, counted: 1 }),
  ]);
});

test('views go with the account and with the content, and late news of them makes none anew', async () => {
  const toldSince = await listenIn([analyticsTracked.name]);
  const [ann, bob, eve] = await Promise.all([person('ann'), person('bob'), person('eve')]);
  const [stays, goes] = await Promise.all([publish(ann), publish(ann)]);
  await Promise.all([look(bob, stays, goes), look(eve, stays, goes)]);
  await ann.sees(`content/${stays}`, stat('views', 2));
  await becomes(() => viewersOf(goes), [bob.uid, eve.uid].toSorted());

  const user = bob.auth.currentUser;
  if (user) await deleteUser(user);
  await ann.call('content-remove', { contentId: goes });
  await ann.sees(`content/${stays}`, stat('views', 1));
  const ids = [`account~${bob.uid}`, `content~${goes}`];
  for (const id of ids) await becomes(deletionOf(id), 'done');
  const proofs = await Promise.all(ids.map((id) => db.doc(`deletions/${id}`).get()));
  expect(proofs.map((proof) => proof.get('remaining.views') as unknown)).toEqual([0, 0]);

  expect(await deliverAgain(toldSince, [bob, eve])).toHaveLength(2);
  expect(await Promise.all([stays, goes].map(viewersOf))).toEqual([[eve.uid], []]);
}, 180_000);

describe('a batch', () => {
  const event = (fields: Record<string, unknown> = {}) => ({
    name: 'app-opened',
    at: new Date().toISOString(),
    properties: {},
    ...fields,
  });
  const ago = (ms: number) => new Date(Date.now() - ms).toISOString();

  test.each<[what: string, code: string, events: () => unknown]>([
    ['of nothing', 'malformed', () => []],
    ['of too many', 'malformed', () => Array.from({ length: TRACKED_EVENTS_MAX + 1 }, () => event())],
    ['with a name that is none', 'malformed', () => [event({ name: 'No Name' })]],
    ['with a view of nothing', 'malformed', () => [event({ name: CONTENT_VIEWED })]],
    ['from long ago', 'event-too-old', () => [event({ at: ago(4 * DAY_MS) })]],
    ['from tomorrow', 'event-in-future', () => [event({ at: ago(-DAY_MS) })]],
  ])('%s is refused as a whole: %s', async (_, code, events) => {
    const toldSince = await listenIn([analyticsTracked.name]);
    const bob = await person('bob');
    const call = bob.call('analytics-track', { events: events() });
    await expect(call).rejects.toMatchObject({
      code: 'functions/invalid-argument',
      details: { code, retryable: false },
    });
    expect(await deliverAgain(toldSince, [bob])).toEqual([]);
  });

  test('of anything that an app tracks is passed on as it is, and a call that is sent again has its id', async () => {
    const toldSince = await listenIn([analyticsTracked.name]);
    const bob = await person('bob');
    const events = [event({ properties: { screen: 'feed', depth: 3, isDark: true } }), event({ name: 'tapped' })];
    expect(await bob.call('analytics-track', { events })).toEqual({});
    await bob.call('analytics-track', { events });
    const [first, again] = (await deliverAgain(toldSince, [bob])).map(
      (json) => JSON.parse(json) as { id: string; data: unknown },
    );
    expect(first?.data).toMatchObject({ uid: bob.uid, events });
    expect(again?.id).toBe(first?.id);
  });
});
