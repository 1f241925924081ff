/** What is asked of reports, of what moderators and admins see, and of what nobody may touch. */
import { REPORT_DETAILS_MAX, REPORT_REASON_MAX } from '@playnite/contracts/documents';
import { collection, collectionGroup, getDocs, limit, query, serverTimestamp, where } from 'firebase/firestore';
import { HELD_ENTRY, HELD_SUBJECT, type Row, UNTOUCHABLE, now, report } from './rules-world.ts';
import {
  create,
  fileReport,
  functionsOnly,
  get,
  list,
  listOf,
  mayReport,
  nobodyAtAll,
  remove,
  staff,
  update,
} from './rules-rows.ts';

export const STAFF_ROWS: readonly Row[] = [
  // reports
  get('reports/bobs', ['bob', ...staff]),
  get('reports/sues', ['sue', ...staff]),
  list('own reports', ['bob', ...staff], (db) =>
    getDocs(query(collection(db, 'reports'), where('reporterId', '==', 'bob'), limit(100))),
  ),
  list('own reports, too many', nobodyAtAll, (db) =>
    getDocs(query(collection(db, 'reports'), where('reporterId', '==', 'bob'), limit(101))),
  ),
  ...listOf('reports', 100, staff),
  fileReport('of a content', mayReport),
  fileReport('of a comment', mayReport, { subject: 'content/public/comments/c1' }),
  fileReport(
    'of a user',
    mayReport.filter((who) => who !== 'ann'),
    { subject: 'users/ann' },
  ),
  fileReport('at the bounds', mayReport, {
    subject: `content/${'é'.repeat(128)}/comments/${'c'.repeat(128)}`,
    reason: 'é'.repeat(REPORT_REASON_MAX),
    details: 'é'.repeat(REPORT_DETAILS_MAX),
  }),
  fileReport('an id at its bound', mayReport, {}, 'r'.repeat(128)),
  create(
    'without details',
    'reports/fresh',
    (who) => ({ reporterId: who, subject: 'content/public', reason: 'spam', createdAt: serverTimestamp() }),
    mayReport,
  ),
  create('of oneself', 'reports/fresh', (who) => report(who, { subject: `users/${who}` }), nobodyAtAll),
  ...(
    [
      ['for another', { reporterId: 'ghost' }],
      ['of no subject', { subject: '' }],
      ['of a subject that is no text', { subject: 5 }],
      ['of a subject that is a list', { subject: ['content/public'] }],
      ['of a case', { subject: 'moderationCases/m1' }],
      ['of a whole collection', { subject: 'content/' }],
      ['of what is below a user', { subject: 'users/ann/settings/notifications' }],
      ['of what is below a content', { subject: 'content/public/secrets/s' }],
      ['of what is below a comment', { subject: 'content/public/comments/c1/likes/l1' }],
      ['of two subjects', { subject: 'content/public,users/ann' }],
      ['of a subject with more before', { subject: '/content/public' }],
      ['of an id too long', { subject: `users/${'u'.repeat(129)}` }],
      ['of a comment’s id too long', { subject: `content/public/comments/${'c'.repeat(129)}` }],
      ['of a path too long', { subject: `content/${'😀'.repeat(128)}` }],
      ['with no reason', { reason: '' }],
      ['with a reason too long', { reason: 'r'.repeat(REPORT_REASON_MAX + 1) }],
      ['with a reason that is no text', { reason: 5 }],
      ['with a reason that is a list', { reason: ['spam'] }],
      ['with details too long', { details: 'd'.repeat(REPORT_DETAILS_MAX + 1) }],
      ['with details that are no text', { details: null }],
      ['with details that are a list', { details: [] }],
      ['in the past', { createdAt: now }],
      ['with a status', { status: 'resolved' }],
      ['with an outcome', { outcome: 'action-taken' }],
      ['with weight', { weight: 9 }],
    ] as [string, Record<string, unknown>][]
  ).map(([what, fields]) => fileReport(what, nobodyAtAll, fields)),
  ...(['reason', 'subject', 'reporterId', 'createdAt'] as const).map((field) =>
    create(
      `without ${field}`,
      'reports/fresh',
      (who) => Object.fromEntries(Object.entries(report(who)).filter(([name]) => name !== field)),
      nobodyAtAll,
    ),
  ),
  fileReport('in the name of one who may', ['lou'], { reporterId: 'lou' }),
  fileReport('an id too long', nobodyAtAll, {}, 'r'.repeat(129)),
  fileReport('over one that is there', nobodyAtAll, {}, 'bobs'),
  update('its words', 'reports/bobs', { details: 'Other' }, nobodyAtAll),
  update('its outcome', 'reports/bobs', { status: 'resolved', outcome: 'no-violation' }, nobodyAtAll),
  remove('reports/bobs', nobodyAtAll),
  list('reports of every depth', nobodyAtAll, (db) => getDocs(query(collectionGroup(db, 'reports'), limit(1)))),

  // moderation, storage and operation
  ...functionsOnly('moderationCases/m1', 'moderationCases/m2', staff, staff),
  ...functionsOnly(HELD_SUBJECT, 'moderationSubjects/content~public', staff, nobodyAtAll),
  ...functionsOnly(HELD_ENTRY, 'moderationLog/content~public~000001', staff, staff),
  ...functionsOnly('moderationPolicies/active', 'moderationPolicies/2', staff, staff),
  get('moderationPolicies/1', staff),
  ...functionsOnly('screenings/working', 'screenings/open', staff, nobodyAtAll),
  ...functionsOnly('accountStandings/ann', 'accountStandings/eve', ['ann', ...staff], nobodyAtAll),
  ...functionsOnly('quotas/ann', 'quotas/eve', ['ann'], nobodyAtAll),
  ...functionsOnly('deletions/content~gone', 'deletions/account~eve', ['ann', ...staff], nobodyAtAll),
  list('own deletions', nobodyAtAll, (db) =>
    getDocs(query(collection(db, 'deletions'), where('ownerId', '==', 'ann'), limit(1))),
  ),
  ...functionsOnly('deadLetters/d1', 'deadLetters/d2', ['ada'], ['ada']),
  ...functionsOnly('counterDrift/d1', 'counterDrift/d2', ['ada'], ['ada']),
  ...functionsOnly('ops/health', 'ops/sickness', ['ada'], nobodyAtAll),

  // what nobody may touch
  ...UNTOUCHABLE.flatMap((path): Row[] => [
    get(path, nobodyAtAll),
    create('at all', `${path}2`, () => ({ x: 1 }), nobodyAtAll),
    update('at all', path, { x: 1 }, nobodyAtAll),
    remove(path, nobodyAtAll),
    list(`beside ${path}`, nobodyAtAll, (db) =>
      getDocs(query(collection(db, path.slice(0, path.lastIndexOf('/'))), limit(1))),
    ),
  ]),
];
