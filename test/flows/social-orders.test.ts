/**
 * Every version that one document ever had, told in an order that has nothing to do with the one in which they were written,
 * long after the last of them: what functions make of it must be the same each time. Each order has a database of its own on the
 * platform's Firestore emulator; deliveries come twice and handlers die on the way, as in social-model.test.ts.
 *
 * `ORDER_SNAPSHOTS` and `ORDER_SEEDS` set the size (500 snapshots in 20 orders take some minutes).
 */
import { afterAll, expect, test } from '@jest/globals';
import { Timestamp } from 'firebase-admin/firestore';
import { inGroups } from '../../functions/src/platform/erasure.ts';
import { type Action, write } from '../support/social-actions.ts';
import { Chaos } from '../support/social-chaos.ts';
import type { RecordedStore } from '../support/recorded-documents.ts';

const SNAPSHOTS = Number(process.env['ORDER_SNAPSHOTS'] ?? 40);
const ORDERS = Number(process.env['ORDER_SEEDS'] ?? 4);
/** Orders that are told at the same time: each mostly waits for its database. */
const AT_ONCE = 4;
const FIRST_SEED = 20_261_200;
const TEST_MAX_MS = 60_000 + ORDERS * SNAPSHOTS * 200;
const CONTENT = 'photo-of-ann';

/** Where functions leave what they make of these documents. */
const COLLECTIONS = [
  'users',
  'following',
  'followers',
  'followRequests',
  'content',
  'likes',
  'comments',
  'activity',
  'notifications',
  'budgets',
  'limits',
  'moderationCases',
  'deadLetters',
];
/** What a clock says, or depends on what it says. */
const TIMES = new Set(['countedAsOf', 'hot']);

/** Without times, which differ from one run to the next. */
function timeless(value: unknown): unknown {
  if (value instanceof Timestamp) return 'a time';
  if (Array.isArray(value)) return value.map(timeless);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !TIMES.has(name))
      // A budget is kept by the hour.
      .map(([name, each]) => [name, timeless(name === 'hours' ? Object.values(each as object) : each)]),
  );
}

const projectionOf = (store: RecordedStore) =>
  Object.fromEntries(COLLECTIONS.flatMap((name) => store.all(name, true)).map(([path, row]) => [path, timeless(row)]));

type Projection = ReturnType<typeof projectionOf>;
const at = (projection: Projection, path: string) => projection[path] as Record<string, unknown> | undefined;

interface OneDocument {
  what: string;
  /** What is done as the nth thing. */
  nth: (nth: number) => Action;
  /** What must have come of it. */
  outcome: (projection: Projection) => unknown;
  expected: unknown;
}

const isOdd = (nth: number) => nth % 2 === 1;
/** Of an odd number of things done in turn, the last is as the first. */
const TOGGLES = SNAPSHOTS + (isOdd(SNAPSHOTS) ? 0 : 1);

const DOCUMENTS: OneDocument[] = [
  {
    what: 'a follow, wished and taken back',
    nth: (nth) => ({ kind: isOdd(nth) ? 'unfollow' : 'follow', by: 'bob', whom: 'ann' }),
    outcome: (found) => ({
      follows: 'users/ann/followers/bob' in found,
      followers: at(found, 'users/ann')?.['counts'],
      following: at(found, 'users/bob')?.['counts'],
      told: 'users/ann/notifications/new-follower:bob' in found,
    }),
    expected: {
      follows: true,
      followers: { followers: 1, following: 0, content: 1 },
      following: { followers: 0, following: 1, content: 0 },
      told: true,
    },
  },
  {
    what: 'a like, given and taken back',
    nth: (nth) => ({ kind: isOdd(nth) ? 'unlike' : 'like', by: 'bob', contentId: CONTENT }),
    outcome: (found) => ({
      likes: at(found, `content/${CONTENT}`)?.['stats'],
      logged: `users/bob/activity/like~${CONTENT}` in found,
      told: `users/ann/notifications/like:${CONTENT}:bob` in found,
    }),
    expected: { likes: { likes: 1, comments: 0, shares: 0, views: 0 }, logged: true, told: true },
  },
  {
    what: 'a comment, edited over and over',
    nth: (nth) => ({
      kind: nth === 0 ? 'comment' : 'edit',
      by: 'bob',
      contentId: CONTENT,
      commentId: 'edited',
      text: nth === TOGGLES - 1 ? 'the last word' : `word ${nth}`,
    }),
    outcome: (found) => ({
      comments: at(found, `content/${CONTENT}`)?.['stats'],
      text: at(found, `content/${CONTENT}/comments/edited`)?.['text'],
      status: at(found, `content/${CONTENT}/comments/edited`)?.['status'],
    }),
    expected: {
      comments: { likes: 0, comments: 1, shares: 0, views: 0 },
      text: 'the last word',
      status: 'visible',
    },
  },
];

const closing: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(closing.map((close) => close())));

/** Writes all versions of a document, then tells them in the order that a seed decides. */
async function toldInOrder({ nth }: OneDocument, seed: number): Promise<Projection> {
  const chaos = await Chaos.start(seed);
  closing.push(() => chaos.store.close());
  for (const uid of ['ann', 'bob']) {
    const profile = { handle: uid, displayName: uid, createdAt: new Date() };
    await chaos.store.commit([{ kind: 'set', path: `users/${uid}`, fields: profile }]);
  }
  await chaos.settle();
  await write(chaos.store, { kind: 'publish', by: 'ann', contentId: CONTENT, visibility: 'public' });
  await chaos.settle('counted');
  for (let version = 0; version < TOGGLES; version += 1) await write(chaos.store, nth(version));
  await chaos.settle('counted');
  expect(chaos.defects).toEqual([]);
  return projectionOf(chaos.store);
}

test.each(DOCUMENTS)(
  'comes to the same in whatever order its versions are told: $what',
  async (document) => {
    const first = FIRST_SEED + DOCUMENTS.indexOf(document) * 1_000;
    const projections: Projection[] = [];
    await inGroups(
      Array.from({ length: ORDERS }, (_, order) => first + order),
      AT_ONCE,
      async (seed) => void projections.push(await toldInOrder(document, seed)),
    );
    for (const projection of projections) {
      expect(document.outcome(projection)).toEqual(document.expected);
      expect(projection).toEqual(projections[0]);
    }
  },
  TEST_MAX_MS,
);
