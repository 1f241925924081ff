import type { Block, Comment, FollowEdge, FollowRequest, Like, View } from '@playnite/contracts/documents';
import {
  socialBlockChanged,
  socialCommentChanged,
  socialCommentRemoved,
  socialCommentWritten,
  socialFollowChanged,
  socialFollowRequested,
  socialFollowed,
  socialLikeChanged,
  socialUnfollowed,
  socialUnliked,
} from '@playnite/contracts/events';
import { hashOfText } from '../platform/hash-of-text.ts';
import type { Announcement, DocumentChange } from '../platform/on-document.ts';
import { eventOf } from '../platform/publisher.ts';
import { rollUpTask } from './roll-up.ts';

interface Dated {
  createdAt: FollowEdge['createdAt'];
}

/** Whether it is there, and since when, as it was before: what functions add to it is no news. */
const isSame = (before: Dated | undefined, after: Dated | undefined): boolean =>
  before?.createdAt.toMillis() === after?.createdAt.toMillis();

/** A follow that stands, or is gone, and the two numbers that it counts in. */
export function announceFollower({ params, before, after, at, version }: DocumentChange<FollowEdge>): Announcement {
  const { uid: targetUid, followerUid } = params;
  if (!followerUid || !targetUid || isSame(before, after)) return {};
  const data = { followerUid, targetUid };
  const cause = `${followerUid} ${targetUid} ${after?.createdAt.toMillis() ?? version}`;
  const event = after ? eventOf(socialFollowed, { cause, at, data }) : eventOf(socialUnfollowed, { cause, at, data });
  if (before && after) return { events: [event] };
  return {
    events: [event],
    tasks: [
      rollUpTask({ subject: `users/${targetUid}`, kind: 'followers' }, at),
      rollUpTask({ subject: `users/${followerUid}`, kind: 'following' }, at),
    ],
  };
}

/** Tells a private account of a new request, and the reconciler of its answer. */
export function announceFollowRequest({
  params,
  before,
  after,
  at,
  version,
}: DocumentChange<FollowRequest>): Announcement {
  const { uid: targetUid, followerUid } = params;
  if (!followerUid || !targetUid || !after) return {};
  const data = { followerUid, targetUid };
  const cause = `${followerUid} ${targetUid} ${version}`;
  if (isSame(before, after)) {
    return before?.status === after.status ? {} : { events: [eventOf(socialFollowChanged, { cause, at, data })] };
  }
  return after.status === 'pending' ? { events: [eventOf(socialFollowRequested, { cause, at, data })] } : {};
}

export function announceBlock({ params, before, after, at, version }: DocumentChange<Block>): Announcement {
  const { uid: blockerUid, targetUid: blockedUid } = params;
  if (!blockerUid || !blockedUid || isSame(before, after)) return {};
  const cause = `${blockerUid} ${blockedUid} ${version}`;
  return { events: [eventOf(socialBlockChanged, { cause, at, data: { blockerUid, blockedUid } })] };
}

/** Of a like that has taken effect, its end is told here: afterwards nothing says whose content it was about. */
export function announceLike({ params, before, after, at, version }: DocumentChange<Like>): Announcement {
  const { contentId, uid: likerUid } = params;
  if (!contentId || !likerUid || isSame(before, after)) return {};
  const cause = `${contentId} ${likerUid} ${version}`;
  const { ownerId } = before ?? {};
  return {
    events: [
      eventOf(socialLikeChanged, { cause, at, data: { contentId, likerUid } }),
      ...(after || !before?.takenAt || ownerId === undefined
        ? []
        : [eventOf(socialUnliked, { cause, at, data: { contentId, ownerId, likerUid } })]),
    ],
    tasks: [rollUpTask({ subject: `content/${contentId}`, kind: 'likes' }, at)],
  };
}

/** A view stays as it was written; it ends with its content or its viewer's account. */
export function announceView({ params, before, after, at }: DocumentChange<View>): Announcement {
  const { contentId } = params;
  if (!contentId || (before && after)) return {};
  return { tasks: [rollUpTask({ subject: `content/${contentId}`, kind: 'views' }, at)] };
}

const isShown = (comment: Comment | undefined): boolean =>
  comment?.shownAt !== undefined && comment.status !== 'held' && comment.status !== 'removed';

/** New words go to the reconciler and to screening; what can no longer be seen is told to all who watch. */
export function announceComment({ params, before, after, at, version }: DocumentChange<Comment>): Announcement {
  const { contentId, commentId } = params;
  const known = after ?? before;
  if (!contentId || !commentId || !known) return {};
  const { authorId } = known;
  const cause = `${contentId} ${commentId} ${version}`;
  const isNewText = after !== undefined && before?.text !== after.text;
  const wentAway = isShown(before) && !isShown(after);
  const wasCounted = before?.status === 'visible';
  const isCounted = after?.status === 'visible';
  return {
    events: [
      ...(isNewText || !after
        ? [eventOf(socialCommentChanged, { cause, at, data: { contentId, commentId, authorId } })]
        : []),
      ...(isNewText
        ? [
            eventOf(socialCommentWritten, {
              cause,
              at,
              data: { contentId, commentId, authorId, textHash: hashOfText(after.text) },
            }),
          ]
        : []),
      ...(wentAway && before?.ownerId !== undefined
        ? [
            eventOf(socialCommentRemoved, {
              cause,
              at,
              data: { contentId, ownerId: before.ownerId, commentId, authorId },
            }),
          ]
        : []),
    ],
    tasks: wasCounted === isCounted ? [] : [rollUpTask({ subject: `content/${contentId}`, kind: 'comments' }, at)],
  };
}
