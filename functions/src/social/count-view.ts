import { contentAt, userAt, viewAt } from '@playnite/contracts/documents';
import { CONTENT_VIEWED, type analyticsTracked, contentViewedProperties } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { notErased } from '../platform/erasure.ts';
import { mayRead } from './feed.ts';

/**
 * Writes down whose contents an app says that its user has looked at: one view for each person and content, by those who may see
 * the content at this moment and have a profile, the owner apart. The number follows by the trigger of what is written.
 *
 * An erasure may pass while this is under way. It leaves its tombstone before it looks for views, so whichever comes second,
 * the look for tombstones here or the one for views there, finds what the other has left; one that had been written before
 * a crash is looked after when the event comes again.
 */
export async function countViews(ctx: Needs, { uid, events }: Tracked): Promise<void> {
  const viewedAt = firstViews(events);
  if (viewedAt.size === 0) return;
  const contentIds = [...viewedAt.keys()];
  const [viewer, views] = await Promise.all([
    ctx.documents.get(userAt(uid)),
    ctx.documents.getAll(contentIds.map((contentId) => viewAt(contentId, uid))),
  ]);
  const unseen = viewer ? contentIds.filter((_, index) => views[index] === undefined) : [];
  const counting = await readableBy(ctx, uid, unseen);
  await ctx.documents.createMissing(
    counting.map((contentId) => [viewAt(contentId, uid), { userId: uid, viewedAt: viewedAt.get(contentId) }]),
  );
  const [contentsLeft, viewerLeft] = await Promise.all([
    notErased(ctx, 'content', contentIds),
    notErased(ctx, 'account', [uid]),
  ]);
  const stays = new Set(viewerLeft.length > 0 ? contentsLeft : []);
  const gone = contentIds.filter((contentId) => !stays.has(contentId));
  await ctx.documents.deleteAll(gone.map((contentId) => viewAt(contentId, uid).path));
}

/** When each content was looked at first. */
function firstViews(events: Tracked['events']): Map<string, Date> {
  const first = new Map<string, Date>();
  for (const { name, at, properties } of events) {
    if (name !== CONTENT_VIEWED) continue;
    const { contentId } = contentViewedProperties.parse(properties);
    const [known, viewedAt] = [first.get(contentId), new Date(at)];
    if (!known || viewedAt < known) first.set(contentId, viewedAt);
  }
  return first;
}

/** Of some contents, those that are somebody else's and that a person may see. */
async function readableBy(ctx: Needs, uid: string, contentIds: readonly string[]): Promise<string[]> {
  const contents = await ctx.documents.getAll(contentIds.map((contentId) => contentAt(contentId)));
  const may = await Promise.all(
    contents.map(async (content) => content !== undefined && content.ownerId !== uid && mayRead(ctx, uid, content)),
  );
  return contentIds.filter((_, index) => may[index]);
}

type Tracked = ReturnType<(typeof analyticsTracked)['data']['parse']>;
type Needs = Pick<Context, 'documents'>;
