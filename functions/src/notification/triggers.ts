import {
  moderationDecided,
  moderationReportResolved,
  socialCommented,
  socialContentDistributed,
  socialFollowRequested,
  socialFollowed,
  socialLiked,
  socialMentioned,
  storageDeletionRequested,
} from '@playnite/contracts/events';
import { notErased } from '../platform/erasure.ts';
import { onEvent } from '../platform/on-event.ts';
import { eraseNotifications } from './erase.ts';
import {
  notifyOfComment,
  notifyOfFollow,
  notifyOfFollowRequest,
  notifyOfLike,
  notifyOfMention,
} from './notify-of-actions.ts';
import { notifyOfContent, notifyOfDecision, notifyOfReport } from './notify.ts';

/** Late news must not bring back what has been erased, nor write to whom is no longer there. */
export const onContentDistributed = onEvent(
  socialContentDistributed,
  'notification-onContentDistributed',
  async (ctx, event) => {
    const { content, reason, repostedBy } = event.data;
    // A mention is told of as one, and a repost is nothing new by its author.
    if (reason !== 'following' || repostedBy !== undefined) return;
    const [[contentId], uids] = await Promise.all([
      notErased(ctx, 'content', [content.contentId]),
      notErased(ctx, 'account', event.data.uids),
    ]);
    if (contentId) await notifyOfContent(ctx, { ...event, data: { ...event.data, uids } });
  },
);

export const onFollowed = onEvent(socialFollowed, 'notification-onFollowed', async (ctx, { data }) => {
  const [targetUid] = await notErased(ctx, 'account', [data.targetUid]);
  if (targetUid) await notifyOfFollow(ctx, data);
});

export const onFollowRequested = onEvent(socialFollowRequested, 'notification-onFollowRequested', (ctx, { data }) =>
  notifyOfFollowRequest(ctx, data),
);

export const onLiked = onEvent(socialLiked, 'notification-onLiked', async (ctx, { data }) => {
  const [ownerId] = await notErased(ctx, 'account', [data.ownerId]);
  if (ownerId) await notifyOfLike(ctx, data);
});

export const onCommented = onEvent(socialCommented, 'notification-onCommented', async (ctx, { data }) => {
  const [contentId] = await notErased(ctx, 'content', [data.contentId]);
  if (contentId) await notifyOfComment(ctx, data);
});

export const onMentioned = onEvent(socialMentioned, 'notification-onMentioned', async (ctx, { data }) => {
  const uids = await notErased(ctx, 'account', data.uids);
  if (uids.length > 0) await notifyOfMention(ctx, { ...data, uids });
});

export const onDecided = onEvent(moderationDecided, 'notification-onDecided', async (ctx, event) => {
  const [ownerId] = await notErased(ctx, 'account', [event.data.ownerId]);
  if (ownerId) await notifyOfDecision(ctx, event);
});

export const onReportResolved = onEvent(moderationReportResolved, 'notification-onReportResolved', notifyOfReport);

/** An account may be named in a great many notifications. */
export const onDeletionRequested = onEvent(
  storageDeletionRequested,
  'notification-onDeletionRequested',
  (ctx, { data }) => eraseNotifications(ctx, data),
  { timeoutSeconds: 540 },
);
