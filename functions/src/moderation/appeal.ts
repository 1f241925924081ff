import { type Evidence, moderationCaseAt, moderationSubjectAt } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { Refusal } from '../platform/errors.ts';
import type { Caller } from '../platform/on-call.ts';
import { openCase } from './cases.ts';
import { parseSubject } from './decide-case.ts';

/** Appeals come before most other cases: somebody is waiting. */
const APPEAL_PRIORITY = 0.7;

/**
 * Opens the owner's appeal against the decision that stands. One decision can be appealed against once, and whoever made it
 * does not judge the appeal.
 *
 * @throws {Refusal} `nothing-to-appeal`, `not-yours`, `already-appealed`
 */
export async function appeal(
  ctx: Needs,
  { subject, statement }: { subject: string; statement: string },
  { uid }: Caller,
): Promise<{ caseId: string }> {
  const parsed = parseSubject(subject);
  // What was refused as an upload never became a content, but its owner knows it by one id.
  const candidates = parsed?.root === 'content' && parsed.whole ? [subject, `uploads/${parsed.contentId}`] : [subject];
  return ctx.documents.transact(async (tx) => {
    const states = await Promise.all(candidates.map((each) => tx.get(moderationSubjectAt(each))));
    const present = states.find((each) => each?.adverse);
    const adverse = present?.adverse;
    if (!present || !adverse) {
      throw new Refusal('failed-precondition', 'nothing-to-appeal', 'No decision stands against this.');
    }
    if (present.ownerId !== uid) throw new Refusal('permission-denied', 'not-yours', 'Only its owner can appeal.');
    const caseId = `appeal-${adverse.entryId}`;
    if (await tx.get(moderationCaseAt(caseId))) {
      throw new Refusal('already-exists', 'already-appealed', 'This decision has been appealed against before.');
    }
    const evidence: Evidence = { kind: 'appeal', label: 'statement', note: statement };
    openCase(tx, ctx, caseId, {
      subject: present.subject,
      ownerId: uid,
      source: 'appeal',
      scores: {},
      evidence: [evidence],
      policyVersion: 1,
      priority: APPEAL_PRIORITY,
      excluded: [adverse.actorId],
      appealOf: adverse.entryId,
    });
    return { caseId };
  });
}

type Needs = Pick<Context, 'documents' | 'now'>;
