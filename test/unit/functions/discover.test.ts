import { describe, expect, test } from '@jest/globals';
import type { Content } from '@playnite/contracts/documents';
import { type Taste, becauseOf, hotness, scoreFor, tally } from '../../../functions/src/social/discover-rank.ts';
import { FAN_OUT_PAGE, isActive, planRanges } from '../../../functions/src/social/plan-fan-out.ts';

const HOUR_MS = 3_600_000;
const NOW = Date.parse('2026-06-01T12:00:00Z');
const stats = (likes: number, comments = 0, shares = 0) => ({ likes, comments, shares, views: 0 });

describe('hotness', () => {
  test('of tenfold likes is worth twelve and a half hours', () => {
    expect(hotness(stats(100), NOW)).toBeCloseTo(hotness(stats(10), NOW + 12.5 * HOUR_MS), 9);
  });

  test('falls behind what is younger, as time goes by', () => {
    expect(hotness(stats(1_000), NOW - 48 * HOUR_MS)).toBeLessThan(hotness(stats(5), NOW));
    expect(hotness(stats(1_000), NOW - 12 * HOUR_MS)).toBeGreaterThan(hotness(stats(5), NOW));
  });

  test('counts a share for more than a comment, and that for more than a like', () => {
    expect(hotness(stats(0, 0, 2), NOW)).toBeGreaterThan(hotness(stats(0, 2, 0), NOW));
    expect(hotness(stats(0, 2, 0), NOW)).toBeGreaterThan(hotness(stats(2), NOW));
  });

  test('of what nobody has touched is a number as well', () => expect(hotness(stats(0), NOW)).toBeGreaterThan(0));
});

const taste = (more: Partial<Taste> = {}): Taste => ({
  followedTags: new Set(),
  likedTags: new Map(),
  through: new Map(),
  unwantedOwners: new Map(),
  unwantedTags: new Map(),
  ...more,
});
const content = (more: Partial<Content> = {}) =>
  ({
    ownerId: 'ann',
    tags: ['lake'],
    stats: stats(10),
    publishedAt: { toMillis: () => NOW, toDate: () => new Date(NOW) },
    ...more,
  }) as Content;

describe('a reader’s ranking', () => {
  const plain = scoreFor(content(), taste());
  test.each<[string, Partial<Taste>, 1 | -1]>([
    ['lifts a tag that the reader follows', { followedTags: new Set(['lake']) }, 1],
    ['lifts a tag that the reader likes', { likedTags: new Map([['lake', 1]]) }, 1],
    ['lifts whom their people follow', { through: new Map([['ann', 3]]) }, 1],
    ['lowers whom they did not want to see', { unwantedOwners: new Map([['ann', 1]]) }, -1],
    ['lowers a tag that they did not want to see', { unwantedTags: new Map([['lake', 1]]) }, -1],
  ])('%s', (_, more, direction) => {
    expect(Math.sign(scoreFor(content(), taste(more)) - plain)).toBe(direction);
  });

  test('gives no more to twenty fitting tags than to three', () => {
    const tags = Array.from({ length: 20 }, (_, at) => `tag${at}`);
    const all = taste({ followedTags: new Set(tags) });
    expect(scoreFor(content({ tags }), all)).toBeCloseTo(scoreFor(content({ tags: tags.slice(0, 3) }), all), 9);
  });

  test('says why: somebody near, a tag, or everybody', () => {
    const followedTags = new Set(['lake']);
    expect(becauseOf(content(), taste({ followedTags, through: new Map([['ann', 1]]) }))).toEqual({
      kind: 'second-degree',
    });
    expect(becauseOf(content(), taste({ followedTags }))).toEqual({ kind: 'tag', tag: 'lake' });
    expect(becauseOf(content(), taste())).toEqual({ kind: 'trending' });
  });

  test('tallies words', () =>
    expect([...tally(['a', 'b', 'a'])]).toEqual([
      ['a', 2],
      ['b', 1],
    ]));
});

describe('the ranges of a fan-out', () => {
  const uids = Array.from({ length: 5_000 }, (_, at) => {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
    return (
      [7, 13, 29, 31].map((prime) => letters[(at * prime + Math.floor(at / prime)) % 62] ?? '').join('') + String(at)
    );
  });

  test.each([501, 1_250, 1_251, 5_000, 10_000, 1_000_000])(
    'hold every id behind the first page once, of %d',
    (followers) => {
      const sorted = ['B', 'z', '~', 'é', ...uids].sort();
      const first = sorted[FAN_OUT_PAGE] ?? '';
      const ranges = planRanges(followers, first);
      const holders = (id: string) =>
        ranges.filter(({ after, through }) => id > after && (through === undefined || id <= through)).length;
      expect(sorted.filter((id) => holders(id) !== (id > first ? 1 : 0))).toEqual([]);
      expect(ranges.length).toBeLessThanOrEqual(8);
    },
  );

  test('are several where there are many', () => {
    expect(planRanges(501, '0')).toHaveLength(1);
    expect(planRanges(10_000, '0').length).toBe(8);
  });
});

test('a reader is active for thirty days, and as long as nobody knows', () => {
  const day = 24 * HOUR_MS;
  expect([undefined, NOW, NOW - 29 * day, NOW - 31 * day].map((at) => isActive(at, NOW))).toEqual([
    true,
    true,
    true,
    false,
  ]);
});
