import { describe, expect, test } from '@jest/globals';
import type { Content } from '@playnite/contracts/documents';
import { type Facts, isShown, saysAny } from '../../../functions/src/social/feed-filters.ts';
import {
  BY_ONE_MAX,
  CARRIED_MAX,
  CURSOR_LENGTH_MAX,
  type Cursor,
  NEIGHBOURS,
  type Row,
  cursorAfter,
  mergePages,
  newestFirst,
  readCursor,
  takeFairly,
  writeCursor,
} from '../../../functions/src/social/feed-page.ts';
import { type Source, readSources } from '../../../functions/src/social/feed-sources.ts';

const row = (contentId: string, at: number, ownerId = 'ann', more: Partial<Row> = {}): Row => ({
  contentId,
  ownerId,
  at,
  reason: 'following',
  ...more,
});
const ids = (rows: readonly Row[]) => rows.map(({ contentId }) => contentId).join(' ');

/** Numbers from 0 to 1 that are the same in every run. */
function randomFrom(seed: number) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('merging', () => {
  test('hands out nothing that another source may have something newer than', () => {
    const one = { rows: [row('a', 9), row('b', 8)], complete: false };
    const two = { rows: [row('c', 7), row('d', 1)], complete: true };
    expect(mergePages([one, two], undefined)).toEqual({ rows: [row('a', 9)], complete: false });
  });

  test('goes on after a position, also within one moment', () => {
    const rows = [row('c', 5), row('b', 5), row('a', 5), row('z', 4)];
    expect(ids(mergePages([{ rows, complete: true }], { at: 5, id: 'b' }).rows)).toBe('a z');
  });

  test('shows a content once, and by its strongest reason', () => {
    const reposted = row('a', 9, 'ann', { repostedBy: 'bob' });
    const mention = row('a', 7, 'ann', { reason: 'mention' });
    const merged = mergePages(
      [
        { rows: [reposted, row('a', 7)], complete: true },
        { rows: [mention], complete: true },
      ],
      undefined,
    );
    expect(merged.rows).toEqual([mention]);
  });
});

/** A source over rows, in the way that Firestore answers. */
const sourceOf =
  (rows: readonly Row[]): Source =>
  ({ after = -Infinity, upTo = Infinity }, limit) =>
    Promise.resolve(
      rows
        .filter(({ at }) => at > after && at <= upTo)
        .sort((a, b) => b.at - a.at)
        .slice(0, limit),
    );

describe('reading several sources page by page', () => {
  test.each([1, 2, 3, 4, 5, 6])(
    'gives every row once, the newest first, with many of one moment (seed %d)',
    async (seed) => {
      const random = randomFrom(seed);
      const all = Array.from({ length: 300 }, (_, at) => row(`c${at}`, Math.floor(random() * 40)));
      const sources = [0, 1, 2, 3].map((each) => sourceOf(all.filter((_, at) => at % 4 === each)));
      const read: Row[] = [];
      for (let complete = false; !complete;) {
        const last = read.at(-1);
        const after = last ? { at: last.at, id: last.contentId } : undefined;
        const page = await readSources(sources, { after }, 5);
        read.push(...page.rows);
        complete = page.complete;
      }
      expect(ids(read)).toBe(ids(all.toSorted(newestFirst)));
    },
  );
});

const mostByOne = (rows: readonly Row[]): number =>
  Math.max(
    ...rows.map((_, at) => {
      const near = rows.slice(at, at + NEIGHBOURS);
      return Math.max(...near.map(({ ownerId }) => near.filter((each) => each.ownerId === ownerId).length));
    }),
  );

describe('fairness', () => {
  test('keeps one author below the bound as long as others are there', () => {
    const flood = Array.from({ length: 12 }, (_, at) => row(`f${at}`, 100 - at, 'flood'));
    const others = Array.from({ length: 40 }, (_, at) => row(`o${at}`, 50 - at, `person${at}`));
    const { taken } = takeFairly([...flood.slice(0, 10), ...others], 20);
    expect(mostByOne(taken)).toBe(BY_ONE_MAX);
    expect(taken.filter(({ ownerId }) => ownerId === 'flood').length).toBeGreaterThanOrEqual(6);
  });

  test('counts what a person passes on as well as what they make', () => {
    const passedOn = Array.from({ length: 6 }, (_, at) =>
      row(`r${at}`, 100 - at, `maker${at}`, { repostedBy: 'flood' }),
    );
    const others = Array.from({ length: 10 }, (_, at) => row(`o${at}`, 50 - at, `person${at}`));
    expect(ids(takeFairly([...passedOn, ...others], 5).taken)).toBe('r0 r1 r2 o0 o1');
  });

  test('yields when nobody else is there', () => {
    const only = Array.from({ length: 8 }, (_, at) => row(`f${at}`, 100 - at, 'flood'));
    expect(ids(takeFairly(only, 5).taken)).toBe('f0 f1 f2 f3 f4');
  });

  test('puts off no more than a cursor remembers', () => {
    const flood = Array.from({ length: 40 }, (_, at) => row(`f${at}`, 100 - at, 'flood'));
    const other = row('o', 1, 'other');
    const { taken } = takeFairly([...flood, other], 10);
    expect(taken).toHaveLength(10);
    expect(ids(taken)).not.toContain('o');
  });

  test.each([1, 2, 3, 4, 5])('loses nothing and repeats nothing over all pages (seed %d)', (seed) => {
    const random = randomFrom(seed);
    const owners = ['flood', 'flood', 'flood', 'ann', 'bob', 'cleo', 'dan'];
    const all = Array.from({ length: 200 }, (_, at) =>
      row(`c${at}`, Math.floor(random() * 60), owners[Math.floor(random() * owners.length)]),
    ).sort(newestFirst);
    const shown: Row[] = [];
    let cursor: Cursor | undefined;
    let pages = 0;
    do {
      const from = cursor;
      const older = all.filter(
        ({ at, contentId }) =>
          from === undefined || at < from.after.at || (at === from.after.at && contentId < from.after.id),
      );
      const wanted = 1 + Math.floor(random() * 20);
      const pool = [...(cursor?.carried ?? []), ...older.slice(0, wanted + CARRIED_MAX)];
      const { taken, left } = takeFairly(pool, wanted);
      shown.push(...taken);
      const next = cursorAfter(cursor, taken, left, older.length <= wanted + CARRIED_MAX);
      expect(next?.carried.length ?? 0).toBeLessThanOrEqual(CARRIED_MAX);
      cursor = next && readCursor(writeCursor(next));
      pages += 1;
    } while (cursor && pages < 300);
    expect(shown.toSorted(newestFirst).map(({ contentId }) => contentId)).toEqual(
      all.map(({ contentId }) => contentId),
    );
  });
});

describe('a cursor', () => {
  test('comes back as it was written, with the longest ids, within its bound', () => {
    const long = 'x'.repeat(128);
    const carried = Array.from({ length: CARRIED_MAX }, (_, at) =>
      row(long.slice(3) + String(at), 1_790_000_000_000 + at, long, { repostedBy: long }),
    );
    const cursor = { after: { at: 1_790_000_000_000, id: long }, carried };
    const written = writeCursor(cursor);
    expect(written.length).toBeLessThanOrEqual(CURSOR_LENGTH_MAX);
    expect(readCursor(written)).toEqual(cursor);
  });

  test.each([
    '',
    'x',
    'bnVsbA',
    Buffer.from('[1,"a/b",[]]').toString('base64url'),
    Buffer.from('[1]').toString('base64url'),
  ])('is refused when it is none: %s', (text) => expect(readCursor(text)).toBeUndefined());
});

const published = (more: Partial<Content> = {}) =>
  ({
    ownerId: 'ann',
    status: 'published',
    visibility: 'public',
    title: 'Dusk',
    caption: 'At the lake',
    tags: ['lake'],
    ...more,
  }) as Content;
const edge = { createdAt: { toMillis: () => 1, toDate: () => new Date(1) } };
const facts = (more: Partial<Facts> = {}): Facts => ({
  readerUid: 'me',
  follows: new Map([
    ['ann', edge],
    ['bob', edge],
  ]),
  mutes: new Map(),
  blocked: new Set(),
  words: [],
  hidden: new Set(),
  ...more,
});
const reposted = row('a', 1, 'ann', { repostedBy: 'bob' });
const recommended = row('a', 1, 'ann', { reason: 'recommended' });

describe('what is shown', () => {
  test.each<[string, Row, Partial<Content>, Partial<Facts>, boolean]>([
    ['a content of somebody followed', row('a', 1), {}, {}, true],
    ['a content of somebody no longer followed', row('a', 1), {}, { follows: new Map() }, false],
    ['what is for followers, to one', row('a', 1), { visibility: 'followers' }, {}, true],
    [
      'what is for followers, to somebody mentioned',
      row('a', 1, 'ann', { reason: 'mention' }),
      { visibility: 'followers' },
      { follows: new Map() },
      false,
    ],
    ['what is private', row('a', 1), { visibility: 'private' }, {}, false],
    ['what is held', row('a', 1), { status: 'held' }, {}, false],
    ['one’s own', row('a', 1, 'me'), { ownerId: 'me' }, {}, false],
    ['a repost by somebody followed', reposted, {}, { follows: new Map([['bob', edge]]) }, true],
    ['a repost by somebody no longer followed', reposted, {}, { follows: new Map([['ann', edge]]) }, false],
    ['a repost of what is for followers by now', reposted, { visibility: 'followers' }, {}, false],
    [
      'a repost by somebody whose reposts are muted',
      reposted,
      {},
      { mutes: new Map([['bob', { ...edge, only: 'reposts' }]]) },
      false,
    ],
    [
      'a content of somebody whose reposts are muted',
      row('a', 1),
      {},
      { mutes: new Map([['ann', { ...edge, only: 'reposts' }]]) },
      true,
    ],
    ['a content of somebody muted', row('a', 1), {}, { mutes: new Map([['ann', edge]]) }, false],
    ['a repost of somebody muted', reposted, {}, { mutes: new Map([['ann', edge]]) }, false],
    ['a repost of somebody blocked', reposted, {}, { blocked: new Set(['ann']) }, false],
    ['a recommendation of a stranger', recommended, {}, { follows: new Map() }, true],
    ['what the reader did not want', row('a', 1), {}, { hidden: new Set(['a']) }, false],
    ['what has a muted word in its caption', row('a', 1), {}, { words: ['LAKE'] }, false],
  ])('%s: %#', (_, each, content, known, expected) => {
    expect(isShown(each, published(content), facts(known))).toBe(expected);
  });

  test('nothing of a content that is gone', () => expect(isShown(row('a', 1), undefined, facts())).toBe(false));
});

describe('muted words', () => {
  test.each<[string, string, boolean]>([
    ['A cat.', 'cat', true],
    ['Concatenate', 'cat', false],
    ['cats', 'cat', false],
    ['#cat!', 'cat', true],
    ['Fußball heute', 'FUSSBALL', false],
    ['ＣＡＴ in full width', 'cat', true],
    ['two  words', 'two words', false],
    ['the two words here', 'two words', true],
    ['a+b', 'a+b', true],
    ['aab', 'a+b', false],
    ['коты', 'кот', false],
    ['anything', '   ', false],
  ])('%s / %s: %s', (text, word, expected) => expect(saysAny([text], [word])).toBe(expected));
});
