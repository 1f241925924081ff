/**
 * Counts what calls cost, in the units that the bill has. Off unless `METER=true`; `bench/upload-cost.ts` adds the lines up.
 *
 * A call that fails counts nothing, except for what a transaction read: a read costs whether or not the commit follows.
 * Not counted, because no use case makes them: look-ups by the security rules, and what clients read and write themselves.
 *
 * Sources: cloud.google.com/firestore/pricing, cloud.google.com/storage/pricing#operations-pricing
 */
import type { Accounts } from './accounts.ts';
import type { Documents, Transaction } from './documents.ts';
import type { Objects } from './objects.ts';
import type { Publish } from './publisher.ts';
import type { Enqueue } from './task-queues.ts';

/** `objects.writes` and `objects.lists` are Cloud Storage's class A, `objects.reads` its class B; removals are free. */
export type Metered =
  | 'documents.reads'
  | 'documents.writes'
  | 'documents.deletes'
  | 'objects.reads'
  | 'objects.writes'
  | 'objects.removes'
  | 'objects.lists'
  | 'accounts.reads'
  | 'published'
  | 'enqueued';

/** Told of each call that cost something: of what, and how much. */
export type Count = (what: Metered, count: number) => void;

/** An aggregation costs a read for up to this many index entries. */
const ENTRIES_PER_READ = 1000;

/** A search costs a read for each document returned, and one when there is none. */
const costOfSearch = (found: readonly unknown[]): number => Math.max(1, found.length);
const costOfCount = (counted: number): number => Math.max(1, Math.ceil(counted / ENTRIES_PER_READ));

/** The same calls, counted. */
export function meter<Calls extends Needs>(calls: Calls, tell: Count): Calls {
  const count: Count = (what, amount) => {
    if (amount > 0) tell(what, amount);
  };
  return {
    ...calls,
    documents: meterDocuments(calls.documents, count),
    objects: meterObjects(calls.objects, count),
    accounts: meterAccounts(calls.accounts, count),
    publish: async (events) => {
      await calls.publish(events);
      count(
        'published',
        events.reduce((messages, { topics }) => messages + topics.length, 0),
      );
    },
    enqueue: async (tasks) => {
      await calls.enqueue(tasks);
      count('enqueued', tasks.length);
    },
  };
}

function meterDocuments(documents: Documents, count: Count): Documents {
  return {
    async get(ref) {
      const found = await documents.get(ref);
      count('documents.reads', 1);
      return found;
    },
    async getAll(refs) {
      const found = await documents.getAll(refs);
      count('documents.reads', refs.length);
      return found;
    },
    async list(options) {
      const found = await documents.list(options);
      count('documents.reads', costOfSearch(found));
      return found;
    },
    async paths(search) {
      const found = await documents.paths(search);
      count('documents.reads', costOfSearch(found));
      return found;
    },
    async count(search) {
      const counted = await documents.count(search);
      count('documents.reads', costOfCount(counted));
      return counted;
    },
    async countAsOf(search) {
      const counted = await documents.countAsOf(search);
      count('documents.reads', costOfCount(counted.count));
      return counted;
    },
    async deleteAll(paths) {
      await documents.deleteAll(paths);
      count('documents.deletes', paths.length);
    },
    async transact(work) {
      const tally = { reads: 0, writes: 0, deletes: 0 };
      try {
        const result = await documents.transact((tx) => {
          // Only the last attempt is committed; the reads of those before it were made all the same.
          Object.assign(tally, { writes: 0, deletes: 0 });
          return work(tallied(tx, tally));
        });
        count('documents.writes', tally.writes);
        count('documents.deletes', tally.deletes);
        return result;
      } finally {
        count('documents.reads', tally.reads);
      }
    },
    async setAll(written) {
      await documents.setAll(written);
      count('documents.writes', written.length);
    },
    async createMissing(created) {
      await documents.createMissing(created);
      // Those that were there already are not told apart, so this is the most that it can be.
      count('documents.writes', created.length);
    },
  };
}

function tallied(tx: Transaction, tally: { reads: number; writes: number; deletes: number }): Transaction {
  return {
    async get(ref) {
      const found = await tx.get(ref);
      tally.reads += 1;
      return found;
    },
    async count(collection, where) {
      const counted = await tx.count(collection, where);
      tally.reads += costOfCount(counted);
      return counted;
    },
    create(ref, fields) {
      tally.writes += 1;
      tx.create(ref, fields);
    },
    set(ref, fields) {
      tally.writes += 1;
      tx.set(ref, fields);
    },
    update(ref, fields) {
      tally.writes += 1;
      tx.update(ref, fields);
    },
    delete(ref) {
      tally.deletes += 1;
      tx.delete(ref);
    },
  };
}

/** A file that is read is looked at once more afterwards, to see whether it still is the same: two operations. */
const COST_OF_CHECKED_READ = 2;

function meterObjects(objects: Objects, count: Count): Objects {
  return {
    async stat(path) {
      const found = await objects.stat(path);
      count('objects.reads', 1);
      return found;
    },
    async read(path, generation) {
      const bytes = await objects.read(path, generation);
      count('objects.reads', bytes ? COST_OF_CHECKED_READ : 1);
      return bytes;
    },
    async download(path, generation, file) {
      const done = await objects.download(path, generation, file);
      count('objects.reads', done ? COST_OF_CHECKED_READ : 1);
      return done;
    },
    async readOwn(path) {
      const bytes = await objects.readOwn(path);
      count('objects.reads', 1);
      return bytes;
    },
    async write(path, bytes, options) {
      await objects.write(path, bytes, options);
      count('objects.writes', 1);
    },
    async copy(from, to) {
      const done = await objects.copy(from, to);
      count('objects.writes', 1);
      return done;
    },
    async setCacheControl(path, cacheControl) {
      await objects.setCacheControl(path, cacheControl);
      count('objects.writes', 1);
    },
    async list(prefix, options) {
      const found = await objects.list(prefix, options);
      count('objects.lists', 1);
      return found;
    },
    async remove(path, generation) {
      await objects.remove(path, generation);
      // With a generation, the object is looked at first.
      if (generation !== undefined) count('objects.reads', 1);
      count('objects.removes', 1);
    },
    async removeBelow(prefix) {
      await objects.removeBelow(prefix);
      // How many it removed is not told, and costs nothing.
      count('objects.lists', 1);
      count('objects.removes', 1);
    },
    urlOf: (path) => objects.urlOf(path),
  };
}

function meterAccounts(accounts: Accounts, count: Count): Accounts {
  return {
    async roleOf(uid) {
      const role = await accounts.roleOf(uid);
      count('accounts.reads', 1);
      return role;
    },
    // Checked here, against keys that are public.
    uidOf: (idToken) => accounts.uidOf(idToken),
  };
}

interface Needs {
  documents: Documents;
  objects: Objects;
  accounts: Accounts;
  publish: Publish;
  enqueue: Enqueue;
}
