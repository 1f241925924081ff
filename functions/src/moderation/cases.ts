import {
  EVIDENCE_MAX,
  type Evidence,
  type ModerationCase,
  type ModerationSubject,
  deletionAt,
  deletionId,
  moderationCaseAt,
  type Scores,
} from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { type Transaction, serverTime } from '../platform/documents.ts';
import { appendEntry } from './log.ts';
import { strongest } from './policy.ts';

interface NewCase extends Pick<ModerationCase, 'subject' | 'ownerId' | 'source' | 'policyVersion' | 'priority'> {
  scores: Scores;
  evidence: readonly Evidence[];
  excluded?: readonly string[];
  appealOf?: string;
}

/**
 * Whether an account, or the content that something of it is about, is on the way out. No case is opened then: the erasure may have looked for
 * cases before.
 */
export async function isLeaving(
  tx: Pick<Transaction, 'get'>,
  uid: string,
  contentId: string | undefined,
): Promise<boolean> {
  const found = await Promise.all([
    tx.get(deletionAt(deletionId('account', uid))),
    contentId === undefined ? undefined : tx.get(deletionAt(deletionId('content', contentId))),
  ]);
  return found.some((deletion) => deletion !== undefined);
}

/** Opens a case in the transaction given. Its id names its cause, so that one cause opens one case. */
export function openCase(
  tx: Pick<Transaction, 'set'>,
  ctx: Pick<Context, 'now'>,
  caseId: string,
  { evidence, excluded = [], appealOf, ...fields }: NewCase,
): void {
  tx.set(moderationCaseAt(caseId), {
    ...fields,
    ...(appealOf === undefined ? {} : { appealOf }),
    status: 'open',
    evidence: strongest(evidence, EVIDENCE_MAX),
    excluded,
    history: [{ what: 'opened', by: 'system', at: ctx.now() }],
    createdAt: serverTime,
    updatedAt: serverTime,
  });
}

/**
 * Takes something from view until a person has decided: opens the case and logs the hold, in the transaction given.
 * `present` is the subject as read in it; `by` is the part of the platform that has its doubts.
 */
export function holdForReview(
  tx: Pick<Transaction, 'create' | 'set'>,
  ctx: Pick<Context, 'now'>,
  caseId: string,
  present: ModerationSubject | undefined,
  { by, reason, ...opened }: NewCase & { by: string; reason: string },
): void {
  openCase(tx, ctx, caseId, opened);
  const { subject, scores, policyVersion } = opened;
  const actor = { kind: 'system' as const, id: by };
  const entry = { subject, action: 'hold' as const, actor, reason, scores, policyVersion, caseId };
  appendEntry(tx, ctx, opened.ownerId, present, entry, { openCaseId: caseId });
}
