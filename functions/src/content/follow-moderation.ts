import { type Content, contentAt, deletionAt, deletionId, moderationSubjectAt } from '@playnite/contracts/documents';
import { cardOf, contentUpdated } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { serverTime } from '../platform/documents.ts';
import { eventOf } from '../platform/publisher.ts';

const STATUS_OF = { clear: 'published', held: 'held', removed: 'removed' } as const satisfies Record<
  string,
  Content['status']
>;

/** Brings a content's status in line with how it stands with moderation; what its owner deletes stays on its way out. */
export async function followStanding(ctx: Pick<Context, 'documents'>, subject: string): Promise<void> {
  const [root, contentId, ...below] = subject.split('/');
  if (root !== 'content' || !contentId || below.length > 0) return;
  await ctx.documents.transact(async (tx) => {
    const [content, standing, deletion] = await Promise.all([
      tx.get(contentAt(contentId)),
      tx.get(moderationSubjectAt(subject)),
      tx.get(deletionAt(deletionId('content', contentId))),
    ]);
    if (!content || !standing || deletion) return;
    const status = STATUS_OF[standing.standing];
    if (content.status !== status) tx.update(contentAt(contentId), { status, updatedAt: serverTime });
  });
}

/** Shows an edit to those who are watching, once its words have been cleared. */
export async function showEdit(ctx: Pick<Context, 'documents' | 'publish' | 'now'>, contentId: string, cause: string) {
  const content = await ctx.documents.get(contentAt(contentId));
  if (content?.status !== 'published') return;
  await ctx.publish([eventOf(contentUpdated, { cause, at: ctx.now(), data: cardOf(contentId, content) })]);
}
