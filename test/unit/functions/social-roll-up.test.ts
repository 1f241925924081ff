import { describe, expect, test } from '@jest/globals';
import type { CountAsOf, Documents, Search, Transaction } from '../../../functions/src/platform/documents.ts';
import type { OutgoingEvent } from '../../../functions/src/platform/publisher.ts';
import type { OutgoingTask } from '../../../functions/src/platform/task-queues.ts';
import { dueAt, slotOf } from '../../../functions/src/social/plan-roll-up.ts';
import { recount, rollUp, rollUpTask, searchFor } from '../../../functions/src/social/roll-up.ts';

type Row = Record<string, Record<string, number>>;

/** One content, and counts that are answered in turn. */
function world(row: Row | undefined, counts: CountAsOf[]) {
  const written: Record<string, unknown>[] = [];
  const published: OutgoingEvent[] = [];
  const enqueued: OutgoingTask[] = [];
  const searched: Search[] = [];
  const tx = {
    get: () => Promise.resolve(row),
    update: (_: unknown, fields: Record<string, unknown>) => {
      written.push(fields);
      for (const [path, value] of Object.entries(fields)) {
        const [group = '', name = ''] = path.split('.');
        if (row) row[group] = { ...row[group], [name]: Number(value) };
      }
    },
  } as unknown as Transaction;
  const documents = {
    get: () => Promise.resolve(row),
    countAsOf: (search: Search) => {
      searched.push(search);
      return Promise.resolve(counts.shift() ?? { count: 0, asOfMicros: 0 });
    },
    transact: (work: (tx: Transaction) => Promise<unknown>) => work(tx),
  } as unknown as Documents;
  const ctx = {
    documents,
    now: () => new Date(),
    publish: (events: readonly OutgoingEvent[]) => Promise.resolve(void published.push(...events)),
    enqueue: (tasks: readonly OutgoingTask[]) => Promise.resolve(void enqueued.push(...tasks)),
  };
  return { ctx, written, published, enqueued, searched };
}

const likes = { subject: 'content/photo', kind: 'likes' } as const;

describe('recount', () => {
  test('writes what there is, and tells all numbers with a version', async () => {
    const { ctx, written, published } = world({ stats: { likes: 1, views: 9 } }, [{ count: 3, asOfMicros: 70 }]);
    await recount(ctx, likes);
    expect(written).toEqual([{ 'stats.likes': 3, 'countedAsOf.likes': 70 }]);
    expect(published.map(({ envelope }) => envelope)).toEqual([
      expect.objectContaining({
        name: 'social.stats-changed',
        data: { contentId: 'photo', stats: { likes: 3, comments: 0, shares: 0, views: 9 }, version: 70 },
      }),
    ]);
  });

  test('never lets an older count replace a newer', async () => {
    const { ctx, written, published } = world({ stats: {} }, [
      { count: 5, asOfMicros: 90 },
      { count: 4, asOfMicros: 80 },
    ]);
    await recount(ctx, likes);
    await recount(ctx, likes);
    expect(written).toEqual([{ 'stats.likes': 5, 'countedAsOf.likes': 90 }]);
    expect(published).toHaveLength(1);
  });

  test('leaves alone what is gone', async () => {
    const { ctx, written, published } = world(undefined, [{ count: 5, asOfMicros: 90 }]);
    await recount(ctx, { subject: 'users/ann', kind: 'followers' });
    expect([written, published]).toEqual([[], []]);
  });
});

describe('rollUp', () => {
  test('of what is large waits for the end of a longer interval, and does not wait again', async () => {
    const { ctx, written, enqueued } = world({ stats: { likes: 1_000_000 } }, [{ count: 1_000_001, asOfMicros: 9 }]);
    const slot = slotOf(new Date('2020-01-01'));
    await rollUp(ctx, { ...likes, slot });
    expect(written).toEqual([]);
    expect(enqueued).toHaveLength(1);
    const [put] = enqueued;
    expect(put?.data).toMatchObject({ ...likes, putOff: true });
    expect(Number(put?.data['slot'])).toBeGreaterThan(slot);
    await rollUp(ctx, { ...likes, slot: Number(put?.data['slot']), putOff: true });
    expect(written).toEqual([{ 'stats.likes': 1_000_001, 'countedAsOf.likes': 9 }]);
  });

  test('is one task for a slot, not dispatched before its end', () => {
    const at = new Date('2026-01-01T00:00:00.100Z');
    const [task, same] = [rollUpTask(likes, at), rollUpTask(likes, new Date(at.getTime() + 500))];
    expect(same).toEqual(task);
    expect(task.notBefore).toEqual(dueAt(slotOf(at)));
  });

  test.each([
    ['comments', 'content/photo', { collection: 'content/photo/comments', where: [['status', '==', 'visible']] }],
    ['views', 'content/photo', { collection: 'content/photo/views' }],
    ['followers', 'users/ann', { collection: 'users/ann/followers' }],
    ['following', 'users/ann', { collection: 'followers', everywhere: true, where: [['followerUid', '==', 'ann']] }],
  ] as const)('counts %s by their own documents', (kind, subject, expected) => {
    expect(searchFor({ subject, kind })).toEqual(expected);
  });
});
