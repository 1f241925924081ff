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

export const onContentDistributed = onEvent(
  socialContentDistributed,
  'notification-onContentDistributed',
  async (ctx, event) => {
    const { reason, repostedBy } = event.data;
    // A mention is told of as one, and a repost is nothing new by its author.
    if (reason === 'following' && repostedBy === undefined) await notifyOfContent(ctx, event);
  },
);

export const onFollowed = onEvent(socialFollowed, 'notification-onFollowed', (ctx, { data }) =>
  notifyOfFollow(ctx, data),
);

export const onFollowRequested = onEvent(socialFollowRequested, 'notification-onFollowRequested', (ctx, { data }) =>
  notifyOfFollowRequest(ctx, data),
);

export const onLiked = onEvent(socialLiked, 'notification-onLiked', (ctx, { data }) => notifyOfLike(ctx, data));

export const onCommented = onEvent(socialCommented, 'notification-onCommented', (ctx, { data }) =>
  notifyOfComment(ctx, data),
);

export const onMentioned = onEvent(socialMentioned, 'notification-onMentioned', (ctx, { data }) =>
  notifyOfMention(ctx, data),
);

export const onDecided = onEvent(moderationDecided, 'notification-onDecided', notifyOfDecision);

export const onReportResolved = onEvent(moderationReportResolved, 'notification-onReportResolved', notifyOfReport);

/** An account may be named in a great many notifications. */
export const onDeletionRequested = onEvent(
  storageDeletionRequested,
  'notification-onDeletionRequested',
  (ctx, { data }) => eraseNotifications(ctx, data),
  { timeoutSeconds: 540 },
);
