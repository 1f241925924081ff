import { describe, expect, test } from '@jest/globals';
import type { Content, Repost } from '@playnite/contracts/documents';
import { OLD_ROW_KEPT_MS, ROW_KEPT_MS, fieldsOf, rowFor } from '../../../functions/src/social/feed-rows.ts';

const stamp = (at: number) => ({ toMillis: () => at, toDate: () => new Date(at) });
const content = (fields: Partial<Content> = {}) =>
  ({ ownerId: 'ann', status: 'published', visibility: 'public', publishedAt: stamp(10), ...fields }) as Content;
const by = (userId: string, at: number): Repost => ({
  userId,
  contentId: 'dusk',
  ownerId: 'ann',
  shareId: 's',
  at: stamp(at),
});
const reposts = [by('eve', 40), by('cleo', 30), by('dan', 20)];
const own = { contentId: 'dusk', ownerId: 'ann', reason: 'following', at: 10 };

describe('a content is in the feed', () => {
  test.each<[what: string, follows: string[], fields: Partial<Content>, row: object | undefined]>([
    ['by its owner, whoever else passed it on', ['ann', 'cleo'], {}, own],
    ['by the newest repost of those one follows', ['cleo', 'dan'], {}, { ...own, at: 30, repostedBy: 'cleo' }],
    ['of nobody who follows none of them', ['joe'], {}, undefined],
    ['of its followers alone, where it is for them', ['ann'], { visibility: 'followers' }, own],
    ['by no repost, where it is for followers', ['cleo'], { visibility: 'followers' }, undefined],
    ['of nobody when it is private', ['ann', 'cleo'], { visibility: 'private' }, undefined],
    ['of nobody when it is held', ['ann', 'cleo'], { status: 'held' }, undefined],
  ])('%s', (_, follows, fields, row) => {
    expect(rowFor('dusk', { content: content(fields), reposts }, (uid) => follows.includes(uid))).toEqual(row);
  });

  test('of nobody when it is gone', () => {
    expect(rowFor('dusk', { content: undefined, reposts }, () => true)).toBeUndefined();
  });
});

test('a row says who passed it on, if somebody did, and when it goes', () => {
  const row = { contentId: 'dusk', ownerId: 'ann', at: 10, reason: 'following' } as const;
  const fields = { contentId: 'dusk', ownerId: 'ann', publishedAt: new Date(10), reason: 'following' };
  expect(fieldsOf(row, new Date(5))).toEqual({ ...fields, expireAt: new Date(10 + ROW_KEPT_MS) });
  const late = new Date(ROW_KEPT_MS);
  expect(fieldsOf(row, late).expireAt).toEqual(new Date(ROW_KEPT_MS + OLD_ROW_KEPT_MS));
  expect(fieldsOf({ ...row, repostedBy: 'eve' }, new Date(5))).toMatchObject({ repostedBy: 'eve' });
});
