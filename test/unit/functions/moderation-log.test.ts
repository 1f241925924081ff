import { describe, expect, test } from '@jest/globals';
import {
  type LogEntry,
  type ModerationAction,
  type ModerationSubject,
  type Standing,
  logEntryId,
  moderationAction,
  moderationSubject,
  moderationSubjectAt,
} from '@playnite/contracts/documents';
import {
  type NewEntry,
  appendEntry,
  isAdverse,
  standingAfter,
  verifyLog,
} from '../../../functions/src/moderation/log.ts';
import { type Documents, type Transaction, absent, serverTime } from '../../../functions/src/platform/documents.ts';

const SUBJECT = 'content/x';
const moment = new Date('2026-01-02T03:04:05.678Z');
const stamp = { toMillis: () => moment.getTime(), toDate: () => moment };

type Row = Record<string, unknown>;

/** The log and the subjects as Firestore would keep them: documents by path, their fields in no order of ours. */
class Shelf {
  readonly rows = new Map<string, Row>();

  readonly tx: Pick<Transaction, 'create' | 'set'> = {
    create: (ref, fields) => {
      if (this.rows.has(ref.path)) throw new Error(`${ref.path} is there already`);
      this.rows.set(ref.path, { ...fields });
    },
    set: (ref, fields) => void this.rows.set(ref.path, { ...fields }),
  };

  /** Only what verification asks for: the entries of a subject in the order of their numbers, and the subject. */
  readonly documents: Pick<Documents, 'get' | 'list'> = {
    get: async (ref) => {
      const row = this.rows.get(ref.path);
      return Promise.resolve(row && ref.shape.parse(stampedAndShuffled(row)));
    },
    list: async ({ collection, shape, where = [], orderBy = '', limit }) => {
      const found = [...this.rows]
        .filter(([path]) => path.startsWith(`${collection}/`))
        .filter(([, row]) => where.every(([field, , value]) => row[field] === value))
        .toSorted(([, a], [, b]) => Number(a[orderBy]) - Number(b[orderBy]))
        .slice(0, limit);
      return Promise.resolve(
        found.map(([path, row]) => ({
          id: path.slice(collection.length + 1),
          data: shape.parse(stampedAndShuffled(row)),
        })),
      );
    },
  };

  present(): ModerationSubject | undefined {
    const row = this.rows.get(moderationSubjectAt(SUBJECT).path);
    return row && moderationSubject.parse(stampedAndShuffled(row));
  }

  append(action: ModerationAction, more: Partial<NewEntry> = {}, changes?: Parameters<typeof appendEntry>[5]) {
    const entry: NewEntry = {
      subject: SUBJECT,
      action,
      actor: { kind: 'moderator', id: 'mo' },
      reason: `because of ${action}`,
      scores: { 'text-hate': 0.7, 'image-explicit': 0.25 },
      policyVersion: 1,
      ...more,
    };
    return appendEntry(this.tx, { now: () => moment }, 'ann', this.present(), entry, changes);
  }

  verify() {
    return verifyLog({ documents: { ...unasked, ...this.documents } }, SUBJECT);
  }

  path(seq: number): string {
    return `moderationLog/${logEntryId(SUBJECT, seq)}`;
  }

  /** Writes over an entry, as somebody with every right can. */
  tamper(seq: number, change: Partial<LogEntry>): void {
    this.rows.set(this.path(seq), { ...this.rows.get(this.path(seq)), ...change });
  }
}

const refuse = () => Promise.reject(new Error('verification only reads'));
const unasked: Documents = {
  get: refuse,
  getAll: refuse,
  list: refuse,
  paths: refuse,
  count: refuse,
  countAsOf: refuse,
  deleteAll: refuse,
  transact: refuse,
  setAll: refuse,
  createMissing: refuse,
};

/** Fields come back in another order, maps in fields too, and the server's time as a time. */
function stampedAndShuffled(value: unknown): unknown {
  if (value === serverTime) return stamp;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, each]) => [name, stampedAndShuffled(each)]),
  );
}

const chain = (...actions: ModerationAction[]): Shelf => {
  const shelf = new Shelf();
  for (const action of actions) shelf.append(action);
  return shelf;
};

describe('an action', () => {
  test.each<[ModerationAction, Standing | undefined, boolean]>([
    ['approve', 'clear', false],
    ['release', 'clear', false],
    ['restore', 'clear', false],
    ['hold', 'held', false],
    ['reject', 'removed', true],
    ['remove', 'removed', true],
    ['uphold', undefined, false],
  ])('%s leads to its standing, and is adverse or not', (action, standing, adverse) => {
    expect(standingAfter(action)).toBe(standing);
    expect(isAdverse(action)).toBe(adverse);
  });

  test('takes effect on the standing of its subject', () => {
    for (const action of moderationAction.options) {
      expect(chain('hold', action).present()?.standing).toBe(standingAfter(action) ?? 'held');
    }
  });
});

describe('appendEntry', () => {
  test('numbers the entries of a subject without a gap, and chains each to the one before', () => {
    const shelf = chain('hold', 'remove', 'restore');
    const [first, second, third] = [1, 2, 3].map((seq) => shelf.rows.get(shelf.path(seq)));
    expect(first).toMatchObject({ seq: 1, previous: '', ownerId: 'ann', at: moment.toISOString() });
    expect(second).toMatchObject({ seq: 2, previous: first?.['hash'] });
    expect(third).toMatchObject({ seq: 3, previous: second?.['hash'] });
    expect(shelf.present()).toMatchObject({ seq: 3, head: third?.['hash'] });
  });

  test('names the entry that stands against the owner, and the one that an entry takes back', () => {
    const shelf = chain('remove');
    const adverse = { entryId: logEntryId(SUBJECT, 1), action: 'remove', actorId: 'mo' };
    expect(shelf.present()?.adverse).toEqual(adverse);
    expect(shelf.append('uphold')).not.toHaveProperty('undoes');
    expect(shelf.present()).toMatchObject({ standing: 'removed', adverse });
    expect(shelf.append('restore').undoes).toBe(adverse.entryId);
    expect(shelf.present()).not.toHaveProperty('adverse');
    expect(shelf.append('remove').id).toBe(logEntryId(SUBJECT, 4));
    expect(shelf.present()?.adverse?.entryId).toBe(logEntryId(SUBJECT, 4));
  });

  test('changes the open case and the reports along, and keeps them where it is told nothing', () => {
    const shelf = new Shelf();
    const reports = { count: 3, weight: 2.4, trusted: 3 };
    shelf.append('hold', {}, { openCaseId: 'a-case', reports });
    shelf.append('uphold');
    expect(shelf.present()).toMatchObject({ openCaseId: 'a-case', reports });
    shelf.append('release', {}, { openCaseId: absent, reports: absent });
    expect(shelf.present()).not.toHaveProperty('openCaseId');
    expect(shelf.present()).not.toHaveProperty('reports');
  });

  test('writes nothing where the number is taken: a second writer has read an old subject', () => {
    const shelf = chain('hold');
    shelf.rows.delete(moderationSubjectAt(SUBJECT).path);
    expect(() => shelf.append('remove')).toThrow('is there already');
  });
});

describe('verifyLog', () => {
  const whole = () => chain('hold', 'remove', 'restore', 'remove');

  test('finds a log whole, in whatever order its fields come back', async () => {
    await expect(whole().verify()).resolves.toEqual({ entries: 4 });
    await expect(new Shelf().verify()).resolves.toEqual({ entries: 0 });
  });

  test.each<[string, Partial<LogEntry>]>([
    ['the action', { action: 'approve' }],
    ['the reason', { reason: 'no reason' }],
    ['the actor', { actor: { kind: 'moderator', id: 'mia' } }],
    ['the owner', { ownerId: 'ben' }],
    ['the time', { at: '2020-01-01T00:00:00.000Z' }],
    ['the scores', { scores: { 'text-hate': 0.1 } }],
    ['the version of the policy', { policyVersion: 2 }],
    ['the case', { caseId: 'another' }],
    ['what it takes back', { undoes: 'nothing' }],
    ['the hash', { hash: '00' }],
  ])('finds an entry of which %s was altered', async (_, change) => {
    for (const seq of [1, 2, 4]) {
      const shelf = whole();
      shelf.tamper(seq, change);
      await expect(shelf.verify()).resolves.toEqual({ entries: 4, brokenAt: seq });
    }
  });

  test.each([1, 2, 4])('finds that entry %i was removed', async (seq) => {
    const shelf = whole();
    shelf.rows.delete(shelf.path(seq));
    await expect(shelf.verify()).resolves.toEqual({ entries: 3, brokenAt: seq });
  });

  test('finds that the whole log was removed, or its subject', async () => {
    const emptied = whole();
    for (const seq of [1, 2, 3, 4]) emptied.rows.delete(emptied.path(seq));
    await expect(emptied.verify()).resolves.toEqual({ entries: 0, brokenAt: 1 });
    const orphaned = whole();
    orphaned.rows.delete(moderationSubjectAt(SUBJECT).path);
    await expect(orphaned.verify()).resolves.toEqual({ entries: 4, brokenAt: 5 });
  });

  test('finds two entries that changed places', async () => {
    const shelf = whole();
    const [second, third] = [shelf.rows.get(shelf.path(2)), shelf.rows.get(shelf.path(3))];
    shelf.rows.set(shelf.path(2), { ...third, seq: 2 });
    shelf.rows.set(shelf.path(3), { ...second, seq: 3 });
    await expect(shelf.verify()).resolves.toEqual({ entries: 4, brokenAt: 2 });
  });

  test('finds an entry that was appended past the one way in, even with a right hash of its own', async () => {
    const shelf = whole();
    const truth = shelf.present();
    shelf.append('restore', { actor: { kind: 'system', id: 'nobody' } });
    const key = moderationSubjectAt(SUBJECT).path;
    shelf.rows.set(key, { ...shelf.rows.get(key), head: truth?.head, seq: truth?.seq });
    await expect(shelf.verify()).resolves.toEqual({ entries: 5, brokenAt: 6 });
    shelf.tamper(5, { previous: '' });
    await expect(shelf.verify()).resolves.toEqual({ entries: 5, brokenAt: 5 });
  });
});
