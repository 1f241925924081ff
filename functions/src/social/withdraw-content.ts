import { contentAt } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { eraseAll } from '../platform/erasure.ts';
import { distributeContent } from './distribute-content.ts';

/** Takes a content out of every feed when followers may not see it any more; what is to be seen stays. */
export async function withdrawContent(ctx: Pick<Context, 'documents'>, contentId: string): Promise<void> {
  const content = await ctx.documents.get(contentAt(contentId));
  if (content?.status === 'published' && content.visibility !== 'private') return;
  await eraseAll(ctx, { collection: 'feed', everywhere: true, where: [['contentId', '==', contentId]] });
}

/** Brings the feeds in line with a content's visibility after it changed, whichever way. */
export async function followVisibility(
  ctx: Pick<Context, 'documents' | 'publish' | 'now'>,
  contentId: string,
): Promise<void> {
  await withdrawContent(ctx, contentId);
  await distributeContent(ctx, contentId);
}
