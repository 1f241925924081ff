import { describe, expect, test } from '@jest/globals';
import { contentRemoved } from '@playnite/contracts/events';
import { type DeadLetter, bury, replay, replayWaiting } from '../../../functions/src/platform/dead-letters.ts';
import {
  type Condition,
  type Documents,
  type Transaction,
  absent,
  serverTime,
} from '../../../functions/src/platform/documents.ts';
import { permanent, transient } from '../../../functions/src/platform/errors.ts';
import { type OutgoingEvent, eventOf } from '../../../functions/src/platform/publisher.ts';
import type { OutgoingTask } from '../../../functions/src/platform/task-queues.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

type Row = Record<string, unknown>;

const stampOf = (date: Date) => ({ toMillis: () => date.getTime(), toDate: () => date });
const isStamp = (value: unknown): value is ReturnType<typeof stampOf> =>
  typeof value === 'object' && value !== null && 'toMillis' in value;
/** What can be compared: times as their milliseconds. */
const plain = (value: unknown): unknown =>
  value instanceof Date ? value.getTime() : isStamp(value) ? value.toMillis() : value;

/** The context that dead letters need: documents in a map, one transaction at a time, a clock that is set by hand. */
class World {
  readonly rows = new Map<string, Row>();
  readonly published: OutgoingEvent[] = [];
  readonly enqueued: OutgoingTask[] = [];
  readonly logged: object[] = [];
  #now = Date.parse('2026-01-02T03:04:05.678Z');

  now = () => new Date(this.#now);
  wait(ms: number): void {
    this.#now += ms;
  }

  publish = async (events: readonly OutgoingEvent[]): Promise<void> => {
    await Promise.resolve();
    this.published.push(...events);
  };
  enqueue = async (tasks: readonly OutgoingTask[]): Promise<void> => {
    await Promise.resolve();
    this.enqueued.push(...tasks);
  };

  readonly log = {
    info: () => undefined,
    warn: () => undefined,
    error: (message: string, fields: object = {}) => void this.logged.push({ message, ...fields }),
  };

  readonly #tx: Pick<Transaction, 'get' | 'set' | 'update'> = {
    get: (ref) => Promise.resolve(this.rows.get(ref.path)).then((row) => row && ref.shape.parse(row)),
    set: (ref, fields) => void this.rows.set(ref.path, this.#written(fields)),
    update: (ref, fields) => void this.rows.set(ref.path, this.#written({ ...this.rows.get(ref.path), ...fields })),
  };

  readonly documents: Documents = {
    get: (ref) => this.#tx.get(ref),
    list: ({ collection, shape, where = [], orderBy = '', limit }) => {
      const found = [...this.rows]
        .filter(([path, row]) => path.startsWith(`${collection}/`) && where.every((one) => meets(row, one)))
        .toSorted(([, a], [, b]) => Number(plain(a[orderBy])) - Number(plain(b[orderBy])))
        .slice(0, limit);
      return Promise.resolve(
        found.map(([path, row]) => ({ id: path.slice(collection.length + 1), data: shape.parse(row) })),
      );
    },
    transact: (work) => work({ ...this.#tx, count: unasked, create: refuse, delete: refuse }),
    getAll: unasked,
    paths: unasked,
    count: unasked,
    countAsOf: unasked,
    deleteAll: unasked,
    setAll: unasked,
    createMissing: unasked,
  };

  #written(fields: Row): Row {
    const entries = Object.entries(fields).filter(([, value]) => value !== absent);
    const stored = (value: unknown) =>
      value === serverTime ? stampOf(this.now()) : value instanceof Date ? stampOf(value) : value;
    return Object.fromEntries(entries.map(([name, value]) => [name, stored(value)]));
  }

  /** The letters, with their times in milliseconds from now. */
  letters() {
    return [...this.rows].map(([path, row]) => {
      const { replayAt, ...rest } = row;
      return {
        id: path.split('/')[1] ?? '',
        ...rest,
        ...(isStamp(replayAt) && { inMs: replayAt.toMillis() - this.#now }),
      };
    });
  }

  only() {
    const [letter, ...others] = this.letters();
    if (!letter || others.length > 0) throw new Error(`there are ${this.rows.size} letters`);
    return letter;
  }
}

const refuse = () => {
  throw new Error('dead letters ask for no such thing');
};
const unasked = () => Promise.resolve().then(refuse);

function meets(row: Row, [field, operator, value]: Condition): boolean {
  if (operator === '==') return row[field] === value;
  if (operator === '<=') return Number(plain(row[field])) <= Number(plain(value));
  throw new Error(`dead letters are not asked for with ${operator}`);
}

const removed = eventOf(contentRemoved, {
  cause: 'content/x 1',
  at: new Date('2026-01-02T03:04:05.678Z'),
  data: { contentId: 'x', ownerId: 'ann' },
}).envelope;

const busy = transient('dependency-busy', 'the store is busy');
const failed = (world: World, more: Partial<Parameters<typeof bury>[1]> = {}) =>
  bury(world, {
    consumer: 'social-withdraw',
    kind: 'event',
    eventId: removed.id,
    payload: removed,
    error: busy,
    attempts: 5,
    ...more,
  });
const task = { functionName: 'content-pipeline', id: 'up-1', data: { uploadId: 'up-1' } };
const taskFailed = (world: World, more: Partial<Parameters<typeof bury>[1]> = {}) =>
  failed(world, { consumer: task.functionName, kind: 'task', eventId: task.id, payload: task, ...more });

describe('bury', () => {
  test('keeps what could not be delivered, with why, and says so', async () => {
    const world = new World();
    await failed(world);
    expect(world.only()).toMatchObject({
      consumer: 'social-withdraw',
      kind: 'event',
      eventId: removed.id,
      payload: JSON.stringify(removed),
      truncated: false,
      error: { code: 'dependency-busy', message: 'the store is busy' },
      attempts: 5,
      state: 'waiting',
      replays: 0,
      inMs: MINUTE_MS,
    });
    expect(world.logged).toEqual([expect.objectContaining({ eventId: removed.id, code: 'dependency-busy' })]);
  });

  test('makes one letter of an event that a consumer fails at twice, and counts every try', async () => {
    const world = new World();
    await failed(world);
    await failed(world, { attempts: 3, error: permanent('malformed', 'what is this') });
    expect(world.only()).toMatchObject({ attempts: 8, replays: 0, state: 'parked', error: { code: 'malformed' } });
  });

  test('makes one letter for each consumer, and for each event', async () => {
    const world = new World();
    await failed(world);
    await failed(world, { consumer: 'notification-withdraw' });
    await failed(world, { eventId: 'another' });
    expect(world.letters()).toHaveLength(3);
  });

  test.each([
    ['an error that will not pass', { error: permanent('malformed', 'what is this') }],
    ['a change to a document, whose moment has passed', { kind: 'document' as const }],
    ['a payload that is too long to keep', { payload: { text: 'x'.repeat(600_000) } }],
  ])('parks %s', async (_, more) => {
    const world = new World();
    await failed(world, more);
    expect(world.only()).toMatchObject({ state: 'parked' });
    expect(world.only()).not.toHaveProperty('inMs');
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'null'],
    ['text that is no JSON', 'oops', '"oops"'],
    ['half of a surrogate pair', '\ud800', '"\\ud800"'],
  ])('takes %s for a payload', async (_, payload, json) => {
    const world = new World();
    await failed(world, { payload });
    expect(world.only()).toMatchObject({ payload: json });
  });

  test('takes any consumer and any event for the name of a letter', async () => {
    const world = new World();
    await failed(world, { consumer: 'a/b', eventId: '../../users/ann/\ud800' });
    await failed(world, { eventId: 'x'.repeat(5000) });
    for (const path of world.rows.keys()) {
      expect(path).toMatch(/^deadLetters\/[^/]{1,200}$/);
      expect(path.isWellFormed()).toBe(true);
    }
  });

  test.each(['x', 'x\u{1f600}', '\u{1f600}', '\u6f22', '\ud800'])(
    'cuts text of %j to what a document holds',
    async (text) => {
      const world = new World();
      await failed(world, { payload: text.repeat(400_000), error: transient('long', text.repeat(100_000)) });
      const { payload, error, truncated } = world.only() as Partial<DeadLetter>;
      expect(truncated).toBe(true);
      for (const kept of [payload ?? '', error?.message ?? '']) {
        expect(kept.isWellFormed()).toBe(true);
        expect(kept.length).toBeGreaterThanOrEqual(5000);
      }
      expect(Buffer.byteLength(JSON.stringify(world.only()))).toBeLessThan(1_048_576);
    },
  );
});

describe('replayWaiting', () => {
  test('sends a letter again after one, five and twenty-five minutes, and parks what has come back each time', async () => {
    const world = new World();
    await failed(world);
    for (const [nth, minutes] of [1, 5, 25].entries()) {
      expect(world.only()).toMatchObject({ state: 'waiting', replays: nth, inMs: minutes * MINUTE_MS });
      world.wait(minutes * MINUTE_MS - SECOND_MS);
      await replayWaiting(world);
      expect(world.published).toHaveLength(nth);
      world.wait(SECOND_MS);
      await replayWaiting(world);
      expect(world.published).toHaveLength(nth + 1);
      expect(world.only()).toMatchObject({ state: 'replayed', replays: nth + 1 });
      await replayWaiting(world);
      expect(world.published).toHaveLength(nth + 1);
      await failed(world);
    }
    expect(world.only()).toMatchObject({ state: 'parked', replays: 3, attempts: 20 });
    world.wait(1000 * MINUTE_MS);
    await replayWaiting(world);
    expect(world.published).toHaveLength(3);
  });

  test('sends those that have waited longest first, a bounded number at a time', async () => {
    const world = new World();
    for (let nth = 0; nth < 130; nth += 1) {
      await taskFailed(world, { eventId: `up-${nth}`, payload: { ...task, id: `up-${nth}` } });
      world.wait(SECOND_MS);
    }
    world.wait(MINUTE_MS);
    await replayWaiting(world);
    const ids = Array.from({ length: 130 }, (_, nth) => `up-${nth}-replayed-1`);
    expect(world.enqueued.map(({ id }) => id)).toEqual(ids.slice(0, 100));
    await replayWaiting(world);
    expect(world.enqueued.map(({ id }) => id)).toEqual(ids);
  });

  test('keeps no letter waiting because one before it cannot be sent now', async () => {
    const world = new World();
    await taskFailed(world);
    world.wait(SECOND_MS);
    await failed(world);
    world.wait(MINUTE_MS);
    world.enqueue = () => Promise.reject(busy);
    await replayWaiting(world);
    expect(world.published).toHaveLength(1);
    const [first, second] = world.letters();
    expect(first).toMatchObject({ kind: 'task', state: 'waiting', replays: 0, inMs: MINUTE_MS });
    expect(second).toMatchObject({ kind: 'event', state: 'replayed' });
  });

  test('parks a letter that turns out to hold nothing that can be sent', async () => {
    const world = new World();
    await taskFailed(world, { payload: { no: 'task' } });
    await failed(world, { payload: 'oops' });
    world.wait(MINUTE_MS);
    await replayWaiting(world);
    expect(world.letters()).toMatchObject([{ state: 'parked' }, { state: 'parked' }]);
    expect(world.logged).toContainEqual(expect.objectContaining({ message: 'dead letter not sent again' }));
  });
});

describe('replay', () => {
  const buried = async (put: typeof failed, more: Parameters<typeof failed>[1] = {}) => {
    const world = new World();
    await put(world, more);
    return { world, id: world.only().id };
  };

  test("publishes an event as it was, to the event's own topic and to no other", async () => {
    const { world, id } = await buried(failed);
    await replay(world, id);
    expect(world.published).toEqual([{ envelope: removed, topics: [contentRemoved.name], orderingKey: '' }]);
    expect(world.enqueued).toEqual([]);
  });

  test('enqueues a task under another id each time, since a queue remembers the ids it has seen', async () => {
    const { world, id } = await buried(taskFailed);
    await replay(world, id);
    await taskFailed(world);
    await replay(world, id);
    expect(world.enqueued).toEqual([
      { ...task, id: 'up-1-replayed-1' },
      { ...task, id: 'up-1-replayed-2' },
    ]);
    expect(world.published).toEqual([]);
  });

  test('sends again by hand what was parked, and what was sent before', async () => {
    const { world, id } = await buried(failed, { error: permanent('malformed', 'a bug of ours') });
    await replay(world, id);
    await replay(world, id);
    expect(world.published).toHaveLength(2);
    expect(world.only()).toMatchObject({ state: 'replayed', replays: 2 });
  });

  test.each<[string, Parameters<typeof failed>[1]]>([
    ['a payload that was cut', { payload: { ...removed, data: 'x'.repeat(600_000) } }],
    ['a change to a document', { kind: 'document' }],
    ['an event that is none', { payload: 'oops' }],
  ])('refuses %s', async (_, more) => {
    const { world, id } = await buried(failed, more);
    const before = world.only();
    await expect(replay(world, id)).rejects.toMatchObject({ code: 'not-replayable', status: 'failed-precondition' });
    expect(world.published).toEqual([]);
    expect(world.only()).toEqual(before);
  });

  test('refuses a letter that is not there', async () => {
    await expect(replay(new World(), 'nothing')).rejects.toMatchObject({ code: 'no-such-letter', status: 'not-found' });
  });

  test('leaves a letter as it was when it cannot be sent, so that it is sent another time', async () => {
    const { world, id } = await buried(failed);
    world.publish = () => Promise.reject(busy);
    await expect(replay(world, id)).rejects.toBe(busy);
    expect(world.only()).toMatchObject({ state: 'waiting', replays: 0 });
  });

  test.each([
    ['waits again', busy, 'waiting'],
    ['is parked', permanent('malformed', 'what is this'), 'parked'],
  ])('of an event that fails again before the letter is marked, the letter %s', async (_, error, state) => {
    const { world, id } = await buried(failed);
    world.publish = () => failed(world, { error, attempts: 1 });
    await replay(world, id);
    expect(world.only()).toMatchObject({ state, replays: 1, attempts: 6 });
  });
});
