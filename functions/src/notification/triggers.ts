import {
  moderationDecided,
  moderationReportResolved,
  socialContentDistributed,
  socialFollowed,
  storageDeletionRequested,
} from '@playnite/contracts/events';
import { notErased } from '../platform/erasure.ts';
import { onEvent } from '../platform/on-event.ts';
import { eraseNotifications } from './erase.ts';
import { notifyOfContent, notifyOfDecision, notifyOfFollow, notifyOfReport } from './notify.ts';

/** Late news must not bring back what has been erased, nor write to whom is no longer there. */
export const onContentDistributed = onEvent(
  socialContentDistributed,
  'notification-onContentDistributed',
  async (ctx, event) => {
    const { content } = event.data;
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
