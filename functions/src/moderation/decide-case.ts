import {
  ERASED_OWNER,
  type ModerationAction,
  type ModerationCase,
  type ModerationDecision,
  type ModerationSubject,
  accountStandingAt,
  bannedHashAt,
  contentAt,
  deletionAt,
  deletionId,
  moderationCaseAt,
  moderationSubjectAt,
  screeningAt,
} from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { type Transaction, absent, serverTime } from '../platform/documents.ts';
import { Refusal } from '../platform/errors.ts';
import type { Caller } from '../platform/on-call.ts';
import { fingerprintAt } from './fingerprints.ts';
import { appendEntry, isAdverse, standingAfter } from './log.ts';
import { withStrike, withoutStrike } from './strikes.ts';

/** How long a case is a moderator's own. */
const CLAIM_MS = 10 * 60_000;
/** Lines of history kept on a case; the whole story is in the log. */
const HISTORY_MAX = 50;

const CLEARING: readonly ModerationDecision[] = ['approve', 'restore'];

/** `uploads/x`, or `content/x` and what is below it. */
export function parseSubject(
  subject: string,
): { root: 'uploads' | 'content'; contentId: string; whole: boolean } | undefined {
  const [root, contentId, ...rest] = subject.split('/');
  if ((root !== 'uploads' && root !== 'content') || !contentId) return undefined;
  return { root, contentId, whole: rest.length === 0 };
}

/**
 * What a decision does to a subject as it stands; undefined when that is how it stands already.
 *
 * An upload that waits, or was rejected, is approved or rejected; what is published is let be, let go, removed or
 * restored; an appeal restores, or upholds what was decided.
 */
export function actionOf(
  { source, decision }: Pick<ModerationCase, 'source' | 'decision'>,
  root: 'uploads' | 'content',
  present: Pick<ModerationSubject, 'standing' | 'adverse'> | undefined,
  wanted: ModerationDecision,
): ModerationAction | undefined {
  const clears = CLEARING.includes(wanted);
  const standing = present?.standing ?? 'clear';
  if (clears && standing === 'removed') return 'restore';
  if (source === 'appeal' && !clears && standing === 'removed') return decision ? undefined : 'uphold';
  if (clears) {
    if (standing === 'held') return root === 'uploads' ? 'approve' : 'release';
    return decision ? undefined : 'approve';
  }
  if (standing === 'removed') return undefined;
  return root === 'uploads' ? 'reject' : 'remove';
}

const ownCase = () => new Refusal('permission-denied', 'own-case', 'Nobody judges their own case.');

/** Sees to it that a moderator may touch a case. */
function admit(found: ModerationCase | undefined, { uid }: Caller, now: Date): ModerationCase {
  if (!found) throw new Refusal('not-found', 'no-such-case', 'There is no such case.');
  if (found.ownerId === uid) throw ownCase();
  if (found.excluded.includes(uid)) {
    throw new Refusal('permission-denied', 'not-impartial', 'Somebody else has to judge this appeal.');
  }
  const { claim } = found;
  if (found.status === 'claimed' && claim && claim.moderatorId !== uid && claim.until.toMillis() > now.getTime()) {
    throw new Refusal('failed-precondition', 'claimed-by-another', 'Another moderator is at this case.');
  }
  return found;
}

const line = (found: ModerationCase, what: string, by: string, at: Date) =>
  [...found.history, { what, by, at }].slice(-HISTORY_MAX);

/**
 * Makes a case a moderator's own for ten minutes; claiming it again prolongs that.
 *
 * @throws {Refusal} `no-such-case`, `own-case`, `not-impartial`, `claimed-by-another`, `already-decided`
 */
export async function claimCase(ctx: Needs, caseId: string, caller: Caller): Promise<{ until: string }> {
  return ctx.documents.transact(async (tx) => {
    const now = ctx.now();
    const found = admit(await tx.get(moderationCaseAt(caseId)), caller, now);
    if (found.status === 'decided') {
      throw new Refusal('failed-precondition', 'already-decided', 'This case has been decided.');
    }
    const until = new Date(now.getTime() + CLAIM_MS);
    tx.update(moderationCaseAt(caseId), {
      status: 'claimed',
      claim: { moderatorId: caller.uid, until },
      history: line(found, 'claimed', caller.uid, now),
      updatedAt: serverTime,
    });
    return { until: until.toISOString() };
  });
}

/** What came of a decision. */
export interface Decided {
  caseId: string;
  subject: string;
  action: ModerationAction | 'none';
  entryId?: string;
}

/**
 * Decides a case, or decides it anew: what was removed can be restored, and removed again. Everything that follows,
 * from the ban on the bytes to the strike on the account, is written in one transaction with the log entry, and taken
 * back by its inverse. The same decision by the same moderator again changes nothing.
 *
 * @throws {Refusal} `no-such-case`, `own-case`, `not-impartial`, `claimed-by-another`, `already-decided`
 */
export async function decideCase(
  ctx: Needs,
  { caseId, decision, reason }: { caseId: string; decision: ModerationDecision; reason: string },
  caller: Caller,
): Promise<Decided> {
  return ctx.documents.transact(async (tx) => {
    const now = ctx.now();
    const found = admit(await tx.get(moderationCaseAt(caseId)), caller, now);
    const parsed = parseSubject(found.subject);
    const published = parsed?.whole ? await tx.get(contentAt(parsed.contentId)) : undefined;
    // An upload that was approved is a content by now, and that is what a later decision is about.
    const subject = parsed?.root === 'uploads' && published ? `content/${parsed.contentId}` : found.subject;
    const root = subject.startsWith('uploads/') ? 'uploads' : 'content';
    const present = await tx.get(moderationSubjectAt(subject));
    const ownerId = await ownerOf(tx, found, present);
    if (ownerId === caller.uid) throw ownCase();
    const action = actionOf(found, root, present, decision);
    if (!action) {
      const isSame = found.decision?.decision === decision && found.decision.moderatorId === caller.uid;
      if (isSame) return { caseId, subject, action: 'none' };
      throw new Refusal('failed-precondition', 'already-decided', 'That is how the case has been decided.');
    }
    const effects = await readEffects(tx, ownerId, parsed);
    const { scores, policyVersion } = found;
    const actor = { kind: 'moderator' as const, id: caller.uid };
    const entry = appendEntry(
      tx,
      ctx,
      ownerId,
      present,
      { subject, action, actor, reason, scores, policyVersion, caseId },
      { openCaseId: absent, reports: absent },
    );
    writeEffects(tx, effects, { action, reason, entryId: entry.id, undoes: present?.adverse?.entryId, ownerId, now });
    tx.update(moderationCaseAt(caseId), {
      status: 'decided',
      claim: absent,
      decision: { decision, moderatorId: caller.uid, reason, at: now },
      history: line(found, decision, caller.uid, now),
      updatedAt: serverTime,
    });
    return { caseId, subject, action, entryId: entry.id };
  });
}

/**
 * Whom a decision is about. A case about an erased content names nobody any more, but its subject does: what the owner was struck
 * for can still be taken back. An account on its way out is nobody.
 */
async function ownerOf(
  tx: Transaction,
  found: ModerationCase,
  present: ModerationSubject | undefined,
): Promise<string> {
  const named = found.ownerId === ERASED_OWNER ? (present?.ownerId ?? ERASED_OWNER) : found.ownerId;
  if (named === ERASED_OWNER) return ERASED_OWNER;
  return (await tx.get(deletionAt(deletionId('account', named)))) ? ERASED_OWNER : named;
}

/** The documents that a decision changes besides the case: read before anything is written. */
async function readEffects(tx: Transaction, ownerId: string, parsed: ReturnType<typeof parseSubject>) {
  const contentId = parsed?.whole ? parsed.contentId : undefined;
  const [account, screening, fingerprint] = await Promise.all([
    ownerId === ERASED_OWNER ? undefined : tx.get(accountStandingAt(ownerId)),
    contentId === undefined ? undefined : tx.get(screeningAt(contentId)),
    contentId === undefined ? undefined : tx.get(fingerprintAt(contentId)),
  ]);
  const ban = screening && (await tx.get(bannedHashAt(screening.sha256)));
  return { contentId, root: parsed?.root, account, screening, fingerprint, ban };
}

interface Made {
  action: ModerationAction;
  reason: string;
  entryId: string;
  /** The entry that this one takes back. */
  undoes: string | undefined;
  ownerId: string;
  now: Date;
}

function writeEffects(tx: Transaction, effects: Awaited<ReturnType<typeof readEffects>>, made: Made): void {
  const { contentId, account, screening, fingerprint, ban } = effects;
  const { action, entryId, undoes, ownerId, now } = made;
  if (ownerId !== ERASED_OWNER) {
    if (isAdverse(action)) tx.set(accountStandingAt(ownerId), withStrike(account, entryId, now));
    else if (undoes !== undefined && standingAfter(action) === 'clear') {
      tx.set(accountStandingAt(ownerId), withoutStrike(account, undoes, now));
    }
  }
  if (contentId === undefined || !screening || action === 'uphold') return;
  const removes = isAdverse(action);
  if (removes && !ban) tx.create(bannedHashAt(screening.sha256), { contentId, entryId, at: serverTime });
  if (!removes && ban?.contentId === contentId) tx.delete(bannedHashAt(screening.sha256));
  if (fingerprint) {
    tx.update(fingerprintAt(contentId), {
      state: removes ? 'banned' : effects.root === 'content' ? 'published' : 'pending',
    });
  }
  tx.update(screeningAt(contentId), {
    verdict: removes ? 'rejected' : 'approved',
    rejection: removes ? { code: 'policy-violation', message: made.reason } : absent,
    updatedAt: serverTime,
  });
}

type Needs = Pick<Context, 'documents' | 'now'>;
