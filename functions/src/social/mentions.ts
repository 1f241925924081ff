import { type Content, blockAt, contentAt, followerAt, handleAt } from '@playnite/contracts/documents';
import { socialMentioned } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { eventOf } from '../platform/publisher.ts';
import { mentionedHandles, reachable } from './plan-mentions.ts';

/** The people whom texts mention and reach: see {@link reachable}. */
export async function resolveMentions(
  ctx: Pick<Context, 'documents'>,
  texts: readonly string[],
  { authorId, ownerId, visibility }: Pick<Content, 'ownerId' | 'visibility'> & { authorId: string },
): Promise<string[]> {
  const handles = await ctx.documents.getAll(mentionedHandles(...texts).map(handleAt));
  const uids = [...new Set(handles.flatMap((handle) => handle?.uid ?? []))].filter((uid) => uid !== authorId);
  if (uids.length === 0) return [];
  const [blocks, followers] = await Promise.all([
    ctx.documents.getAll(uids.flatMap((uid) => [blockAt(uid, authorId), blockAt(authorId, uid)])),
    visibility === 'followers' ? ctx.documents.getAll(uids.map((uid) => followerAt(ownerId, uid))) : [],
  ]);
  const candidates = uids.map((uid, nth) => ({
    uid,
    blocked: blocks[2 * nth] !== undefined || blocks[2 * nth + 1] !== undefined,
    follows: followers[nth] !== undefined,
  }));
  return reachable(candidates, { authorId, ownerId, visibility });
}

/**
 * Brings `mentions` of a content in line with its title and caption, and tells of them. Whoever was told before is not told
 * again: the notification has an id of its own.
 */
export async function mentionInContent(ctx: Needs, contentId: string): Promise<void> {
  const before = await ctx.documents.get(contentAt(contentId));
  if (before?.status !== 'published') return;
  const { ownerId, title, caption, visibility } = before;
  const uids = await resolveMentions(ctx, [title, caption], { authorId: ownerId, ownerId, visibility });
  const isCurrent = await ctx.documents.transact(async (tx) => {
    const present = await tx.get(contentAt(contentId));
    // Other words are other news.
    if (present?.status !== 'published' || present.title !== title || present.caption !== caption) return false;
    if (present.mentions.join() !== uids.join()) tx.update(contentAt(contentId), { mentions: uids });
    return true;
  });
  if (!isCurrent || uids.length === 0) return;
  const cause = `${contentId} ${uids.join()}`;
  await ctx.publish([eventOf(socialMentioned, { cause, at: ctx.now(), data: { contentId, byUid: ownerId, uids } })]);
}

type Needs = Pick<Context, 'documents' | 'publish' | 'now'>;
