import { activity, activityAt, contentAt } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';

/** Entries of a user's own log that are kept: the newest. */
const ACTIVITY_MAX = 1_000;
/** Entries dropped from one log in one run. */
const DROPPED_MAX = 300;

/** Brings the entry of an owner's log that says "published" in line with whether the content is. */
export async function logPublished(
  ctx: Pick<Context, 'documents'>,
  { contentId, ownerId }: { contentId: string; ownerId: string },
): Promise<void> {
  const entry = activityAt(ownerId, `publish~${contentId}`);
  await ctx.documents.transact(async (tx) => {
    const [content, present] = await Promise.all([tx.get(contentAt(contentId)), tx.get(entry)]);
    if (content?.status === 'published' && !present) {
      const at = content.publishedAt.toDate();
      tx.set(entry, { type: 'publish', actorId: ownerId, subject: `content/${contentId}`, at });
    } else if (content?.status !== 'published' && present) tx.delete(entry);
  });
}

/** Drops the oldest entries of a log that has grown too long. */
export async function trimActivity(ctx: Pick<Context, 'documents'>, uid: string): Promise<void> {
  const collection = `users/${uid}/activity`;
  const excess = (await ctx.documents.count({ collection })) - ACTIVITY_MAX;
  if (excess <= 0) return;
  const oldest = await ctx.documents.list({
    collection,
    shape: activity,
    orderBy: 'at',
    limit: Math.min(excess, DROPPED_MAX),
  });
  await ctx.documents.deleteAll(oldest.map(({ id }) => activityAt(uid, id).path));
}
