import { content, feedAuthorAt, feedItemAt, followerAt } from '@playnite/contracts/documents';
import { z } from 'zod';
import type { Context } from '../platform/context.ts';
import { type QueueDefinition, taskOf } from '../platform/task-queues.ts';
import { setPulled } from './feed-rebuild.ts';
import { fieldsOf, withdrawGone, withdrawRows } from './feed-rows.ts';
import type { Pair } from './reconcile-follow.ts';

/** Contents of somebody newly followed that go into the feed. */
const BACK_FILLED = 20;
/** Follows and unfollows of one pair that may come while it is worked on; each of them comes here by its own event as well. */
const CHANGES_MAX = 3;
/** A page of a fan-out that read the list of followers before somebody left it has been written by then. */
const LATE_PAGE_MS = 60_000;

const later = z.object({ followerUid: z.string(), targetUid: z.string() });
export const withdrawLaterQueue: QueueDefinition<z.infer<typeof later>> = {
  functionName: 'social-withdrawLater',
  data: later,
};

/** Brings a reader's feed in line with whether they follow somebody: their newest contents are in it, or none is. */
export async function reconcileFeed(ctx: Needs, pair: Pair): Promise<void> {
  const { followerUid, targetUid } = pair;
  const follows = async () => (await ctx.documents.get(followerAt(targetUid, followerUid))) !== undefined;
  let stands = await follows();
  for (let change = 0; change < CHANGES_MAX; change += 1) {
    await (stands ? backFill(ctx, pair) : withdrawFollowed(ctx, pair));
    // It may have been undone meanwhile, and what that took away was not there yet.
    const now = await follows();
    if (now === stands) return;
    stands = now;
  }
}

/** Somebody is no longer followed: what is in the feed goes, and once more what a fan-out that was under way puts there. */
export async function withdrawUnfollowed(
  ctx: Needs & Pick<Context, 'enqueue'>,
  pair: Pair,
  cause: string,
): Promise<void> {
  await reconcileFeed(ctx, pair);
  const notBefore = new Date(ctx.now().getTime() + LATE_PAGE_MS);
  await ctx.enqueue([taskOf(withdrawLaterQueue, { id: cause, data: { ...pair }, notBefore })]);
}

async function backFill(ctx: Needs, { followerUid, targetUid }: Pair): Promise<void> {
  if (await ctx.documents.get(feedAuthorAt(targetUid))) {
    await setPulled(ctx, followerUid, targetUid, true);
    return;
  }
  const newest = await ctx.documents.list({
    collection: 'content',
    shape: content,
    where: [
      ['ownerId', '==', targetUid],
      ['status', '==', 'published'],
      ['visibility', 'in', ['public', 'followers']],
    ],
    orderBy: 'publishedAt',
    descending: true,
    limit: BACK_FILLED,
  });
  await ctx.documents.setAll(
    newest.map(({ id, data: { ownerId, publishedAt, mentions } }) => {
      const reason = mentions.includes(followerUid) ? 'mention' : 'following';
      const row = { contentId: id, ownerId, at: publishedAt.toMillis(), reason } as const;
      return [feedItemAt(followerUid, id), fieldsOf(row, ctx.now())];
    }),
  );
  const contentIds = newest.map(({ id }) => id);
  await withdrawGone(ctx, [followerUid], contentIds);
}

async function withdrawFollowed(ctx: Needs, { followerUid, targetUid }: Pair): Promise<void> {
  await setPulled(ctx, followerUid, targetUid, false);
  await withdrawRows(ctx, followerUid, [['repostedBy', '==', targetUid]], targetUid);
  // What mentions the reader stays.
  await withdrawRows(
    ctx,
    followerUid,
    [
      ['ownerId', '==', targetUid],
      ['reason', '==', 'following'],
    ],
    targetUid,
  );
}

type Needs = Pick<Context, 'documents' | 'now'>;
