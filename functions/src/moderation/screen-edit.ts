import { contentAt, moderationSubjectAt } from '@playnite/contracts/documents';
import { moderationEditCleared } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { eventOf } from '../platform/publisher.ts';
import { holdForReview } from './cases.ts';
import { judge, readPolicy } from './policy.ts';
import { screenWords } from './screen-words.ts';

/**
 * Screens the words of an edited content. Clean ones are cleared, and only then does the live stream hear of the edit;
 * any others hold the content until a person has looked.
 */
export async function screenEdit(ctx: Needs, contentId: string): Promise<void> {
  const policy = await readPolicy(ctx);
  const cleared = await ctx.documents.transact(async (tx) => {
    const subject = `content/${contentId}`;
    const [content, present] = await Promise.all([tx.get(contentAt(contentId)), tx.get(moderationSubjectAt(subject))]);
    if (content?.status !== 'published' || (present && present.standing !== 'clear')) return undefined;
    const { title, caption, tags, ownerId, updatedAt } = content;
    const { scores, evidence } = screenWords({ title, caption, tags: tags.join('\n') });
    const { verdict, labels } = judge(policy, scores);
    if (verdict === 'approved')
      return { version: `${title}\n${caption}\n${tags.join()}\n${content.visibility}`, updatedAt };
    const caseId = `screening-${contentId}-${(present?.seq ?? 0) + 1}`;
    holdForReview(tx, ctx, caseId, present, {
      subject,
      ownerId,
      source: 'screening',
      scores,
      evidence,
      policyVersion: policy.version,
      priority: Math.max(0, ...Object.values(scores)),
      by: 'screening',
      reason: `Edited into something doubtful: ${labels.join(', ')}.`,
    });
    return undefined;
  });
  if (!cleared) return;
  await ctx.publish([
    eventOf(moderationEditCleared, {
      cause: `${contentId} ${cleared.updatedAt.toMillis()} ${cleared.version}`,
      at: ctx.now(),
      data: { contentId },
    }),
  ]);
}

type Needs = Pick<Context, 'documents' | 'publish' | 'now'>;
