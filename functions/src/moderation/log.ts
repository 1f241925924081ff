/**
 * The audit log. Entries of one subject are numbered without a gap, and each holds the hash of the one before it: who
 * changes or removes one breaks the chain, and `verifyLog` says where. The rules let nobody write it; what
 * the chain cannot show is an operator with all rights who forges the whole of it anew, with its head.
 */
import { createHash } from 'node:crypto';
import {
  type LogEntry,
  type ModerationAction,
  type ModerationSubject,
  type Standing,
  logEntry,
  logEntryAt,
  logEntryId,
  moderationSubjectAt,
} from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { type Transaction, absent, serverTime } from '../platform/documents.ts';

export type NewEntry = Pick<
  LogEntry,
  'subject' | 'action' | 'actor' | 'reason' | 'scores' | 'policyVersion' | 'caseId'
>;

const EMPTY_CHAIN = '';

/** SHA-256 of everything that an entry says, its own hash left out, in an order that does not depend on how it was read. */
function hashOf(entry: LogEntry): string {
  const byName = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);
  const scores = Object.entries(entry.scores).toSorted(byName);
  const fields = Object.entries({ ...entry, scores, hash: undefined }).toSorted(byName);
  return createHash('sha256').update(JSON.stringify(fields)).digest('hex');
}

/** What an action makes of a subject's standing; undefined where it changes nothing. */
export function standingAfter(action: ModerationAction): Standing | undefined {
  switch (action) {
    case 'hold':
      return 'held';
    case 'remove':
    case 'reject':
      return 'removed';
    case 'approve':
    case 'release':
    case 'restore':
      return 'clear';
    case 'uphold':
      return undefined;
  }
}

const ADVERSE: readonly ModerationAction[] = ['reject', 'remove'];
export const isAdverse = (action: ModerationAction): boolean => ADVERSE.includes(action);

/**
 * Adds an entry and brings the subject's standing in line with it, in the transaction given. `present` is the subject as
 * read in this transaction; other fields of it may be changed along.
 */
export function appendEntry(
  tx: Pick<Transaction, 'create' | 'set'>,
  ctx: Pick<Context, 'now'>,
  ownerId: string,
  present: ModerationSubject | undefined,
  entry: NewEntry,
  changes: Partial<Record<'openCaseId' | 'reports', unknown>> = {},
): LogEntry & { id: string } {
  const seq = (present?.seq ?? 0) + 1;
  const undoes = standingAfter(entry.action) === 'clear' ? present?.adverse?.entryId : undefined;
  const draft: LogEntry = logEntry.parse({
    ...entry,
    ownerId,
    seq,
    ...(undoes === undefined ? {} : { undoes }),
    at: ctx.now().toISOString(),
    previous: present?.head ?? EMPTY_CHAIN,
    hash: '',
  });
  const complete: LogEntry = { ...draft, hash: hashOf(draft) };
  const id = logEntryId(entry.subject, seq);
  tx.create(logEntryAt(id), complete);
  const standing = standingAfter(entry.action) ?? present?.standing ?? 'clear';
  const adverse = isAdverse(entry.action)
    ? { entryId: id, action: entry.action, actorId: entry.actor.id }
    : standing === 'clear'
      ? undefined
      : present?.adverse;
  const { openCaseId, reports } = { ...present, ...changes };
  tx.set(moderationSubjectAt(entry.subject), {
    subject: entry.subject,
    ownerId,
    standing,
    seq,
    head: complete.hash,
    ...(adverse ? { adverse } : {}),
    ...(openCaseId === undefined || openCaseId === absent ? {} : { openCaseId }),
    ...(reports === undefined || reports === absent ? {} : { reports }),
    updatedAt: serverTime,
  });
  return { ...complete, id };
}

/** Entries looked at in one verification. */
const VERIFIED_MAX = 1000;

/** Whether a subject's log is whole: the number of entries looked at, and the first one that does not fit, if there is one. */
export async function verifyLog(
  ctx: Pick<Context, 'documents'>,
  subject: string,
): Promise<{ entries: number; brokenAt?: number }> {
  const [found, present] = await Promise.all([
    ctx.documents.list({
      collection: 'moderationLog',
      shape: logEntry,
      where: [['subject', '==', subject]],
      orderBy: 'seq',
      limit: VERIFIED_MAX,
    }),
    ctx.documents.get(moderationSubjectAt(subject)),
  ]);
  let previous = EMPTY_CHAIN;
  for (const [index, { data }] of found.entries()) {
    if (data.seq !== index + 1 || data.previous !== previous || data.hash !== hashOf(data)) {
      return { entries: found.length, brokenAt: index + 1 };
    }
    previous = data.hash;
  }
  // Of a longer log the beginning has been looked at.
  if (found.length === VERIFIED_MAX) return { entries: found.length };
  const isWhole = previous === (present?.head ?? EMPTY_CHAIN);
  return isWhole ? { entries: found.length } : { entries: found.length, brokenAt: found.length + 1 };
}
