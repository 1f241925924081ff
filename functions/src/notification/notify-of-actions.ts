/** What people are told of what others do: follows and requests to follow, likes, comments, mentions. */
import { createHash } from 'node:crypto';
import {
  type Actor,
  type Comment,
  blockAt,
  commentAt,
  contentAt,
  followRequestAt,
  followerAt,
  likeAt,
  muteAt,
  muteSettingsAt,
  mutedThreadAt,
  userAt,
} from '@playnite/contracts/documents';
import type { socialCommented, socialFollowed, socialLiked, socialMentioned } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { hashOfText } from '../platform/hash-of-text.ts';
import { notify } from './notify.ts';

/** The longest id of a notification. */
const ID_MAX = 128;
/** Characters of a comment that a notification quotes. */
const QUOTED_MAX = 200;

/** Names a notification by what it is about, so that the same thing done again, a thousand times, is told once. */
export function notificationId(type: string, ...about: readonly string[]): string {
  const id = [type, ...about].join(':');
  return id.length <= ID_MAX ? id : `${type}:${createHash('sha256').update(about.join('\n')).digest('base64url')}`;
}

/** Whether a text holds one of the words, whatever their case. */
export function holdsMutedWord(text: string, words: readonly string[]): boolean {
  const lower = text.toLowerCase();
  return words.some((word) => lower.includes(word.toLowerCase()));
}

/** Those who want to hear of what somebody did: who blocks or mutes that person, the thread or a word in it does not. */
async function listenersAmong(
  ctx: Pick<Context, 'documents'>,
  uids: readonly string[],
  { actorUid, contentId, text = '' }: { actorUid: string; contentId?: string; text?: string },
): Promise<string[]> {
  const wants = await Promise.all(
    uids.map(async (uid) => {
      const [blocking, blockedBy, mute, thread, settings] = await Promise.all([
        ctx.documents.get(blockAt(uid, actorUid)),
        ctx.documents.get(blockAt(actorUid, uid)),
        ctx.documents.get(muteAt(uid, actorUid)),
        contentId === undefined ? undefined : ctx.documents.get(mutedThreadAt(uid, contentId)),
        text === '' ? undefined : ctx.documents.get(muteSettingsAt(uid)),
      ]);
      const isMuted = mute !== undefined && mute.only === undefined;
      return !blocking && !blockedBy && !isMuted && !thread && !holdsMutedWord(text, settings?.words ?? []);
    }),
  );
  return uids.filter((uid, nth) => uid !== actorUid && wants[nth]);
}

async function actorOf(ctx: Pick<Context, 'documents'>, uid: string): Promise<Actor | undefined> {
  const user = await ctx.documents.get(userAt(uid));
  return user && { uid, handle: user.handle, displayName: user.displayName };
}

/** Tells an owner of a like that still stands. */
export async function notifyOfLike(ctx: Needs, { contentId, ownerId, likerUid }: Liked): Promise<void> {
  const [actor, like, content, uids] = await Promise.all([
    actorOf(ctx, likerUid),
    ctx.documents.get(likeAt(contentId, likerUid)),
    ctx.documents.get(contentAt(contentId)),
    listenersAmong(ctx, [ownerId], { actorUid: likerUid, contentId }),
  ]);
  if (!actor || !like || !content) return;
  await notify(ctx, uids, {
    id: notificationId('like', contentId, likerUid),
    type: 'like',
    groupKey: `like:${contentId}`,
    actor,
    contentId,
    title: content.title ? `${actor.displayName} likes “${content.title}”` : `${actor.displayName} likes your photo`,
    body: `@${actor.handle}`,
  });
}

/** Whether a comment can be seen, with the words that it has now: others are not told of words that nobody has screened. */
const isShown = (comment: Comment | undefined): comment is Comment =>
  comment?.status === 'visible' && comment.screened === hashOfText(comment.text);

/**
 * Tells the content's owner of a comment, and whose comment it answers; those whom it mentions hear of that. What it says and
 * whom it mentions is what it says by now; an edit that waits to be screened is news of its own.
 */
export async function notifyOfComment(ctx: Needs, commented: Commented): Promise<void> {
  const { contentId, commentId, authorId, author, ownerId, parentAuthorId } = commented;
  const comment = await ctx.documents.get(commentAt(contentId, commentId));
  if (!isShown(comment)) return;
  const { text, mentions = [] } = comment;
  const concerned = [...new Set([ownerId, ...(parentAuthorId === undefined ? [] : [parentAuthorId])])];
  const uids = await listenersAmong(
    ctx,
    concerned.filter((uid) => !mentions.includes(uid)),
    { actorUid: authorId, contentId, text },
  );
  await notify(ctx, uids, {
    id: notificationId('comment', contentId, commentId),
    type: 'comment',
    groupKey: `comment:${contentId}`,
    actor: { uid: authorId, ...author },
    contentId,
    title: `${author.displayName} commented`,
    body: quoted(text),
  });
}

/** Tells people that they are mentioned, and still are, in a content or in a comment that can be seen. */
export async function notifyOfMention(ctx: Needs, { contentId, commentId, byUid, uids }: Mentioned): Promise<void> {
  const [actor, content, comment] = await Promise.all([
    actorOf(ctx, byUid),
    ctx.documents.get(contentAt(contentId)),
    commentId === undefined ? undefined : ctx.documents.get(commentAt(contentId, commentId)),
  ]);
  if (!actor || content?.status !== 'published' || (commentId !== undefined && !isShown(comment))) return;
  const { text, mentions = [] } = comment ?? { text: content.caption, mentions: content.mentions };
  const mentioned = uids.filter((uid) => mentions.includes(uid));
  await notify(ctx, await listenersAmong(ctx, mentioned, { actorUid: byUid, contentId, text }), {
    id: notificationId('mention', contentId, ...(commentId === undefined ? [] : [commentId])),
    type: 'mention',
    groupKey: `mention:${contentId}`,
    actor,
    contentId,
    title: `${actor.displayName} mentioned you`,
    body: quoted(text),
  });
}

/** Tells a person of a new follower, as long as it is one. */
export async function notifyOfFollow(ctx: Needs, { followerUid, targetUid }: Followed): Promise<void> {
  const [actor, edge, uids] = await Promise.all([
    actorOf(ctx, followerUid),
    ctx.documents.get(followerAt(targetUid, followerUid)),
    listenersAmong(ctx, [targetUid], { actorUid: followerUid }),
  ]);
  if (!actor || !edge) return;
  await notify(ctx, uids, {
    id: `new-follower:${followerUid}`,
    type: 'new-follower',
    groupKey: 'new-follower',
    actor,
    title: `${actor.displayName} follows you`,
    body: `@${actor.handle}`,
  });
}

/** Tells a private account that somebody waits to be let in. */
export async function notifyOfFollowRequest(ctx: Needs, { followerUid, targetUid }: Followed): Promise<void> {
  const [actor, request, uids] = await Promise.all([
    actorOf(ctx, followerUid),
    ctx.documents.get(followRequestAt(targetUid, followerUid)),
    listenersAmong(ctx, [targetUid], { actorUid: followerUid }),
  ]);
  if (!actor || request?.status !== 'pending') return;
  await notify(ctx, uids, {
    id: notificationId('follow-request', followerUid),
    type: 'follow-request',
    groupKey: 'follow-request',
    actor,
    title: `${actor.displayName} asks to follow you`,
    body: `@${actor.handle}`,
  });
}

/** The beginning of a text; a pair of units that is one character is not cut in two. */
const quoted = (text: string): string => Array.from(text).slice(0, QUOTED_MAX).join('');

type Followed = ReturnType<(typeof socialFollowed)['data']['parse']>;
type Liked = ReturnType<(typeof socialLiked)['data']['parse']>;
type Commented = ReturnType<(typeof socialCommented)['data']['parse']>;
type Mentioned = ReturnType<(typeof socialMentioned)['data']['parse']>;
type Needs = Pick<Context, 'documents' | 'publish' | 'now'>;
