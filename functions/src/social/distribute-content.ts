import { contentAt, feedItemAt, followEdge, userAt } from '@playnite/contracts/documents';
import { DISTRIBUTION_MAX, cardOf, socialContentDistributed, socialFanOutContinued } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { eventOf } from '../platform/publisher.ts';

/**
 * Puts a content into the feeds of one page of its owner's followers, tells who got it, and hands on to the next
 * page. Each page writes the same rows again when it is repeated, so a fan-out that was cut anywhere goes on from there.
 */
export async function distributeContent(ctx: Needs, contentId: string, after?: string): Promise<void> {
  const content = await ctx.documents.get(contentAt(contentId));
  if (content?.status !== 'published' || content.visibility === 'private') return;
  const { ownerId, publishedAt } = content;
  const followers = await ctx.documents.list({
    collection: `users/${ownerId}/followers`,
    shape: followEdge,
    ...(after === undefined ? {} : { after }),
    limit: DISTRIBUTION_MAX,
  });
  const last = followers.at(-1);
  if (!last) return;

  await ctx.documents.setAll(
    followers.map(({ id }) => [
      feedItemAt(id, contentId),
      { contentId, ownerId, publishedAt: publishedAt.toDate(), reason: 'following' },
    ]),
  );
  // Whoever withdrew the content in between may have looked through the feeds before these rows were there.
  const present = await ctx.documents.get(contentAt(contentId));
  if (present?.status !== 'published' || present.visibility === 'private') {
    await ctx.documents.deleteAll(followers.map(({ id }) => feedItemAt(id, contentId).path));
    return;
  }

  const cause = `${contentId} ${publishedAt.toMillis()} ${after ?? ''}`;
  const at = ctx.now();
  await ctx.publish([
    eventOf(socialContentDistributed, {
      cause,
      at,
      data: { content: cardOf(contentId, content), reason: 'following', uids: followers.map(({ id }) => id) },
    }),
    ...(followers.length < DISTRIBUTION_MAX
      ? []
      : [eventOf(socialFanOutContinued, { cause, at, data: { contentId, after: last.id } })]),
  ]);
}

/** Sets an owner's count of published content to what a count of the documents says. */
export async function recountContent(ctx: Pick<Needs, 'documents'>, ownerId: string): Promise<void> {
  await ctx.documents.transact(async (tx) => {
    const user = await tx.get(userAt(ownerId));
    if (!user) return;
    const published = await tx.count('content', [
      ['ownerId', '==', ownerId],
      ['status', '==', 'published'],
    ]);
    tx.update(userAt(ownerId), { 'counts.content': published });
  });
}

type Needs = Pick<Context, 'documents' | 'publish' | 'now'>;
