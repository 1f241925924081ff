import { describe, expect, test } from '@jest/globals';
import type { DocumentRef } from '@playnite/contracts/documents';
import { z } from 'zod';
import type { Accounts } from '../../../functions/src/platform/accounts.ts';
import type { Documents, Transaction } from '../../../functions/src/platform/documents.ts';
import { readEnvironment } from '../../../functions/src/platform/environment.ts';
import { type Metered, meter } from '../../../functions/src/platform/meter.ts';
import type { Objects } from '../../../functions/src/platform/objects.ts';
import type { OutgoingEvent, Publish } from '../../../functions/src/platform/publisher.ts';
import type { Enqueue } from '../../../functions/src/platform/task-queues.ts';

const thing: DocumentRef<{ n: number }> = { path: 'things/a', shape: z.object({ n: z.number() }) };
const found = (count: number) => Array.from({ length: count }, (_, n) => ({ id: String(n), data: { n } }));
const search = { collection: 'things', limit: 10 };
const nothing = () => Promise.resolve();

const transaction: Transaction = {
  get: () => Promise.resolve(undefined),
  count: () => Promise.resolve(2500),
  create: () => {},
  set: () => {},
  update: () => {},
  delete: () => {},
};

const documents: Documents = {
  get: () => Promise.resolve(undefined),
  getAll: (refs) => Promise.resolve(refs.map(() => undefined)),
  list: () => Promise.resolve([]),
  paths: () => Promise.resolve(['things/a', 'things/b']),
  count: () => Promise.resolve(0),
  countAsOf: () => Promise.resolve({ count: 0, asOfMicros: 0 }),
  deleteAll: nothing,
  transact: (work) => work(transaction),
  setAll: nothing,
  createMissing: nothing,
};

const objects: Objects = {
  stat: () => Promise.resolve(undefined),
  read: () => Promise.resolve(Buffer.from('bytes')),
  download: () => Promise.resolve(true),
  readOwn: () => Promise.resolve(undefined),
  write: nothing,
  copy: () => Promise.resolve(true),
  setCacheControl: nothing,
  list: () => Promise.resolve([]),
  remove: nothing,
  removeBelow: nothing,
  urlOf: (path) => `https://example.com/${path}`,
};

const accounts: Accounts = { roleOf: () => Promise.resolve('admin'), uidOf: () => Promise.resolve(undefined) };
const publish: Publish = nothing;
const enqueue: Enqueue = nothing;

/** Metered calls, what they are made of replaced in part, and all that was counted so far. */
function metered(parts: { documents?: Partial<Documents>; objects?: Partial<Objects> } = {}) {
  const counted: Partial<Record<Metered, number>> = {};
  const calls = meter(
    {
      documents: { ...documents, ...parts.documents },
      objects: { ...objects, ...parts.objects },
      accounts,
      publish,
      enqueue,
      log: 'not a call',
    },
    (what, count) => (counted[what] = (counted[what] ?? 0) + count),
  );
  return { calls, counted };
}

describe('documents', () => {
  test('count a read for each document looked for, whether it is there or not', async () => {
    const { calls, counted } = metered();
    await calls.documents.get(thing);
    await calls.documents.getAll([thing, thing, thing]);
    expect(counted).toEqual({ 'documents.reads': 4 });
  });

  test('count a read for each document that a search returns, and one when it returns none', async () => {
    const none = metered();
    await none.calls.documents.list({ ...search, shape: thing.shape });
    expect(none.counted).toEqual({ 'documents.reads': 1 });

    const some = metered({ documents: { list: (() => Promise.resolve(found(7))) as Documents['list'] } });
    await expect(some.calls.documents.list({ ...search, shape: thing.shape })).resolves.toHaveLength(7);
    await some.calls.documents.paths(search);
    expect(some.counted).toEqual({ 'documents.reads': 9 });
  });

  test.each([
    [0, 1],
    [1, 1],
    [1000, 1],
    [1001, 2],
    [2500, 3],
  ])('counting %d documents costs %d reads', async (size, reads) => {
    const { calls, counted } = metered({ documents: { count: () => Promise.resolve(size) } });
    await expect(calls.documents.count(search)).resolves.toBe(size);
    expect(counted).toEqual({ 'documents.reads': reads });
  });

  test('count a write or a deletion for each document of a batch, and nothing for an empty one', async () => {
    const { calls, counted } = metered();
    await calls.documents.setAll([
      [thing, { n: 1 }],
      [thing, { n: 2 }],
    ]);
    await calls.documents.createMissing([[thing, { n: 3 }]]);
    await calls.documents.deleteAll(['things/a', 'things/b']);
    await calls.documents.deleteAll([]);
    expect(counted).toEqual({ 'documents.writes': 3, 'documents.deletes': 2 });
  });

  test('count nothing for a call that fails', async () => {
    const { calls, counted } = metered({ documents: { setAll: () => Promise.reject(new Error('unavailable')) } });
    await expect(calls.documents.setAll([[thing, { n: 1 }]])).rejects.toThrow('unavailable');
    expect(counted).toEqual({});
  });
});

describe('a transaction', () => {
  const work = async (tx: Transaction): Promise<string> => {
    await tx.get(thing);
    await tx.count('things', []);
    tx.create(thing, { n: 1 });
    tx.set(thing, { n: 1 });
    tx.update(thing, { n: 2 });
    tx.delete(thing);
    return 'done';
  };

  test('counts what it read, wrote and deleted', async () => {
    const { calls, counted } = metered();
    await expect(calls.documents.transact(work)).resolves.toBe('done');
    expect(counted).toEqual({ 'documents.reads': 4, 'documents.writes': 3, 'documents.deletes': 1 });
  });

  test('that is tried again counts the reads of every try, and the writes of the last', async () => {
    const twice: Documents['transact'] = async (attempt) => {
      await attempt(transaction);
      return attempt(transaction);
    };
    const { calls, counted } = metered({ documents: { transact: twice } });
    await calls.documents.transact(work);
    expect(counted).toEqual({ 'documents.reads': 8, 'documents.writes': 3, 'documents.deletes': 1 });
  });

  test('that fails counts its reads only', async () => {
    const { calls, counted } = metered();
    const failing = async (tx: Transaction): Promise<void> => {
      await work(tx);
      throw new Error('changed its mind');
    };
    await expect(calls.documents.transact(failing)).rejects.toThrow('changed its mind');
    expect(counted).toEqual({ 'documents.reads': 4 });
  });
});

describe('objects', () => {
  test('count a checked read as two operations, and as one when the object is gone', async () => {
    const there = metered();
    await there.calls.objects.read('a', '1');
    await there.calls.objects.download('a', '1', 'a-file');
    expect(there.counted).toEqual({ 'objects.reads': 4 });

    const gone = metered({
      objects: { read: () => Promise.resolve(undefined), download: () => Promise.resolve(false) },
    });
    await gone.calls.objects.read('a', '1');
    await gone.calls.objects.download('a', '1', 'a-file');
    expect(gone.counted).toEqual({ 'objects.reads': 2 });
  });

  test('count writing, copying and changing metadata as writes, and a page of names as a list', async () => {
    const { calls, counted } = metered();
    await calls.objects.write('a', Buffer.from('a'), { contentType: 'image/webp', cacheControl: 'private' });
    await calls.objects.copy('a', 'b');
    await calls.objects.setCacheControl('a', 'private');
    await calls.objects.list('a/', { limit: 10 });
    expect(counted).toEqual({ 'objects.writes': 3, 'objects.lists': 1 });
  });

  test('count a removal, and the look before it when only one generation is meant', async () => {
    const { calls, counted } = metered();
    await calls.objects.remove('a');
    expect(counted).toEqual({ 'objects.removes': 1 });
    await calls.objects.remove('a', '1');
    expect(counted).toEqual({ 'objects.removes': 2, 'objects.reads': 1 });
    await calls.objects.removeBelow('a/');
    expect(counted).toEqual({ 'objects.removes': 3, 'objects.reads': 1, 'objects.lists': 1 });
  });

  test('count a look at an object, and give its address for nothing', async () => {
    const { calls, counted } = metered();
    expect(calls.objects.urlOf('a')).toBe('https://example.com/a');
    expect(counted).toEqual({});
    await calls.objects.stat('a');
    await calls.objects.readOwn('a');
    expect(counted).toEqual({ 'objects.reads': 2 });
  });
});

describe('the rest', () => {
  const event = (topics: string[]): OutgoingEvent => ({
    envelope: { id: 'id', name: 'some.event', version: 1, at: '2026-01-02T03:04:05.678Z', data: {} },
    topics,
    orderingKey: '',
  });

  test('counts a message for each topic that an event goes to, and each task', async () => {
    const { calls, counted } = metered();
    await calls.publish([event(['some.event', 'live']), event(['some.event'])]);
    await calls.enqueue([{ functionName: 'content-runPipeline', id: 'a', data: {} }]);
    await calls.publish([]);
    expect(counted).toEqual({ published: 3, enqueued: 1 });
  });

  test('counts a look-up of an account, and leaves alone what is no call', async () => {
    const { calls, counted } = metered();
    await expect(calls.accounts.roleOf('ann')).resolves.toBe('admin');
    expect(counted).toEqual({ 'accounts.reads': 1 });
    expect(calls.log).toBe('not a call');
  });
});

describe('the environment', () => {
  const env = {
    FIREBASE_CONFIG: JSON.stringify({ projectId: 'demo-playnite', storageBucket: 'demo-playnite.appspot.com' }),
    K_SERVICE: 'content-runPipeline',
  };

  test('has calls metered under the function’s name when it says so, and only then', () => {
    expect(readEnvironment({ ...env, METER: 'true' }).meteredAs).toBe('content-runPipeline');
    expect(readEnvironment(env)).not.toHaveProperty('meteredAs');
    expect(readEnvironment({ ...env, METER: 'false' })).not.toHaveProperty('meteredAs');
  });
});
