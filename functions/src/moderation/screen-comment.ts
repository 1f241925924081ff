import { createHash } from 'node:crypto';
import {
  type CommentVerdict,
  type ModerationSubject,
  commentAt,
  moderationSubjectAt,
} from '@playnite/contracts/documents';
import { moderationCommentScreened } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { eventOf } from '../platform/publisher.ts';
import { holdForReview, isLeaving } from './cases.ts';
import { appendEntry } from './log.ts';
import { judge, readPolicy } from './policy.ts';
import { screenWords } from './screen-words.ts';

interface Written {
  contentId: string;
  commentId: string;
  /** SHA-256, hex, of the words that are to be screened. */
  textHash: string;
}

const VERDICT_OF = {
  clear: 'approved',
  held: 'held',
  removed: 'removed',
} as const satisfies Record<ModerationSubject['standing'], CommentVerdict>;

/**
 * Screens the words of a comment, and answers. Doubtful ones are held until a person has looked, and what no person needs to
 * look at is removed; both show in the standing of the subject, which the answer only repeats. Words that were screened
 * before are not screened again, so that news that comes twice does not undo what a person decided. Of other words than
 * the present ones nothing is said: theirs is other news.
 */
export async function screenComment(ctx: Needs, { contentId, commentId, textHash }: Written): Promise<void> {
  const policy = await readPolicy(ctx);
  const subject = `content/${contentId}/comments/${commentId}`;
  const verdict = await ctx.documents.transact(async (tx): Promise<CommentVerdict | undefined> => {
    const [comment, present] = await Promise.all([
      tx.get(commentAt(contentId, commentId)),
      tx.get(moderationSubjectAt(subject)),
    ]);
    if (!comment || hashOf(comment.text) !== textHash) return undefined;
    const standing = present?.standing ?? 'clear';
    if (standing !== 'clear' || comment.screened === textHash) return VERDICT_OF[standing];
    const { scores, evidence } = screenWords({ text: comment.text });
    const { verdict: judged, labels } = judge(policy, scores);
    if (judged === 'approved') return 'approved';
    const ownerId = comment.authorId;
    if (await isLeaving(tx, ownerId, contentId)) return undefined;
    const about = { subject, scores, policyVersion: policy.version };
    if (judged === 'rejected') {
      const reason = `This is against the rules: ${labels.join(', ')}.`;
      const actor = { kind: 'system' as const, id: 'screening' };
      appendEntry(tx, ctx, ownerId, present, { ...about, action: 'remove', actor, reason });
      return 'removed';
    }
    // Two ids of the longest make more than the id of a case may hold.
    const caseId = `screening-comment-${hashOf(subject).slice(0, 32)}-${(present?.seq ?? 0) + 1}`;
    holdForReview(tx, ctx, caseId, present, {
      ...about,
      ownerId,
      source: 'screening',
      evidence,
      priority: Math.max(0, ...Object.values(scores)),
      by: 'screening',
      reason: `Doubtful: ${labels.join(', ')}.`,
    });
    return 'held';
  });
  if (!verdict) return;
  const cause = `${subject} ${textHash} ${verdict}`;
  await ctx.publish([
    eventOf(moderationCommentScreened, { cause, at: ctx.now(), data: { contentId, commentId, textHash, verdict } }),
  ]);
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

type Needs = Pick<Context, 'documents' | 'publish' | 'now'>;
