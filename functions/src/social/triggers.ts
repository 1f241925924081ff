import { followEdge, user } from '@playnite/contracts/documents';
import {
  contentPublished,
  contentRemoved,
  socialFanOutContinued,
  socialFollowChanged,
  socialProfileChanged,
} from '@playnite/contracts/events';
import { onDocument } from '../platform/on-document.ts';
import { onEvent } from '../platform/on-event.ts';
import { announceFollow, announceProfile } from './announce-profile.ts';
import { completeProfile } from './complete-profile.ts';
import { distributeContent, recountContent } from './distribute-content.ts';
import { reconcileFollow } from './reconcile-follow.ts';

export const onProfileWritten = onDocument('users/{uid}', user, announceProfile);

export const onProfileChanged = onEvent(socialProfileChanged, 'social-onProfileChanged', (ctx, { data }) =>
  completeProfile(ctx, data.uid),
);

export const onFollowingWritten = onDocument('users/{uid}/following/{targetUid}', followEdge, announceFollow);

export const onFollowChanged = onEvent(socialFollowChanged, 'social-onFollowChanged', (ctx, { data }) =>
  reconcileFollow(ctx, data),
);

export const onContentPublished = onEvent(contentPublished, 'social-onContentPublished', async (ctx, { data }) => {
  await Promise.all([distributeContent(ctx, data.contentId), recountContent(ctx, data.ownerId)]);
});

export const onFanOutContinued = onEvent(socialFanOutContinued, 'social-onFanOutContinued', (ctx, { data }) =>
  distributeContent(ctx, data.contentId, data.after),
);

export const onContentRemoved = onEvent(contentRemoved, 'social-onContentRemoved', (ctx, { data }) =>
  recountContent(ctx, data.ownerId),
);
