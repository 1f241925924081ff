import { activityAt, blockAt, deletionAt, deletionId } from '@playnite/contracts/documents';
import { socialBlocked } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { eraseAll, inGroups } from '../platform/erasure.ts';
import { eventOf } from '../platform/publisher.ts';
import { withdrawRows } from './feed-rows.ts';
import { reconcileComment } from './reconcile-comment.ts';
import { reconcileFollow } from './reconcile-follow.ts';

/** Comments of the blocked that are taken back in one try, and of these at the same time. */
const COMMENTS_MAX = 5_000;
const COMMENTS_AT_ONCE = 10;

/**
 * Does what a block means: neither follows the other any more, neither has the other's contents in the feed, and what the
 * blocked wrote below the blocker's contents is removed. Taking the block back brings none of it back.
 */
export async function reconcileBlock(
  ctx: Needs,
  { blockerUid, blockedUid }: { blockerUid: string; blockedUid: string },
): Promise<void> {
  const activityRef = activityAt(blockerUid, `block~${blockedUid}`);
  const block = await ctx.documents.transact(async (tx) => {
    const [present, activity, erased] = await Promise.all([
      tx.get(blockAt(blockerUid, blockedUid)),
      tx.get(activityRef),
      tx.get(deletionAt(deletionId('account', blockedUid))),
    ]);
    if (!present && activity) tx.delete(activityRef);
    // The log names nobody who has left, however late the news.
    if (present && !activity && !erased) {
      const [subject, at] = [`users/${blockedUid}`, present.createdAt.toDate()];
      tx.set(activityRef, { type: 'block', actorId: blockerUid, subject, at });
    }
    return present;
  });
  if (!block) return;
  await Promise.all([
    reconcileFollow(ctx, { followerUid: blockerUid, targetUid: blockedUid }),
    reconcileFollow(ctx, { followerUid: blockedUid, targetUid: blockerUid }),
    eraseAll(ctx, { collection: `users/${blockerUid}/feed`, where: [['ownerId', '==', blockedUid]] }),
    eraseAll(ctx, { collection: `users/${blockedUid}/feed`, where: [['ownerId', '==', blockerUid]] }),
    withdrawRows(ctx, blockerUid, [['repostedBy', '==', blockedUid]], blockedUid),
    withdrawRows(ctx, blockedUid, [['repostedBy', '==', blockerUid]], blockerUid),
    withdrawComments(ctx, blockerUid, blockedUid),
  ]);
  const at = block.createdAt.toDate();
  const cause = `${blockerUid} ${blockedUid} ${at.toISOString()}`;
  await ctx.publish([eventOf(socialBlocked, { cause, at, data: { blockerUid, blockedUid } })]);
}

async function withdrawComments(ctx: Needs, ownerId: string, authorId: string): Promise<void> {
  const paths = await ctx.documents.paths({
    collection: 'comments',
    everywhere: true,
    where: [
      ['ownerId', '==', ownerId],
      ['authorId', '==', authorId],
    ],
    limit: COMMENTS_MAX,
  });
  await inGroups(paths, COMMENTS_AT_ONCE, async (path) => {
    const [, contentId = '', , commentId = ''] = path.split('/');
    await reconcileComment(ctx, { contentId, commentId });
  });
}

type Needs = Pick<Context, 'documents' | 'publish' | 'now'>;
