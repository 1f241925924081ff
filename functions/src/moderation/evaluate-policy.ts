import {
  type ModerationCase,
  type ModerationPolicy,
  activePolicyRef,
  moderationCase,
  moderationPolicyAt,
} from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { Refusal } from '../platform/errors.ts';
import { DEFAULT_POLICY, judge, readPolicy } from './policy.ts';

/** The newest decided cases that a report looks at. */
const CASES_MAX = 2000;
/** Decisions that a proposal needs; with fewer the threshold stays. */
const SUPPORT_MIN = 20;
/** Share of violations above a threshold: half is worth a person's time, and nearly all must be before nobody looks. */
const PRECISION = { review: 0.5, reject: 0.98 } as const;

/** A case as the evaluation sees it. */
export interface Outcome {
  scores: ModerationCase['scores'];
  violation: boolean;
}

export interface LabelReport {
  label: string;
  /** Decided cases in which the label had reached its review threshold, and the share of them that were violations. */
  decided: number;
  precision: number | null;
  thresholds: { review: number; reject: number };
  /** What the decisions so far speak for. */
  proposed: { review: number; reject: number };
}

/** How a policy would have done on past decisions. */
export interface PolicyReport {
  cases: number;
  /** Violations that it would have let through, and harmless things that it would have refused by itself. */
  missed: number;
  wronglyRejected: number;
  /** What it would have had a person look at. */
  reviewed: number;
}

/** Scores a policy against past decisions; a pure function. */
export function evaluate(policy: ModerationPolicy, outcomes: readonly Outcome[]): PolicyReport {
  const judged = outcomes.map(({ scores, violation }) => ({ violation, verdict: judge(policy, scores).verdict }));
  const count = (wanted: (each: (typeof judged)[number]) => boolean) => judged.filter(wanted).length;
  return {
    cases: outcomes.length,
    missed: count(({ violation, verdict }) => violation && verdict === 'approved'),
    wronglyRejected: count(({ violation, verdict }) => !violation && verdict === 'rejected'),
    reviewed: count(({ verdict }) => verdict === 'review'),
  };
}

/** The precision of each label of a policy, and the thresholds that past decisions speak for; a pure function. */
export function reportLabels(policy: ModerationPolicy, outcomes: readonly Outcome[]): LabelReport[] {
  return Object.entries(policy.labels).map(([label, thresholds]) => {
    const scored = outcomes
      .flatMap(({ scores, violation }) => {
        const score = scores[label];
        return score === undefined ? [] : [{ score, violation }];
      })
      .toSorted((a, b) => b.score - a.score);
    const above = scored.filter(({ score }) => score >= thresholds.review);
    const violations = above.filter(({ violation }) => violation).length;
    return {
      label,
      decided: above.length,
      precision: above.length > 0 ? violations / above.length : null,
      thresholds,
      proposed: {
        review: propose(scored, PRECISION.review) ?? thresholds.review,
        reject: propose(scored, PRECISION.reject) ?? thresholds.reject,
      },
    };
  });
}

/** The lowest score down to which the wanted share were violations. */
function propose(scored: readonly { score: number; violation: boolean }[], precision: number): number | undefined {
  let violations = 0;
  let lowest: number | undefined;
  for (const [index, { score, violation }] of scored.entries()) {
    if (violation) violations += 1;
    // Equal scores fall on the same side of a threshold, so only the last of them can be one.
    if (scored[index + 1]?.score === score) continue;
    if (index + 1 >= SUPPORT_MIN && violations / (index + 1) >= precision) lowest = score;
  }
  return lowest;
}

type ThresholdSet = Pick<ModerationPolicy, 'labels'> & { reports?: ModerationPolicy['reports'] | undefined };

/** The policy in force against past decisions, and another one beside it, before it is adopted. */
export async function evaluatePolicy(
  ctx: Needs,
  shadow: ThresholdSet | undefined,
): Promise<{ policy: PolicyReport & { version: number }; labels: LabelReport[]; shadow?: PolicyReport }> {
  const [policy, cases] = await Promise.all([
    readPolicy(ctx),
    ctx.documents.list({
      collection: 'moderationCases',
      shape: moderationCase,
      where: [['status', '==', 'decided']],
      orderBy: 'updatedAt',
      descending: true,
      limit: CASES_MAX,
    }),
  ]);
  const outcomes = cases.flatMap(({ data: { source, scores, decision } }) =>
    decision && source !== 'appeal'
      ? [{ scores, violation: decision.decision === 'reject' || decision.decision === 'remove' }]
      : [],
  );
  return {
    policy: { version: policy.version, ...evaluate(policy, outcomes) },
    labels: reportLabels(policy, outcomes),
    ...(shadow ? { shadow: evaluate({ ...policy, labels: shadow.labels }, outcomes) } : {}),
  };
}

/**
 * Puts another policy in force. Versions are only ever added, so that each decision names the one it was made under.
 *
 * @throws {Refusal} `outdated-policy` when it was made from another version than the one in force
 */
export async function adoptPolicy(
  ctx: Needs,
  { basedOn, labels, reports }: ThresholdSet & { basedOn: number },
): Promise<{ version: number }> {
  return ctx.documents.transact(async (tx) => {
    const active = (await tx.get(activePolicyRef)) ?? { version: DEFAULT_POLICY.version };
    if (active.version !== basedOn) {
      throw new Refusal('failed-precondition', 'outdated-policy', `Version ${active.version} is in force.`);
    }
    const former = (await tx.get(moderationPolicyAt(active.version)))?.reports ?? DEFAULT_POLICY.reports;
    const version = active.version + 1;
    tx.create(moderationPolicyAt(version), { labels, reports: reports ?? former, version });
    tx.set(activePolicyRef, { version });
    return { version };
  });
}

type Needs = Pick<Context, 'documents'>;
