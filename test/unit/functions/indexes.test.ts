/**
 * Every query has the index that Firestore demands for it. What is written out at its place is read off the sources; of what is
 * put together there, a table says what it comes to, and how many such places a file has: a new one is noticed, but what
 * it asks is for whoever adds it to say. That a caller hands other conditions to a function of the table is not noticed.
 */
import { glob, readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type Indexes, type Query, queriesOf, readIndexes, serve } from '../../support/queries.ts';

const FUNCTIONS = new URL('../../../functions/src/', import.meta.url);
const CONTRACTS = new URL('../../../contracts/src/', import.meta.url);

/** Places at which a query is put together, by file: how many, and what they ask in all. */
const PUT_TOGETHER: Record<string, { places: number; queries: readonly Query[] }> = {
  'moderation/erase-moderation.ts': {
    places: 1,
    queries: [
      { collection: 'moderationCases', where: [['subject', 'in']], orderBy: 'subject' },
      { collection: 'moderationCases', where: [['subject', '>']], orderBy: 'subject' },
    ],
  },
  'moderation/fingerprints.ts': {
    places: 1,
    queries: [{ collection: 'fingerprints', where: [['at', '>']], orderBy: 'at' }],
  },
  'moderation/take-report.ts': { places: 1, queries: [{ collection: 'reporters', where: [['trusted', '==']] }] },
  'notification/erase.ts': {
    places: 1,
    queries: [{ collection: 'notifications', everywhere: true, where: [['contentId', '==']] }],
  },
  'platform/dead-letters.ts': {
    places: 1,
    queries: [
      {
        collection: 'deadLetters',
        where: [
          ['state', '=='],
          ['replayAt', '<='],
        ],
        orderBy: 'replayAt',
      },
    ],
  },
  'social/discover.ts': {
    places: 1,
    queries: [
      { collection: 'content', where: [...published('==')], orderBy: 'hot', descending: true },
      {
        collection: 'content',
        where: [...published('=='), ['tags', 'array-contains-any']],
        orderBy: 'publishedAt',
        descending: true,
      },
      {
        collection: 'content',
        where: [...published('=='), ['ownerId', 'in']],
        orderBy: 'publishedAt',
        descending: true,
      },
    ],
  },
  // Two are helpers whose callers are read.
  'social/erase.ts': {
    places: 5,
    queries: [
      { collection: 'activity', everywhere: true, where: [['subject', '>']] },
      { collection: 'comments', everywhere: true, where: [['mentions', 'array-contains']] },
      { collection: 'content', where: [['mentions', 'array-contains']] },
    ],
  },
  'social/feed-feedback.ts': {
    places: 1,
    queries: ['hidden', 'pulled'].map((field) => ({ collection: 'feedStates', where: [[field, 'array-contains']] })),
  },
  'social/feed-rows.ts': {
    places: 2,
    queries: [
      { collection: 'feed', where: [['repostedBy', '==']] },
      {
        collection: 'feed',
        where: [
          ['ownerId', '=='],
          ['reason', '=='],
        ],
      },
      { collection: 'feed', everywhere: true, where: [['repostedBy', '==']] },
      {
        collection: 'feed',
        everywhere: true,
        where: [
          ['contentId', '=='],
          ['repostedBy', '=='],
        ],
      },
    ],
  },
  'social/feed-sources.ts': {
    places: 3,
    queries: [
      { collection: 'feed', where: [['publishedAt', '<']], orderBy: 'publishedAt', descending: true },
      {
        collection: 'content',
        where: [...published('in'), ['ownerId', 'in'], ['publishedAt', '<']],
        orderBy: 'publishedAt',
        descending: true,
      },
      {
        collection: 'reposts',
        where: [
          ['userId', 'in'],
          ['at', '<'],
        ],
        orderBy: 'at',
        descending: true,
      },
    ],
  },
  'social/log-activity.ts': { places: 1, queries: [{ collection: 'activity', orderBy: 'at' }] },
  'social/shares.ts': {
    places: 1,
    queries: ['reposts', 'shareCodes', 'shareReach'].flatMap((collection) =>
      ['userId', 'ownerId', 'contentId'].map((field): Query => ({ collection, where: [[field, '==']] })),
    ),
  },
  'storage/erase-files.ts': { places: 1, queries: [{ collection: 'idempotencyKeys', where: [['uid', '==']] }] },
  // Two are helpers whose callers are read; one counts whole collections.
  'storage/prove-deletion.ts': { places: 4, queries: [{ collection: 'idempotencyKeys', where: [['uid', '==']] }] },
  'storage/reconcile-quotas.ts': { places: 1, queries: [{ collection: 'reservations', where: [['state', '==']] }] },
  'storage/resume-deletions.ts': {
    places: 2,
    queries: (['in', '=='] as const).map((operator) => ({
      collection: 'deletions',
      where: [
        ['state', '=='],
        ['round', operator],
        ['updatedAt', '<'],
      ],
      orderBy: 'updatedAt',
    })),
  },
};

/** What clients ask: lists that the security rules allow, in the order in which they are shown. */
const BY_CLIENTS: readonly Query[] = [
  ...(['feed', 'content', 'uploads', 'reports', 'notifications', 'activity', 'likes', 'feedback'] as const).map(newest),
  ...[[], ['tags'], ['ownerId']].map(([field]): Query => ({
    collection: 'content',
    where: [...published('=='), ...(field ? [[field, field === 'tags' ? 'array-contains' : '=='] as const] : [])],
    orderBy: 'publishedAt',
    descending: true,
  })),
  ...[[], ['rootId'], ['parentId']].map((fields): Query => ({
    collection: 'comments',
    where: ['status', ...fields].map((field) => [field, '==']),
    orderBy: 'createdAt',
  })),
  { collection: 'comments', where: [['status', '==']], orderBy: 'createdAt', descending: true },
  { collection: 'comments', where: [['authorId', '==']], orderBy: 'createdAt', descending: true },
  { collection: 'shares', where: [['userId', '==']], orderBy: 'createdAt', descending: true },
  { collection: 'moderationCases', where: [['status', '==']], orderBy: 'updatedAt', descending: true },
  { collection: 'moderationLog', where: [['subject', '==']], orderBy: 'seq' },
];

function published(operator: '==' | 'in'): readonly (readonly [string, string])[] {
  return [
    ['status', '=='],
    ['visibility', operator],
  ];
}

/** One's own, or what is below something of one's own, the newest first. */
function newest(
  collection: 'feed' | 'content' | 'uploads' | 'reports' | 'notifications' | 'activity' | 'likes' | 'feedback',
): Query {
  const [owner, time] = {
    feed: [undefined, 'publishedAt'],
    content: ['ownerId', 'publishedAt'],
    uploads: ['ownerId', 'createdAt'],
    reports: ['reporterId', 'createdAt'],
    notifications: [undefined, 'updatedAt'],
    activity: [undefined, 'at'],
    likes: [undefined, 'createdAt'],
    feedback: [undefined, 'at'],
  }[collection];
  return { collection, where: owner === undefined ? [] : [[owner, '==']], orderBy: time ?? '', descending: true };
}

let indexes: Indexes;
const written: [file: string, query: Query][] = [];
const places: Record<string, number> = {};

beforeAll(async () => {
  indexes = await readIndexes();
  for await (const file of glob('**/*.ts', { cwd: FUNCTIONS })) {
    const asked = await queriesOf(await readFile(new URL(file, FUNCTIONS), 'utf8'));
    written.push(...asked.written.map((query): [string, Query] => [file, query]));
    if (asked.unclear > 0) places[file] = asked.unclear;
  }
});

const all = (): [string, Query][] => [
  ...written,
  ...Object.entries(PUT_TOGETHER).flatMap(([file, { queries }]) =>
    queries.map((query): [string, Query] => [file, query]),
  ),
  ...BY_CLIENTS.map((query): [string, Query] => ['a client', query]),
];

describe('an index', () => {
  test('is there for every query', () => {
    expect(written.length).toBeGreaterThan(50);
    const unserved = all().filter(([, query]) => !serve(indexes, query).served);
    expect(unserved).toEqual([]);
  });

  test('of several fields is there for a query', () => {
    const used = new Set(all().flatMap(([, query]) => serve(indexes, query).by));
    expect(indexes.indexes.filter((index) => !used.has(index))).toEqual([]);
  });
});

test('where a query is put together, the table says what it asks', () => {
  expect(places).toEqual(Object.fromEntries(Object.entries(PUT_TOGETHER).map(([file, { places: n }]) => [file, n])));
});

test('what says when it expires does', async () => {
  let said = 0;
  for (const folder of [FUNCTIONS, CONTRACTS]) {
    for await (const file of glob('**/*.ts', { cwd: folder })) {
      const source = await readFile(new URL(file, folder), 'utf8');
      said += [...source.matchAll(/expireAt: timestamp/g)].length;
    }
  }
  const policies = indexes.fieldOverrides.filter(({ ttl }) => ttl);
  expect(policies.map(({ fieldPath }) => fieldPath)).toEqual(Array.from({ length: said }, () => 'expireAt'));
});

describe('queries are read off sources', () => {
  test('with their conditions and order, wherever they stand', async () => {
    const source = `
      eraseAll(ctx, { collection: 'feed', everywhere: true, where: [['contentId', '==', id]] });
      ctx.documents.list({ collection: \`users/\${uid}/feed\`, where: [['at', '<', now]], orderBy: 'at', descending: true, limit });
      const some: Query = { collection: 'whole' };
      everywhere('likes', ['userId', '==', uid]);`;
    expect(await queriesOf(source)).toMatchObject({
      written: [
        { collection: 'feed', everywhere: true, where: [['contentId', '==']] },
        { collection: 'feed', where: [['at', '<']], orderBy: 'at', descending: true },
        { collection: 'likes', everywhere: true, where: [['userId', '==']] },
      ],
      unclear: 0,
    });
  });

  test('or counted, where they are not written out', async () => {
    const source = `
      f({ collection: 'feed', where });
      f({ collection: 'feed', where: [...within('at')] });
      f({ collection, orderBy: 'at' });
      f({ ...rows, where: [['a', '==', 1]] });
      f({ collection: NAME, where: [['a', '==', 1]] });
      everywhere('feed', ...below('subject'));`;
    expect(await queriesOf(source)).toEqual({ written: [], unclear: 6 });
  });
});

describe('Firestore demands', () => {
  const none: Indexes = { indexes: [], fieldOverrides: [] };
  test.each<[what: string, query: Query, served: boolean]>([
    [
      'nothing for fields that are equal',
      {
        collection: 'c',
        where: [
          ['a', '=='],
          ['b', 'in'],
        ],
      },
      true,
    ],
    ['nothing for the order of one field', { collection: 'c', orderBy: 'a', descending: true }, true],
    ['nothing for a range that is ordered by itself', { collection: 'c', where: [['a', '>']] }, true],
    ['one for an order besides', { collection: 'c', where: [['a', '==']], orderBy: 'b' }, false],
    [
      'one for a range besides',
      {
        collection: 'c',
        where: [
          ['a', '=='],
          ['b', '<'],
        ],
      },
      false,
    ],
    [
      'one for any field of all collections of a name',
      { collection: 'c', everywhere: true, where: [['a', '==']] },
      false,
    ],
  ])('%s', (_, query, served) => {
    expect(serve(none, query).served).toBe(served);
  });
});
