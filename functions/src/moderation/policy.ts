import {
  type Evidence,
  type ModerationPolicy,
  type Scores,
  activePolicyRef,
  moderationPolicyAt,
} from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';

/** Above every score: the label never decides so far. */
const NEVER = 1.1;

/**
 * The policy in force as long as no other has been adopted. The image thresholds are cautious: the classifier rejects by itself
 * only what it is all but certain of, since painted dunes, which have no more than the colour of skin, come to 0.73.
 */
export const DEFAULT_POLICY: ModerationPolicy = {
  version: 1,
  labels: {
    'image-explicit': { review: 0.85, reject: 0.98 },
    'image-suggestive': { review: 0.85, reject: NEVER },
    'image-violence': { review: 0.6, reject: 0.97 },
    'text-profanity': { review: 0.6, reject: NEVER },
    'text-sexual': { review: 0.6, reject: NEVER },
    'text-hate': { review: 0.5, reject: 0.9 },
    'text-violence': { review: 0.5, reject: NEVER },
    'text-self-harm': { review: 0.5, reject: NEVER },
    'text-spam': { review: 0.8, reject: NEVER },
  },
  reports: { holdWeight: 2, holdTrusted: 3 },
};

/** The policy in force. */
export async function readPolicy(ctx: Pick<Context, 'documents'>): Promise<ModerationPolicy> {
  const active = await ctx.documents.get(activePolicyRef);
  if (!active || active.version === DEFAULT_POLICY.version) return DEFAULT_POLICY;
  return (await ctx.documents.get(moderationPolicyAt(active.version))) ?? DEFAULT_POLICY;
}

export interface Judgement {
  verdict: 'approved' | 'review' | 'rejected';
  /** The labels that led to it, the strongest first. */
  labels: string[];
}

/** What a policy says of scores: the strictest that any label calls for. A label that it does not know calls for nothing. */
export function judge(policy: ModerationPolicy, scores: Scores): Judgement {
  const reached = (threshold: 'review' | 'reject') =>
    Object.entries(scores)
      .filter(([label, score]) => score >= (policy.labels[label]?.[threshold] ?? NEVER))
      .toSorted(([, a], [, b]) => b - a)
      .map(([label]) => label);
  const rejecting = reached('reject');
  if (rejecting.length > 0) return { verdict: 'rejected', labels: rejecting };
  const doubtful = reached('review');
  return doubtful.length > 0 ? { verdict: 'review', labels: doubtful } : { verdict: 'approved', labels: [] };
}

/** How near the scores come to what the policy would have a person look at: 1 is at the threshold. */
export function nearness(policy: ModerationPolicy, scores: Scores): number {
  const shares = Object.entries(scores).map(([label, score]) => {
    const review = policy.labels[label]?.review ?? Infinity;
    return review > 0 ? score / review : 1;
  });
  return Math.max(0, ...shares);
}

/** The strongest evidence first, and no more than a case holds. */
export const strongest = (evidence: readonly Evidence[], most: number): Evidence[] =>
  evidence.toSorted((a, b) => (b.score ?? 0) - (a.score ?? 0)).slice(0, most);
