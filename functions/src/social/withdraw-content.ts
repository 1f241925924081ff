import { contentAt, repost } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { eraseAll } from '../platform/erasure.ts';
import { distributeContent } from './distribute-content.ts';

/** Reposts of a content that one run looks through at a time. */
const REPOST_PAGE = 300;

/** Takes a content out of every feed when followers may not see it any more; what is to be seen stays. */
export async function withdrawContent(ctx: Pick<Needs, 'documents'>, contentId: string): Promise<void> {
  const content = await ctx.documents.get(contentAt(contentId));
  if (content?.status === 'published' && content.visibility !== 'private') return;
  await eraseAll(ctx, { collection: 'feed', everywhere: true, where: [['contentId', '==', contentId]] });
}

/** Brings the feeds in line with a content's visibility after it changed, whichever way. */
export async function followVisibility(ctx: Needs, contentId: string, cause: string): Promise<void> {
  await withdrawContent(ctx, contentId);
  await withdrawFromStrangers(ctx, contentId);
  await distributeContent(ctx, contentId, cause);
}

/** Takes what is for followers only out of the feeds of those who have it by a mention or a repost. Who follows gets it again. */
async function withdrawFromStrangers(ctx: Pick<Needs, 'documents'>, contentId: string): Promise<void> {
  const content = await ctx.documents.get(contentAt(contentId));
  if (content?.status !== 'published' || content.visibility !== 'followers') return;
  await eraseAll(ctx, {
    collection: 'feed',
    everywhere: true,
    where: [
      ['contentId', '==', contentId],
      ['reason', '==', 'mention'],
    ],
  });
  for (let after: string | undefined; ;) {
    const page = await ctx.documents.list({
      collection: 'reposts',
      shape: repost,
      where: [['contentId', '==', contentId]],
      ...(after === undefined ? {} : { after }),
      limit: REPOST_PAGE,
    });
    for (const { data } of page) {
      await eraseAll(ctx, {
        collection: 'feed',
        everywhere: true,
        where: [
          ['contentId', '==', contentId],
          ['repostedBy', '==', data.userId],
        ],
      });
    }
    after = page.at(-1)?.id;
    if (page.length < REPOST_PAGE) return;
  }
}

type Needs = Pick<Context, 'documents' | 'publish' | 'enqueue' | 'now'>;
