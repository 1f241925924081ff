import { activityAt, budgetAt, contentAt, likeAt, userAt } from '@playnite/contracts/documents';
import { socialLiked } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { serverTime } from '../platform/documents.ts';
import { type OutgoingEvent, eventOf } from '../platform/publisher.ts';
import { POINTS, chargeIn } from './budget.ts';

/**
 * Brings all that belongs to a like in line with whether it is there: the user's own log and budget. That it took effect is
 * written on the like itself, in the same transaction, so that it is charged and told once. The rules have seen to it that
 * the content could be seen when it was liked; what has changed since then takes no like away.
 */
export async function reconcileLike(
  ctx: Needs,
  { contentId, likerUid }: { contentId: string; likerUid: string },
): Promise<void> {
  // Not in the transaction: everybody who likes a content at one moment would wait for its one document.
  const [content, liker] = await Promise.all([
    ctx.documents.get(contentAt(contentId)),
    ctx.documents.get(userAt(likerUid)),
  ]);
  const likeRef = likeAt(contentId, likerUid);
  const activityRef = activityAt(likerUid, `like~${contentId}`);
  const events = await ctx.documents.transact(async (tx): Promise<OutgoingEvent[]> => {
    const [like, activity] = await Promise.all([tx.get(likeRef), tx.get(activityRef)]);
    const now = ctx.now();
    if (!like) {
      if (!activity) return [];
      if (liker) {
        const present = await tx.get(budgetAt(likerUid));
        chargeIn(tx, likerUid, { present, price: { points: POINTS.delete, always: true }, now });
      }
      tx.delete(activityRef);
      return [];
    }
    if (!content || !liker) {
      tx.delete(likeRef);
      if (activity) tx.delete(activityRef);
      return [];
    }
    const { ownerId } = content;
    const at = like.createdAt.toDate();
    if (!like.takenAt) {
      const present = await tx.get(budgetAt(likerUid));
      const refused = chargeIn(tx, likerUid, { present, price: { points: POINTS.create }, now });
      if (refused) {
        tx.delete(likeRef);
        return [refused];
      }
      tx.update(likeRef, { userId: likerUid, ownerId, takenAt: serverTime });
      tx.set(activityRef, { type: 'like', actorId: likerUid, subject: `content/${contentId}`, at });
    }
    const cause = `${contentId} ${likerUid} ${at.toISOString()}`;
    return [eventOf(socialLiked, { cause, at, data: { contentId, ownerId, likerUid } })];
  });
  await ctx.publish(events);
}

type Needs = Pick<Context, 'documents' | 'publish' | 'now'>;
