import { describe, expect, test } from '@jest/globals';
import {
  type DocumentRef,
  blockAt,
  contentAt,
  deletionAt,
  deletionId,
  followerAt,
  userAt,
  viewAt,
} from '@playnite/contracts/documents';
import { CONTENT_VIEWED } from '@playnite/contracts/events';
import type { Documents } from '../../../functions/src/platform/documents.ts';
import { countViews } from '../../../functions/src/social/count-view.ts';

const published = (visibility = 'public') => ({ ownerId: 'ann', status: 'published', visibility });

/** Documents by their paths; `meanwhile` happens between what is read and what is written. */
function world(rows: Record<string, unknown>, meanwhile: (rows: Map<string, unknown>) => void = () => {}) {
  const present = new Map(Object.entries(rows));
  let reads = 0;
  const read = ({ path }: DocumentRef<unknown>) => {
    reads += 1;
    return Promise.resolve(present.get(path));
  };
  const documents = {
    get: read,
    getAll: (refs: readonly DocumentRef<unknown>[]) => Promise.all(refs.map(read)),
    createMissing(written: readonly (readonly [DocumentRef<unknown>, unknown])[]) {
      meanwhile(present);
      for (const [{ path }, fields] of written) if (!present.has(path)) present.set(path, fields);
      return Promise.resolve();
    },
    deleteAll(paths: readonly string[]) {
      for (const path of paths) present.delete(path);
      return Promise.resolve();
    },
  } as unknown as Documents;
  return {
    ctx: { documents },
    views: () => [...present.keys()].filter((path) => path.includes('/views/')),
    present,
    reads: () => reads,
  };
}

const people = { [userAt('ann').path]: {}, [userAt('bob').path]: {} };
const photo = { ...people, [contentAt('photo').path]: published() };
const seen = (contentId: string, at = '2026-01-02T00:00:00.000Z') => ({
  id: at,
  name: CONTENT_VIEWED,
  at,
  properties: { contentId },
});
const seenBy = (uid: string, ...contentIds: string[]) => ({
  uid,
  events: contentIds.map((contentId) => seen(contentId)),
});

describe('countViews', () => {
  test('writes down the first of several looks, and never writes it anew', async () => {
    const { ctx, present } = world(photo);
    const [early, late] = ['2026-01-01T00:00:00.000Z', '2026-01-03T00:00:00.000Z'];
    await countViews(ctx, { uid: 'bob', events: [seen('photo', late), seen('photo', early)] });
    const written = { userId: 'bob', viewedAt: new Date(early) };
    expect(present.get(viewAt('photo', 'bob').path)).toEqual(written);
    await countViews(ctx, { uid: 'bob', events: [seen('photo', '2025-12-31T00:00:00.000Z')] });
    expect(present.get(viewAt('photo', 'bob').path)).toEqual(written);
  });

  test('asks nothing of what is no view', async () => {
    const { ctx, reads, views } = world(photo);
    await countViews(ctx, { uid: 'bob', events: [{ ...seen('photo'), name: 'photo-shaken' }] });
    expect([reads(), views()]).toEqual([0, []]);
  });

  const followers = { [contentAt('photo').path]: published('followers') };
  const follows = { [followerAt('ann', 'bob').path]: {} };
  test.each<[what: string, counted: boolean, uid: string, rows: Record<string, unknown>]>([
    ['who may see it', true, 'bob', {}],
    ['its owner', false, 'ann', {}],
    ['who has no profile', false, 'eve', {}],
    ['a follower, where it is for followers', true, 'bob', { ...followers, ...follows }],
    ['anybody else, where it is for followers', false, 'bob', followers],
    ['who follows, where it is private', false, 'bob', { ...follows, [contentAt('photo').path]: published('private') }],
    ['who is blocked', false, 'bob', { [blockAt('ann', 'bob').path]: {} }],
    ['who blocks', false, 'bob', { [blockAt('bob', 'ann').path]: {} }],
    ['anybody, while it is held', false, 'bob', { [contentAt('photo').path]: { ...published(), status: 'held' } }],
  ])('a look by %s counts: %j', async (_, counted, uid, rows) => {
    const { ctx, views } = world({ ...photo, ...rows });
    await countViews(ctx, seenBy(uid, 'photo', 'never-was'));
    expect(views()).toEqual(counted ? [viewAt('photo', uid).path] : []);
  });

  test.each([
    ['the viewer', 'account', 'bob', []],
    ['a content', 'content', 'photo', [viewAt('other', 'bob').path]],
  ] as const)('leaves nothing behind an erasure of %s that passes meanwhile', async (_, kind, id, left) => {
    const rows = { ...photo, [contentAt('other').path]: published() };
    const { ctx, views } = world(rows, (present) => present.set(deletionAt(deletionId(kind, id)).path, {}));
    await countViews(ctx, seenBy('bob', 'photo', 'other'));
    expect(views()).toEqual(left);
  });

  test('clears up after a run that was killed before it could', async () => {
    const tombstone = { [deletionAt(deletionId('content', 'photo')).path]: {} };
    const { ctx, views } = world({ ...people, ...tombstone, [viewAt('photo', 'bob').path]: {} });
    await countViews(ctx, seenBy('bob', 'photo'));
    expect(views()).toEqual([]);
  });
});
