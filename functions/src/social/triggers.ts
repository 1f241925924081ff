import { block, comment, followEdge, followRequest, like, user, view } from '@playnite/contracts/documents';
import {
  analyticsTracked,
  contentEdited,
  contentPublished,
  contentRemoved,
  moderationAccountChanged,
  moderationCommentScreened,
  moderationEditCleared,
  moderationStandingChanged,
  socialBlockChanged,
  socialCommentChanged,
  socialFollowChanged,
  socialLikeChanged,
  socialProfileChanged,
  storageDeletionRequested,
} from '@playnite/contracts/events';
import { onDocument } from '../platform/on-document.ts';
import { onEvent } from '../platform/on-event.ts';
import { onSchedule } from '../platform/on-schedule.ts';
import { onTask } from '../platform/on-task.ts';
import {
  announceBlock,
  announceComment,
  announceFollowRequest,
  announceFollower,
  announceLike,
  announceView,
} from './announce-actions.ts';
import { announceFollow, announceProfile } from './announce-profile.ts';
import { completeProfile } from './complete-profile.ts';
import { countViews } from './count-view.ts';
import { distributeContent } from './distribute-content.ts';
import { cutFollowOfErased, eraseSocial } from './erase.ts';
import { followAccount } from './follow-account.ts';
import { logPublished } from './log-activity.ts';
import { mentionInContent } from './mentions.ts';
import { reconcileBlock } from './reconcile-block.ts';
import { commentOfSubject, forgetComment, reconcileComment } from './reconcile-comment.ts';
import { reconcileCounts as reconcile } from './reconcile-counts.ts';
import { acceptWaiting, reconcileFollow } from './reconcile-follow.ts';
import { reconcileLike } from './reconcile-like.ts';
import { rollUp as countSlot, rollUpQueue, rollUpTask } from './roll-up.ts';
import { followVisibility, withdrawContent } from './withdraw-content.ts';

export * from './feed-triggers.ts';

export const onProfileWritten = onDocument('users/{uid}', user, announceProfile);

export const onProfileChanged = onEvent(socialProfileChanged, 'social-onProfileChanged', async (ctx, { data }) => {
  await completeProfile(ctx, data.uid);
  await acceptWaiting(ctx, data.uid);
});

export const onFollowingWritten = onDocument('users/{uid}/following/{targetUid}', followEdge, announceFollow);

export const onFollowChanged = onEvent(socialFollowChanged, 'social-onFollowChanged', async (ctx, { data }) => {
  await reconcileFollow(ctx, data);
  await cutFollowOfErased(ctx, data);
});

export const onFollowerWritten = onDocument('users/{uid}/followers/{followerUid}', followEdge, announceFollower);

export const onFollowRequestWritten = onDocument(
  'users/{uid}/followRequests/{followerUid}',
  followRequest,
  announceFollowRequest,
);

export const onBlockWritten = onDocument('users/{uid}/blocks/{targetUid}', block, announceBlock);

/** Somebody may have written a great deal below the contents of whom blocks them. */
export const onBlockChanged = onEvent(
  socialBlockChanged,
  'social-onBlockChanged',
  (ctx, { data }) => reconcileBlock(ctx, data),
  { timeoutSeconds: 540 },
);

export const onLikeWritten = onDocument('content/{contentId}/likes/{uid}', like, announceLike);

export const onLikeChanged = onEvent(socialLikeChanged, 'social-onLikeChanged', (ctx, { data }) =>
  reconcileLike(ctx, data),
);

export const onTracked = onEvent(analyticsTracked, 'social-onTracked', (ctx, { data }) => countViews(ctx, data));

export const onViewWritten = onDocument('content/{contentId}/views/{uid}', view, announceView);

export const onCommentWritten = onDocument('content/{contentId}/comments/{commentId}', comment, announceComment);

export const onCommentChanged = onEvent(socialCommentChanged, 'social-onCommentChanged', async (ctx, { data }) => {
  await reconcileComment(ctx, data);
  await forgetComment(ctx, data, data.authorId);
});

export const onCommentScreened = onEvent(moderationCommentScreened, 'social-onCommentScreened', (ctx, { data }) =>
  reconcileComment(ctx, data, data.textHash),
);

export const onStandingChanged = onEvent(
  moderationStandingChanged,
  'social-onStandingChanged',
  async (ctx, { data }) => {
    const id = commentOfSubject(data.subject);
    if (id) await reconcileComment(ctx, id);
  },
);

/** Twenty at a time are some 300 counts a second. */
export const rollUp = onTask(
  rollUpQueue,
  { memory: '256MiB', concurrency: 80, timeoutSeconds: 120, rateLimits: { maxConcurrentDispatches: 20 } },
  countSlot,
);

export const reconcileCounts = onSchedule('every 10 minutes', reconcile, { timeoutSeconds: 540 });

export const onContentPublished = onEvent(
  contentPublished,
  'social-onContentPublished',
  async (ctx, { id, at, data }) => {
    await Promise.all([
      distributeContent(ctx, data.contentId, id),
      mentionInContent(ctx, data.contentId),
      logPublished(ctx, data),
      ctx.enqueue([rollUpTask({ subject: `users/${data.ownerId}`, kind: 'content' }, new Date(at))]),
    ]);
  },
);

export const onEditCleared = onEvent(moderationEditCleared, 'social-onEditCleared', (ctx, { data }) =>
  mentionInContent(ctx, data.contentId),
);

export const onContentRemoved = onEvent(contentRemoved, 'social-onContentRemoved', async (ctx, { at, data }) => {
  await Promise.all([
    withdrawContent(ctx, data.contentId),
    logPublished(ctx, data),
    ctx.enqueue([rollUpTask({ subject: `users/${data.ownerId}`, kind: 'content' }, new Date(at))]),
  ]);
});

export const onContentEdited = onEvent(contentEdited, 'social-onContentEdited', async (ctx, { id, data }) => {
  if (data.visibilityChanged) await followVisibility(ctx, data.contentId, id);
});

export const onAccountChanged = onEvent(moderationAccountChanged, 'social-onAccountChanged', (ctx, { data }) =>
  followAccount(ctx, data.uid),
);

/** An account may have a great many followers. */
export const onDeletionRequested = onEvent(
  storageDeletionRequested,
  'social-onDeletionRequested',
  (ctx, { data }) => eraseSocial(ctx, data),
  { timeoutSeconds: 540 },
);
