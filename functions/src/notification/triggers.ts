import { socialContentDistributed, socialFollowed } from '@playnite/contracts/events';
import { onEvent } from '../platform/on-event.ts';
import { notifyOfContent, notifyOfFollow } from './notify.ts';

export const onContentDistributed = onEvent(
  socialContentDistributed,
  'notification-onContentDistributed',
  notifyOfContent,
);

export const onFollowed = onEvent(socialFollowed, 'notification-onFollowed', (ctx, { data }) =>
  notifyOfFollow(ctx, data),
);
