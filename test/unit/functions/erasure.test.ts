/** What comes up while something is erased, or after it: nothing is written about it anew, and nothing of it is overlooked. */
import { describe, expect, test } from '@jest/globals';
import {
  type Deletion,
  ERASED_OWNER,
  ERASING_SERVICES,
  type ModerationCase,
  moderationSubjectAt,
} from '@playnite/contracts/documents';
import { decideCase } from '../../../functions/src/moderation/decide-case.ts';
import type { Documents, Search, Transaction } from '../../../functions/src/platform/documents.ts';
import { giveFeedback } from '../../../functions/src/social/feed-feedback.ts';
import { proveDeletion } from '../../../functions/src/storage/prove-deletion.ts';

type Row = Record<string, unknown>;
const moment = new Date('2026-01-02T03:04:05.678Z');
const stamp = { toMillis: () => moment.getTime(), toDate: () => moment };
const now = () => moment;

/** Documents by path, as far as transactions and single reads go. */
function shelf(entries: Record<string, Row>) {
  const rows = new Map(Object.entries(entries));
  const put = ({ path }: { path: string }, fields: Row) => void rows.set(path, { ...rows.get(path), ...fields });
  const get = ({ path }: { path: string }) => Promise.resolve(rows.get(path));
  const tx = {
    get,
    set: put,
    create: put,
    update: put,
    delete: ({ path }: { path: string }) => void rows.delete(path),
  } as unknown as Transaction;
  const documents = {
    get,
    transact: (work: (tx: Transaction) => Promise<unknown>) => work(tx),
  } as unknown as Documents;
  return { rows, documents };
}

const deletionOf = (kind: Deletion['kind'], targetId: string): Deletion => ({
  kind,
  targetId,
  ownerId: kind === 'account' ? targetId : 'ann',
  requestedBy: 'ann',
  state: 'running',
  round: 1,
  receipts: Object.fromEntries(ERASING_SERVICES.map((service) => [service, { round: 1, erased: {} }])),
  requestedAt: stamp,
  updatedAt: stamp,
});

describe('a proof', () => {
  /** How a deletion stands after a look that finds one document of a search; everything else is gone. */
  async function provedWith(kind: Deletion['kind'], isLeft: (search: Search) => boolean, path?: string) {
    const id = `${kind}~x`;
    const { rows, documents } = shelf({
      [`deletions/${id}`]: { ...deletionOf(kind, 'x') },
      ...(path ? { [path]: {} } : {}),
    });
    const counting = { ...documents, count: (search: Search) => Promise.resolve(isLeft(search) ? 1 : 0) };
    const objects = { stat: () => Promise.resolve(undefined), list: () => Promise.resolve([]) };
    const log = { info: () => {}, error: () => {} };
    await proveDeletion({ documents: counting, objects, log } as unknown as Parameters<typeof proveDeletion>[0], id);
    return rows.get(`deletions/${id}`);
  }
  const nothing = () => false;

  test('ends a deletion of which nothing is left', async () => {
    expect(await provedWith('account', nothing)).toMatchObject({ state: 'done', round: 1 });
    expect(await provedWith('content', nothing)).toMatchObject({ state: 'done', round: 1 });
  });

  test.each<[what: string, collection: string, field: string]>([
    ['reports', 'reports', 'reporterId'],
    ['that it was among the reporters of something', 'reporters', 'reporterId'],
    ['cases about what it owned', 'moderationCases', 'ownerId'],
    ['how subjects of its stand', 'moderationSubjects', 'ownerId'],
    ['screenings of what was never published', 'screenings', 'ownerId'],
    ['fingerprints', 'fingerprints', 'ownerId'],
    ['that somebody looks its contents up', 'feedStates', 'pulled'],
    ['views', 'views', 'userId'],
  ])('has another round begin while an account has left %s', async (_, collection, field) => {
    const isLeft = (search: Search) => search.collection === collection && search.where?.[0]?.[0] === field;
    expect(await provedWith('account', isLeft)).toMatchObject({ state: 'running', round: 2 });
  });

  test.each(['accountStandings/x', 'reporters/x'])('has another round begin while %s is left', async (path) => {
    expect(await provedWith('account', nothing, path)).toMatchObject({ state: 'running', round: 2 });
  });

  test('has another round begin while somebody does not want to see a content that is gone', async () => {
    const isLeft = ({ collection, where }: Search) => collection === 'feedStates' && where?.[0]?.[0] === 'hidden';
    expect(await provedWith('content', isLeft)).toMatchObject({ state: 'running', round: 2 });
  });
});

describe('a decision about something that was erased', () => {
  const SUBJECT = 'content/photo';
  const strikes = (entryId: string) => [
    { entryId, at: stamp, expiresAt: { ...stamp, toDate: () => new Date('2026-03-01') } },
  ];
  const caseOf = (fields: Partial<ModerationCase>): Row => ({
    subject: SUBJECT,
    ownerId: ERASED_OWNER,
    source: 'report',
    status: 'decided',
    scores: {},
    evidence: [],
    priority: 0,
    policyVersion: 1,
    excluded: [],
    history: [],
    createdAt: stamp,
    updatedAt: stamp,
    ...fields,
  });
  const subjectOf = (ownerId: string, fields: Row = {}): Row => ({
    subject: SUBJECT,
    ownerId,
    standing: 'clear',
    seq: 1,
    head: '',
    updatedAt: stamp,
    ...fields,
  });
  const REMOVED = { standing: 'removed', adverse: { entryId: 'struck', action: 'remove', actorId: 'mia' } };
  const decide = (documents: Documents, decision: 'remove' | 'restore', uid = 'mo') =>
    decideCase({ documents, now }, { caseId: 'c', decision, reason: 'because' }, { uid, role: 'moderator' });

  test.each([ERASED_OWNER, 'ann'])('strikes nobody, whoever its subject (%s) and the log then name', async (named) => {
    const { rows, documents } = shelf({
      'moderationCases/c': caseOf({}),
      [moderationSubjectAt(SUBJECT).path]: subjectOf(named),
      'deletions/account~ann': { ...deletionOf('account', 'ann') },
    });
    expect(await decide(documents, 'remove')).toMatchObject({ action: 'remove' });
    expect([...rows.keys()].filter((path) => path.startsWith('accountStandings/'))).toEqual([]);
    expect(rows.get(moderationSubjectAt(SUBJECT).path)).toMatchObject({ ownerId: ERASED_OWNER, standing: 'removed' });
    const logged = [...rows].find(([path]) => path.startsWith('moderationLog/'));
    expect(logged?.[1]).toMatchObject({ ownerId: ERASED_OWNER, action: 'remove' });
  });

  test('strikes nobody while a case still names who is on their way out', async () => {
    const { rows, documents } = shelf({
      'moderationCases/c': caseOf({ ownerId: 'ann', status: 'open' }),
      'deletions/account~ann': { ...deletionOf('account', 'ann') },
    });
    await decide(documents, 'remove');
    expect([...rows.keys()].filter((path) => path.startsWith('accountStandings/'))).toEqual([]);
  });

  test('takes back the strike of an owner who erased the content and stays', async () => {
    const { rows, documents } = shelf({
      'moderationCases/c': caseOf({}),
      [moderationSubjectAt(SUBJECT).path]: subjectOf('ann', REMOVED),
      'accountStandings/ann': { status: 'active', strikes: strikes('struck'), nextExpiry: null, updatedAt: stamp },
    });
    await decide(documents, 'restore');
    expect(rows.get('accountStandings/ann')).toMatchObject({ strikes: [] });
    expect(rows.get(moderationSubjectAt(SUBJECT).path)).toMatchObject({ ownerId: 'ann' });
    expect(rows.has(`accountStandings/${ERASED_OWNER}`)).toBe(false);
  });

  test('is not its owner’s to make', async () => {
    const { documents } = shelf({
      'moderationCases/c': caseOf({}),
      [moderationSubjectAt(SUBJECT).path]: subjectOf('ann', REMOVED),
    });
    await expect(decide(documents, 'restore', 'ann')).rejects.toMatchObject({ code: 'own-case' });
  });
});

describe('what a reader does not want to see', () => {
  const CONTENT = { ownerId: 'ann', status: 'published', visibility: 'public', tags: [] };

  test.each(['deletions/content~photo', 'deletions/account~bob'])('is not written down behind %s', async (path) => {
    const { rows, documents } = shelf({ 'content/photo': CONTENT });
    // It is asked for after the content was looked at.
    const erasing: Documents = {
      ...documents,
      transact: (work) => {
        rows.set(path, {});
        return documents.transact(work);
      },
    };
    const publish = () => Promise.resolve();
    const given = giveFeedback({ documents: erasing, publish, now }, 'bob', {
      contentId: 'photo',
      signal: 'not-interested',
    });
    await expect(given).rejects.toMatchObject({ code: 'no-such-content' });
    expect([...rows.keys()].toSorted()).toEqual(['content/photo', path]);
  });
});
