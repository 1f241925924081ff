import {
  type Content,
  blockAt,
  contentAt,
  feedAuthorAt,
  feedItemAt,
  followerAt,
  userAt,
} from '@playnite/contracts/documents';
import { cardOf, socialContentDistributed } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { serverTime } from '../platform/documents.ts';
import { eventOf } from '../platform/publisher.ts';
import { startFanOut } from './feed-fan-out.ts';
import { fieldsOf, withdrawGone } from './feed-rows.ts';
import { FOLLOWERS_PUSHED_MAX } from './plan-fan-out.ts';

/**
 * Brings a content to those who follow its author, and to those whom it mentions. The followers of an author whom too many
 * follow look it up when they read, which each of them is told once. `cause` is the event that it is done for.
 */
export async function distributeContent(ctx: Needs, contentId: string, cause: string): Promise<void> {
  const content = await ctx.documents.get(contentAt(contentId));
  if (content?.status !== 'published' || content.visibility === 'private') return;
  await bringToMentioned(ctx, contentId, content, content.mentions);
  await distributeAs(ctx, content.ownerId, contentId, 'content', cause);
}

/** Brings what somebody published or reposted to their followers, in the way that their number asks for. */
export async function distributeAs(
  ctx: Needs,
  voiceUid: string,
  contentId: string,
  kind: 'content' | 'repost',
  cause: string,
): Promise<void> {
  const followers = (await ctx.documents.get(userAt(voiceUid)))?.counts?.followers ?? 0;
  if (followers > FOLLOWERS_PUSHED_MAX) await pullFrom(ctx, voiceUid);
  else await startFanOut(ctx, { kind, voiceUid, contentId }, cause);
}

/**
 * Has an author looked up from now on. It is noted with the author before anybody is told, so that whoever begins to follow
 * in between sees the note; and that everybody has been told is noted last, so that who dies in between is followed by who does it again.
 */
async function pullFrom(ctx: Needs, authorUid: string): Promise<void> {
  const author = feedAuthorAt(authorUid);
  if ((await ctx.documents.get(author))?.told) return;
  await ctx.documents.createMissing([[author, { since: serverTime }]]);
  const since = (await ctx.documents.get(author))?.since.toMillis();
  await startFanOut(ctx, { kind: 'pulled', voiceUid: authorUid }, String(since));
  await ctx.documents.transact(async (tx) => {
    if (await tx.get(author)) tx.update(author, { told: true });
  });
}

/** Puts a content into the feeds of people whom it mentions, unless they may not see it or one of the two blocks the other. */
async function bringToMentioned(
  ctx: Pick<Needs, 'documents' | 'publish' | 'now'>,
  contentId: string,
  content: Content,
  uids: readonly string[],
): Promise<void> {
  const { ownerId, visibility, publishedAt } = content;
  const others = uids.filter((uid) => uid !== ownerId);
  if (others.length === 0) return;
  const [users, edges, blocking, blockedBy] = await Promise.all([
    ctx.documents.getAll(others.map(userAt)),
    ctx.documents.getAll(others.map((uid) => followerAt(ownerId, uid))),
    ctx.documents.getAll(others.map((uid) => blockAt(uid, ownerId))),
    ctx.documents.getAll(others.map((uid) => blockAt(ownerId, uid))),
  ]);
  const reached = others.filter(
    (_, index) =>
      users[index] !== undefined &&
      blocking[index] === undefined &&
      blockedBy[index] === undefined &&
      (visibility === 'public' || edges[index] !== undefined),
  );
  if (reached.length === 0) return;
  await ctx.documents.setAll(
    reached.map((uid) => [
      feedItemAt(uid, contentId),
      fieldsOf({ contentId, ownerId, at: publishedAt.toMillis(), reason: 'mention' }, ctx.now()),
    ]),
  );
  await withdrawGone(ctx, reached, [contentId]);
  // Those who follow as well are told by the page of the fan-out that they stand in.
  const strangers = reached.filter((uid) => edges[others.indexOf(uid)] === undefined);
  if (strangers.length === 0) return;
  await ctx.publish([
    eventOf(socialContentDistributed, {
      cause: `${contentId} mention ${strangers.join(' ')}`,
      at: ctx.now(),
      data: { content: cardOf(contentId, content), reason: 'mention', uids: strangers },
    }),
  ]);
}

/** People are mentioned in a content that is already out. */
export async function bringToNewlyMentioned(
  ctx: Pick<Needs, 'documents' | 'publish' | 'now'>,
  { contentId, commentId, uids }: { contentId: string; commentId?: string | undefined; uids: readonly string[] },
): Promise<void> {
  if (commentId !== undefined) return;
  const content = await ctx.documents.get(contentAt(contentId));
  if (content?.status !== 'published' || content.visibility === 'private') return;
  // What was mentioned when the event was published may have been edited out since.
  const still = uids.filter((uid) => content.mentions.includes(uid));
  await bringToMentioned(ctx, contentId, content, still);
}

type Needs = Pick<Context, 'documents' | 'publish' | 'enqueue' | 'now'>;
