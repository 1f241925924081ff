import { describe, expect, test } from '@jest/globals';
import type { Documents, Transaction } from '../../../functions/src/platform/documents.ts';
import { Refusal, permanent, transient } from '../../../functions/src/platform/errors.ts';
import { idempotencyKey, oncePerKey } from '../../../functions/src/platform/idempotency.ts';

const SECOND_MS = 1000;
const HOUR_MS = 60 * 60 * SECOND_MS;
/** A call's time limit, and what its lease is longer. */
const LEASE_MS = 65 * SECOND_MS;

type Row = Record<string, unknown>;

const stampOf = (date: Date) => ({ toMillis: () => date.getTime(), toDate: () => date });
const stored = (fields: Row): Row =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Date ? stampOf(value) : value]),
  );

/** What keyed calls need: documents in a map, one transaction at a time, a clock that is set by hand. */
class World {
  readonly rows = new Map<string, Row>();
  readonly warned: string[] = [];
  /** What each read of a document outside of transactions lets pass. */
  passingMs = 0;
  isFailing = false;
  #now = Date.parse('2026-01-02T03:04:05.678Z');
  #last: Promise<unknown> = Promise.resolve();

  now = () => new Date(this.#now);
  wait(ms: number): void {
    this.#now += ms;
  }

  readonly log = {
    info: () => undefined,
    warn: (message: string) => void this.warned.push(message),
    error: () => undefined,
  };

  readonly #tx: Pick<Transaction, 'get' | 'set' | 'update' | 'delete'> = {
    get: (ref) => Promise.resolve(this.rows.get(ref.path)).then((row) => row && ref.shape.parse(row)),
    set: (ref, fields) => void this.rows.set(ref.path, stored(fields)),
    update: (ref, fields) => void this.rows.set(ref.path, { ...this.rows.get(ref.path), ...stored(fields) }),
    delete: (ref) => void this.rows.delete(ref.path),
  };

  readonly documents: Documents = {
    get: async (ref) => {
      this.wait(this.passingMs);
      return this.#tx.get(ref);
    },
    createMissing: async (documents) => {
      await Promise.resolve();
      for (const [ref, fields] of documents) if (!this.rows.has(ref.path)) this.#tx.set(ref, fields);
    },
    transact: (work) => {
      if (this.isFailing) return Promise.reject(permanent('down', 'down'));
      const turn = this.#last.then(() => work({ ...this.#tx, count: unasked, create: refuse }));
      this.#last = turn.catch(() => {});
      return turn;
    },
    list: unasked,
    getAll: unasked,
    paths: unasked,
    count: unasked,
    countAsOf: unasked,
    deleteAll: unasked,
    setAll: unasked,
  };
}

const refuse = () => {
  throw new Error('keyed calls do not ask for this');
};
const unasked = () => Promise.reject(new Error('keyed calls do not ask for this'));

/** A world in which ann calls a function that counts how often it ran. */
function calling() {
  const world = new World();
  const ran = { times: 0 };
  const count = async (): Promise<unknown> => {
    await Promise.resolve();
    ran.times += 1;
    return { nth: ran.times };
  };
  const call = (with_: { key?: string; uid?: string; functionName?: string; input?: unknown } = {}, work = count) =>
    oncePerKey(world, { uid: 'ann', functionName: 'pay', key: 'k', input: { amount: 1 }, ...with_ }, work);
  return { world, ran, count, call };
}

const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
};

describe('calls with one key', () => {
  test('take effect once, however many there are at once, and are all told the same', async () => {
    const { ran, call } = calling();
    const answers = await Promise.all(Array.from({ length: 50 }, () => call()));
    expect(answers).toEqual(Array.from({ length: 50 }, () => ({ nth: 1 })));
    expect(await call()).toEqual({ nth: 1 });
    expect(ran.times).toBe(1);
  });

  test('are others for another caller, function or key, however these are put together', async () => {
    const { ran, call } = calling();
    await call({ uid: 'a', functionName: 'b', key: 'c' });
    await call({ uid: 'a:b', functionName: '', key: 'c' });
    await call({ uid: 'a', functionName: 'b', key: 'C' });
    await call({ uid: 'b', functionName: 'b', key: 'c' });
    await call({ uid: 'a', functionName: 'c', key: 'c' });
    expect(ran.times).toBe(5);
  });

  test('are the same whatever the order of what they hold, and refused when they hold anything else', async () => {
    const { ran, call } = calling();
    await call({ input: { list: [1, 2], inner: { a: 1, b: null } } });
    expect(await call({ input: { inner: { b: null, a: 1 }, list: [1, 2] } })).toEqual({ nth: 1 });
    const reused = { status: 'failed-precondition', code: 'idempotency-key-reused', retryable: false };
    for (const input of [{ list: [2, 1], inner: { a: 1, b: null } }, { list: [1, 2], inner: { a: 1 } }, {}, null]) {
      await expect(call({ input })).rejects.toMatchObject(reused);
    }
    expect(ran.times).toBe(1);
  });

  test('are told the answer as JSON has it, the first one too', async () => {
    const { call } = calling();
    const answer = () => Promise.resolve({ id: 'x', entryId: undefined, at: new Date(0) });
    const asJson = { id: 'x', at: '1970-01-01T00:00:00.000Z' };
    expect(await call({}, answer)).toStrictEqual(asJson);
    expect(await call({}, answer)).toStrictEqual(asJson);
    expect(await call({ key: 'nothing' }, () => Promise.resolve(undefined))).toBeNull();
  });

  test('are all refused as the first was, with its status, code and words', async () => {
    const { call } = calling();
    const refused = () => Promise.reject(new Refusal('not-found', 'no-such-thing', 'There is no such thing.'));
    const asRefused = { status: 'not-found', code: 'no-such-thing', message: 'There is no such thing.' };
    await expect(call({}, refused)).rejects.toMatchObject(asRefused);
    await expect(call()).rejects.toMatchObject(asRefused);
  });

  test('are forgotten after a day, and not before', async () => {
    const { world, ran, call } = calling();
    await call();
    world.wait(24 * HOUR_MS - 1);
    expect(await call()).toEqual({ nth: 1 });
    world.wait(1);
    expect(await call({ input: 'another' })).toEqual({ nth: 2 });
    expect(ran.times).toBe(2);
  });
});

describe('a call that fails', () => {
  test.each([
    ['of what may pass', transient('busy', 'busy')],
    ['of what nobody foresaw', new TypeError('x is not a function')],
    ['for good, without a word for the caller', permanent('malformed-document', 'malformed')],
    ['with a refusal that may pass', new Refusal('resource-exhausted', 'wait', 'Wait.', { retryable: true })],
  ])('%s says so, and gives its key free', async (_, error) => {
    const { world, call } = calling();
    await expect(call({}, () => Promise.reject(error))).rejects.toMatchObject({ message: error.message });
    expect(world.rows.size).toBe(0);
    expect(await call()).toEqual({ nth: 1 });
  });

  test('says so even when the key cannot be given free, which its lease does later', async () => {
    const { world, call } = calling();
    const fail = () => {
      world.isFailing = true;
      return Promise.reject(transient('busy', 'busy'));
    };
    await expect(call({}, fail)).rejects.toMatchObject({ code: 'busy' });
    expect(world.warned).toEqual(['idempotency key not given free']);
    world.isFailing = false;
    world.wait(LEASE_MS);
    expect(await call()).toEqual({ nth: 1 });
  });

  test('lets one of those that waited for it have its turn', async () => {
    const { world, ran, call } = calling();
    const ends = Promise.withResolvers<never>();
    const failed = call({}, () => ends.promise).catch((error: unknown) => error);
    await until(() => world.rows.size > 0);
    const others = Promise.all([call(), call()]);
    ends.reject(transient('busy', 'busy'));
    expect(await failed).toMatchObject({ code: 'busy' });
    expect(await others).toEqual([{ nth: 1 }, { nth: 1 }]);
    expect(ran.times).toBe(1);
  });
});

describe('a call that does not end', () => {
  test('keeps others waiting for a while, and then they may come again', async () => {
    const { world, ran, call } = calling();
    void call({}, () => new Promise(() => {}));
    await until(() => world.rows.size > 0);
    world.passingMs = 8 * SECOND_MS;
    const inProgress = { status: 'aborted', code: 'call-in-progress', retryable: true };
    await expect(call()).rejects.toMatchObject(inProgress);
    expect(ran.times).toBe(0);
  });

  test('is run again by one of those that come after its lease, and has no say any more', async () => {
    const { world, ran, call } = calling();
    const ends = Promise.withResolvers<unknown>();
    const first = call({}, () => ends.promise);
    await until(() => world.rows.size > 0);
    world.wait(LEASE_MS);
    expect(await Promise.all([call(), call(), call()])).toEqual([{ nth: 1 }, { nth: 1 }, { nth: 1 }]);
    expect(ran.times).toBe(1);
    ends.resolve({ nth: 'too late' });
    expect(await first).toEqual({ nth: 1 });
    expect(await call()).toEqual({ nth: 1 });
  });

  test('and fails too late does not give free what another has', async () => {
    const { world, call } = calling();
    const ends = Promise.withResolvers<unknown>();
    const first = call({}, () => ends.promise);
    await until(() => world.rows.size > 0);
    world.wait(LEASE_MS);
    await call();
    ends.reject(transient('busy', 'busy'));
    await expect(first).rejects.toMatchObject({ code: 'busy' });
    expect(await call()).toEqual({ nth: 1 });
  });
});

test.each([
  ['0198f2a4-7c1e-7b3a-9f00-000000000001', true],
  ['order:17~2.retry_1', true],
  ['k'.repeat(128), true],
  ['k'.repeat(129), false],
  ['', false],
  ['a/b', false],
  ['a b', false],
  ['k\n', false],
  ['ключ', false],
])('a key may be %j: %p', (key, may) => {
  expect(idempotencyKey.safeParse(key).success).toBe(may);
});
