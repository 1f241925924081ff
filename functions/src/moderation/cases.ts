import {
  EVIDENCE_MAX,
  type Evidence,
  type ModerationCase,
  moderationCaseAt,
  type Scores,
} from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { type Transaction, serverTime } from '../platform/documents.ts';
import { strongest } from './policy.ts';

interface NewCase extends Pick<ModerationCase, 'subject' | 'ownerId' | 'source' | 'policyVersion' | 'priority'> {
  scores: Scores;
  evidence: readonly Evidence[];
  excluded?: readonly string[];
  appealOf?: string;
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
