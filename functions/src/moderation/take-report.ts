import {
  type DocumentRef,
  type Evidence,
  type ModerationPolicy,
  type ModerationSubject,
  type Report,
  type Scores,
  EVIDENCE_MAX,
  contentAt,
  deletionAt,
  deletionId,
  moderationCaseAt,
  moderationSubjectAt,
  reportAt,
  screeningAt,
  subjectKey,
  timestamp,
  userAt,
} from '@playnite/contracts/documents';
import { z } from 'zod';
import type { Context } from '../platform/context.ts';
import { type Transaction, serverTime } from '../platform/documents.ts';
import { isLeaving, openCase } from './cases.ts';
import { parseSubject } from './decide-case.ts';
import { appendEntry } from './log.ts';
import { nearness, readPolicy } from './policy.ts';

/** Reports of one account in one day that count. */
const REPORTS_PER_DAY = 50;
/** Upheld reports from which on a reporter has a record. */
const TRUSTED_FROM = 3;
/** What all reporters without a record may weigh together: always less than what holds a content. */
const UNTRUSTED_WEIGHT_MAX = 0.9;
const UNTRUSTED_WEIGHT = 0.1;
/** Reporters that a classifier's doubt needs beside it before the two together hold a content. */
const DOUBT_REPORTERS = 5;
/** How near to a person's threshold the classifier must have been for that. */
const DOUBT_NEARNESS = 0.5;
/** Reporters with a record whose weights are added up: far more than it takes. */
const TRUSTED_READ_MAX = 50;
/** Reasons that a case shows. */
const REASONS_SHOWN = 10;

/** `reporters/{uid}`: how somebody's reports have turned out, and how many came today. */
const reporter = z.object({
  upheld: z.number().int().default(0),
  dismissed: z.number().int().default(0),
  day: z.string().default(''),
  today: z.number().int().default(0),
});
export type Reporter = z.infer<typeof reporter>;
export const reporterAt = (uid: string): DocumentRef<Reporter> => ({ path: `reporters/${uid}`, shape: reporter });

/** `moderationSubjects/{key}/reporters/{uid}`: who has reported a subject; nobody counts twice. */
const ledgerEntry = z.object({
  /** The document's id once more: among the reporters of all subjects only a field can be searched. */
  reporterId: z.string(),
  reportId: z.string(),
  reason: z.string(),
  weight: z.number(),
  trusted: z.boolean(),
  at: timestamp,
});
const ledgerAt = (subject: string, uid: string): DocumentRef<z.infer<typeof ledgerEntry>> => ({
  path: `moderationSubjects/${subjectKey(subject)}/reporters/${uid}`,
  shape: ledgerEntry,
});

export const isTrusted = ({ upheld, dismissed }: Pick<Reporter, 'upheld' | 'dismissed'>): boolean =>
  upheld >= TRUSTED_FROM && upheld > dismissed;

/** What a report weighs: Laplace's estimate that the next one is right, or very little for somebody without a record. */
export const weightOf = (record: Pick<Reporter, 'upheld' | 'dismissed'>): number =>
  isTrusted(record) ? (record.upheld + 1) / (record.upheld + record.dismissed + 2) : UNTRUSTED_WEIGHT;

type Tally = NonNullable<ModerationSubject['reports']>;

/** What reports weigh together: those of people with a record in full, all others up to a bound. */
export function tally(count: number, trustedWeights: readonly number[]): Tally {
  // The two are read side by side, so of a storm the trusted may be the newer number.
  const untrusted = Math.max(0, count - trustedWeights.length) * UNTRUSTED_WEIGHT;
  const trusted = trustedWeights.reduce((sum, weight) => sum + weight, 0);
  return { count, weight: trusted + Math.min(UNTRUSTED_WEIGHT_MAX, untrusted), trusted: trustedWeights.length };
}

/**
 * Whether reports alone take a content from view until a person has looked: only when people with a record say so, or a
 * classifier had its doubts too. A crowd of fresh accounts never does.
 */
export const holds = (policy: ModerationPolicy, reports: Tally, classifierNearness: number): boolean =>
  (reports.trusted >= policy.reports.holdTrusted && reports.weight >= policy.reports.holdWeight) ||
  (reports.count >= DOUBT_REPORTERS && classifierNearness >= DOUBT_NEARNESS);

/** Whether a case is told of so many reports: of each of the first, then ever more seldom, so that a storm costs little. */
export const isMilestone = (count: number): boolean => count <= 4 || Number.isInteger(Math.log2(count));

/**
 * Takes a report in. It is counted in documents of its own, one a reporter, so reports of one content do not wait for one
 * another; then whoever sees that something follows from them all opens the case, or holds the content.
 */
export async function takeReport(ctx: Needs, reportId: string): Promise<void> {
  const subject = await countReport(ctx, reportId);
  if (subject !== undefined) await followReports(ctx, subject);
}

/** Counts a report once; returns its subject when there may be something to do about it. */
async function countReport(ctx: Needs, reportId: string): Promise<string | undefined> {
  return ctx.documents.transact(async (tx) => {
    const report = await tx.get(reportAt(reportId));
    if (!report) return undefined;
    const { subject, reporterId, reason } = report;
    // Counted before, but perhaps not followed.
    if (report.status) return report.status === 'open' ? subject : undefined;
    const today = ctx.now().toISOString().slice(0, 10);
    const [record, ledger, ownerId, erased] = await Promise.all([
      tx.get(reporterAt(reporterId)),
      tx.get(ledgerAt(subject, reporterId)),
      ownerOf(tx, subject),
      tx.get(deletionAt(deletionId('account', reporterId))),
    ]);
    // Written while the account was on its way out: whoever erases its reports may have been here before.
    if (erased) {
      tx.delete(reportAt(reportId));
      return undefined;
    }
    const history = reporter.parse(record ?? {});
    const count = history.day === today ? history.today : 0;
    const settle = (status: NonNullable<Report['status']>) => {
      tx.update(reportAt(reportId), { status });
      tx.set(reporterAt(reporterId), { ...history, day: today, today: count + 1 });
      return undefined;
    };
    if (count >= REPORTS_PER_DAY) return settle('over-limit');
    if (ownerId === undefined || ownerId === reporterId) return settle('invalid');
    if (ledger) return settle('repeated');
    settle('open');
    tx.create(ledgerAt(subject, reporterId), {
      reporterId,
      reportId,
      reason,
      weight: weightOf(history),
      trusted: isTrusted(history),
      at: serverTime,
    });
    return subject;
  });
}

async function followReports(ctx: Needs, subject: string): Promise<void> {
  const collection = `moderationSubjects/${subjectKey(subject)}/reporters`;
  const parsed = parseSubject(subject);
  const [policy, present, count, trusted, screening] = await Promise.all([
    readPolicy(ctx),
    ctx.documents.get(moderationSubjectAt(subject)),
    ctx.documents.count({ collection }),
    ctx.documents.list({ collection, shape: ledgerEntry, where: [['trusted', '==', true]], limit: TRUSTED_READ_MAX }),
    parsed?.whole ? ctx.documents.get(screeningAt(parsed.contentId)) : undefined,
  ]);
  const reports = tally(
    count,
    trusted.map(({ data }) => data.weight),
  );
  const scores = screening?.scores ?? {};
  const wantsHold = parsed !== undefined && holds(policy, reports, nearness(policy, scores));
  const isQuiet = present?.openCaseId !== undefined && !isMilestone(count);
  if (isQuiet && !(wantsHold && present?.standing === 'clear')) return;
  const reasons = trusted.map(({ data }) => data.reason);
  await ctx.documents.transact((tx) =>
    writeConsequences(tx, ctx, { subject, policy, reports, scores, wantsHold, reasons }),
  );
}

interface Consequences {
  subject: string;
  policy: ModerationPolicy;
  reports: Tally;
  scores: Scores;
  wantsHold: boolean;
  reasons: readonly string[];
}

async function writeConsequences(
  tx: Transaction,
  ctx: Needs,
  { subject, policy, reports, scores, wantsHold, reasons }: Consequences,
): Promise<void> {
  const [present, ownerId] = await Promise.all([tx.get(moderationSubjectAt(subject)), ownerOf(tx, subject)]);
  if (ownerId === undefined || (await isLeaving(tx, ownerId, parseSubject(subject)?.contentId))) return;
  const openedId = present?.openCaseId;
  const opened = openedId === undefined ? undefined : await tx.get(moderationCaseAt(openedId));
  const priority = Math.min(1, reports.weight / policy.reports.holdWeight);
  const evidence: Evidence = {
    kind: 'report',
    label: `${reports.count} reports, ${reports.trusted} of them by people with a record`,
    score: priority,
    note: reasons.slice(0, REASONS_SHOWN).join(', '),
  };
  let openCaseId: string;
  if (opened && openedId !== undefined && opened.status !== 'decided') {
    openCaseId = openedId;
    tx.update(moderationCaseAt(openedId), {
      evidence: [evidence, ...opened.evidence.filter(({ kind }) => kind !== 'report')].slice(0, EVIDENCE_MAX),
      priority: Math.max(priority, opened.priority),
      updatedAt: serverTime,
    });
  } else {
    openCaseId = `report-${subjectKey(subject)}-${(present?.seq ?? 0) + 1}`;
    openCase(tx, ctx, openCaseId, {
      subject,
      ownerId,
      source: 'report',
      scores,
      evidence: [evidence],
      policyVersion: policy.version,
      priority,
    });
  }
  const standing = present?.standing ?? 'clear';
  if (standing === 'clear' && wantsHold) {
    appendEntry(
      tx,
      ctx,
      ownerId,
      present,
      {
        subject,
        action: 'hold',
        actor: { kind: 'system', id: 'reports' },
        reason: 'Reported by several people; held until somebody has looked at it.',
        scores,
        policyVersion: policy.version,
        caseId: openCaseId,
      },
      { openCaseId, reports },
    );
  } else {
    tx.set(moderationSubjectAt(subject), {
      ...(present ?? { subject, ownerId, standing, seq: 0, head: '' }),
      openCaseId,
      reports,
      updatedAt: serverTime,
    });
  }
}

/** Whom a subject belongs to; undefined when there is no such thing. */
async function ownerOf(tx: Transaction, subject: string): Promise<string | undefined> {
  const [root, id, below, childId, ...rest] = subject.split('/');
  if (!id || rest.length > 0 || subject.includes('~')) return undefined;
  if (root === 'users' && below === undefined) return (await tx.get(userAt(id))) && id;
  if (root !== 'content') return undefined;
  if (below === undefined) return (await tx.get(contentAt(id)))?.ownerId;
  if (below !== 'comments' || !childId) return undefined;
  return (await tx.get(commentAuthorAt(id, childId)))?.authorId;
}

const commentAuthor = z.object({ authorId: z.string() });
const commentAuthorAt = (contentId: string, commentId: string): DocumentRef<z.infer<typeof commentAuthor>> => ({
  path: `content/${contentId}/comments/${commentId}`,
  shape: commentAuthor,
});

type Needs = Pick<Context, 'documents' | 'now'>;
