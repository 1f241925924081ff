/**
 * The life of a share. Its maker writes who and where to; a trigger tells this reconciler, which gives it its link. What a
 * share leaves elsewhere, its code and the note of a repost, is found by the share's path, so it can be cleared up when
 * nothing but the path is left.
 */
import {
  type Content,
  type Share,
  activityAt,
  budgetAt,
  contentAt,
  repostAt,
  shareAt,
  shareCodeAt,
  userAt,
} from '@playnite/contracts/documents';
import { socialShareChanged, socialShared, socialUnshared } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { type Transaction, serverTime } from '../platform/documents.ts';
import { eraseAll } from '../platform/erasure.ts';
import type { Announcement, DocumentChange } from '../platform/on-document.ts';
import { type OutgoingEvent, eventOf } from '../platform/publisher.ts';
import { POINTS, chargeIn } from './budget.ts';
import { distributeAs } from './distribute-content.ts';
import { withdrawReposted } from './feed-rows.ts';
import { mayRead } from './feed.ts';
import { rollUpTask } from './roll-up.ts';
import { codeOf, linkOf, shareUrl } from './share-links.ts';

interface ShareId {
  contentId: string;
  shareId: string;
}

/** A share is news when it comes and when it goes; what functions write on it is none. */
export function announceShare({ params, before, after, at, version }: DocumentChange<Share>): Announcement {
  const { contentId, shareId } = params;
  if (!contentId || !shareId || (before && after)) return {};
  const cause = `${contentId} ${shareId} ${version}`;
  const { ownerId, userId, target } = before ?? {};
  const hadTaken = before?.takenAt !== undefined && ownerId !== undefined && userId !== undefined;
  return {
    events: [
      eventOf(socialShareChanged, { cause, at, data: { contentId, shareId } }),
      ...(hadTaken && target !== undefined
        ? [eventOf(socialUnshared, { cause, at, data: { contentId, ownerId, shareId, userId, target } })]
        : []),
    ],
    tasks: [rollUpTask({ subject: `content/${contentId}`, kind: 'shares' }, at)],
  };
}

/** Brings all that belongs to a share in line with whether it is there. */
export async function reconcileShare(ctx: Needs, id: ShareId, cause: string): Promise<void> {
  const share = await ctx.documents.get(shareAt(id.contentId, id.shareId));
  if (!share) return forgetShare(ctx, id, cause);
  const { userId, target } = share;
  const [content, user] = await Promise.all([
    ctx.documents.get(contentAt(id.contentId)),
    ctx.documents.get(userAt(userId)),
  ]);
  const stands =
    content !== undefined &&
    user !== undefined &&
    (await mayRead(ctx, userId, content)) &&
    (target !== 'repost' || content.visibility === 'public');
  const event = await takeShare(ctx, id, content, stands);
  if (!event) return undefined;
  await ctx.publish([event]);
  if (target === 'repost' && stands) await distributeAs(ctx, userId, id.contentId, 'repost', cause);
  return undefined;
}

/** Gives a share its link, once; returns what is to be told. A share that may not be is taken away. */
async function takeShare(
  ctx: Needs,
  { contentId, shareId }: ShareId,
  content: Content | undefined,
  stands: boolean,
): Promise<OutgoingEvent | undefined> {
  const ref = shareAt(contentId, shareId);
  const code = codeOf(contentId, shareId);
  return ctx.documents.transact(async (tx) => {
    const share = await tx.get(ref);
    if (!share) return undefined;
    const { userId, target } = share;
    const at = share.createdAt.toDate();
    const told = (ownerId: string) =>
      eventOf(socialShared, {
        cause: `${contentId} ${shareId} ${at.toISOString()}`,
        at,
        data: { contentId, ownerId, shareId, userId, target },
      });
    if (share.takenAt && share.ownerId !== undefined) return told(share.ownerId);
    if (!content || !stands || (target === 'repost' && (await isRepostedAlready(tx, userId, { contentId, shareId })))) {
      tx.delete(ref);
      return undefined;
    }
    const present = await tx.get(budgetAt(userId));
    const refused = chargeIn(tx, userId, { present, price: { points: POINTS.create }, now: ctx.now() });
    if (refused) {
      tx.delete(ref);
      return refused;
    }
    const { ownerId, title } = content;
    const link = linkOf(ctx.environment.publicUrl, code);
    tx.update(ref, {
      ownerId,
      code,
      url: shareUrl(target, link, title),
      opens: 0,
      reach: 0,
      reachError: 0,
      takenAt: serverTime,
    });
    tx.set(shareCodeAt(code), { contentId, shareId, userId, target, ownerId });
    tx.set(activityOf(userId, { contentId, shareId }), {
      type: 'share',
      actorId: userId,
      subject: `content/${contentId}`,
      at,
    });
    if (target === 'repost') tx.set(repostAt(userId, contentId), { userId, contentId, ownerId, shareId, at });
    return told(ownerId);
  });
}

/** By another share, that is, which is still there: the news that one was taken back may come after the next one. */
async function isRepostedAlready(
  tx: Pick<Transaction, 'get'>,
  userId: string,
  { contentId, shareId }: ShareId,
): Promise<boolean> {
  const repost = await tx.get(repostAt(userId, contentId));
  if (!repost || repost.shareId === shareId) return false;
  return (await tx.get(shareAt(contentId, repost.shareId))) !== undefined;
}

const activityOf = (userId: string, { contentId, shareId }: ShareId) =>
  activityAt(userId, `share~${contentId}~${shareId}`);

/** Clears up after a share that is gone. The code goes last: as long as it is there, the rest can be found. */
async function forgetShare(ctx: Needs, { contentId, shareId }: ShareId, cause: string): Promise<void> {
  const code = codeOf(contentId, shareId);
  const known = await ctx.documents.get(shareCodeAt(code));
  if (!known) return;
  const { userId, target } = known;
  if (target === 'repost') await withdrawRepost(ctx, userId, { contentId, shareId }, cause);
  await eraseAll(ctx, { collection: 'shareReach', where: [['code', '==', code]] });
  const user = await ctx.documents.get(userAt(userId));
  await ctx.documents.transact(async (tx) => {
    const [share, there, present] = await Promise.all([
      tx.get(shareAt(contentId, shareId)),
      tx.get(shareCodeAt(code)),
      tx.get(budgetAt(userId)),
    ]);
    if (share || !there) return;
    tx.delete(shareCodeAt(code));
    tx.delete(activityOf(userId, { contentId, shareId }));
    const price = { points: POINTS.delete, always: true };
    if (user) chargeIn(tx, userId, { present, price, now: ctx.now() });
  });
}

/** Takes a repost out of the feeds, unless the same content has been reposted anew. */
async function withdrawRepost(
  ctx: Needs,
  userId: string,
  { contentId, shareId }: ShareId,
  cause: string,
): Promise<void> {
  const ref = repostAt(userId, contentId);
  const isAnother = await ctx.documents.transact(async (tx) => {
    const repost = await tx.get(ref);
    if (repost?.shareId === shareId) tx.delete(ref);
    return repost !== undefined && repost.shareId !== shareId;
  });
  if (isAnother) return;
  await withdrawReposted(ctx, userId, contentId);
  // Of one that came in between, the rows are gone as well.
  if (await ctx.documents.get(ref)) await distributeAs(ctx, userId, contentId, 'repost', cause);
}

/** Erases what shares leave elsewhere, by whose or of what they are. */
export async function eraseShareTraces(
  ctx: Pick<Context, 'documents'>,
  field: 'userId' | 'ownerId' | 'contentId',
  id: string,
): Promise<number> {
  const erased = await Promise.all(
    ['reposts', 'shareCodes', 'shareReach'].map((collection) =>
      eraseAll(ctx, { collection, where: [[field, '==', id]] }),
    ),
  );
  return erased.reduce((sum, each) => sum + each, 0);
}

type Needs = Pick<Context, 'documents' | 'publish' | 'enqueue' | 'now' | 'environment'>;
