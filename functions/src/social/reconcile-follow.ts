import { followerAt, followingAt, userAt } from '@playnite/contracts/documents';
import { socialFollowed } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { plus, serverTime } from '../platform/documents.ts';
import { eventOf } from '../platform/publisher.ts';

/**
 * Brings `users/{target}/followers/{follower}` and both counts in line with `users/{follower}/following/{target}`.
 * The mirrored edge is the ledger: the counts change in the transaction that creates or deletes it, so they change
 * once however often this runs. Announces the follow whenever it stands; its id is that of the edge, so hearing it
 * twice is hearing it once.
 */
export async function reconcileFollow(
  ctx: Needs,
  { followerUid, targetUid }: { followerUid: string; targetUid: string },
): Promise<void> {
  const followedAt = await ctx.documents.transact(async (tx) => {
    const [edge, mirror, follower, target] = await Promise.all([
      tx.get(followingAt(followerUid, targetUid)),
      tx.get(followerAt(targetUid, followerUid)),
      tx.get(userAt(followerUid)),
      tx.get(userAt(targetUid)),
    ]);
    const stands = edge !== undefined && follower !== undefined && target !== undefined;
    if (stands !== (mirror !== undefined)) {
      if (stands) tx.create(followerAt(targetUid, followerUid), { createdAt: serverTime });
      else tx.delete(followerAt(targetUid, followerUid));
      const change = plus(stands ? 1 : -1);
      if (follower) tx.update(userAt(followerUid), { 'counts.following': change });
      if (target) tx.update(userAt(targetUid), { 'counts.followers': change });
    }
    return stands ? edge.createdAt.toDate() : undefined;
  });
  if (!followedAt) return;
  await ctx.publish([
    eventOf(socialFollowed, {
      cause: `${followerUid} ${targetUid} ${followedAt.toISOString()}`,
      at: followedAt,
      data: { followerUid, targetUid },
    }),
  ]);
}

type Needs = Pick<Context, 'documents' | 'publish'>;
