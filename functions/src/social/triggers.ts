import { followEdge, user } from '@playnite/contracts/documents';
import {
  contentEdited,
  contentPublished,
  contentRemoved,
  moderationAccountChanged,
  socialFanOutContinued,
  socialFollowChanged,
  socialProfileChanged,
  storageDeletionRequested,
} from '@playnite/contracts/events';
import { onDocument } from '../platform/on-document.ts';
import { onEvent } from '../platform/on-event.ts';
import { announceFollow, announceProfile } from './announce-profile.ts';
import { completeProfile } from './complete-profile.ts';
import { distributeContent, recountContent } from './distribute-content.ts';
import { cutFollowOfErased, eraseSocial } from './erase.ts';
import { followAccount } from './follow-account.ts';
import { reconcileFollow } from './reconcile-follow.ts';
import { followVisibility, withdrawContent } from './withdraw-content.ts';

export const onProfileWritten = onDocument('users/{uid}', user, announceProfile);

export const onProfileChanged = onEvent(socialProfileChanged, 'social-onProfileChanged', (ctx, { data }) =>
  completeProfile(ctx, data.uid),
);

export const onFollowingWritten = onDocument('users/{uid}/following/{targetUid}', followEdge, announceFollow);

export const onFollowChanged = onEvent(socialFollowChanged, 'social-onFollowChanged', async (ctx, { data }) => {
  await reconcileFollow(ctx, data);
  await cutFollowOfErased(ctx, data);
});

export const onContentPublished = onEvent(contentPublished, 'social-onContentPublished', async (ctx, { data }) => {
  await Promise.all([distributeContent(ctx, data.contentId), recountContent(ctx, data.ownerId)]);
});

export const onFanOutContinued = onEvent(socialFanOutContinued, 'social-onFanOutContinued', (ctx, { data }) =>
  distributeContent(ctx, data.contentId, data.after),
);

export const onContentRemoved = onEvent(contentRemoved, 'social-onContentRemoved', async (ctx, { data }) => {
  await Promise.all([withdrawContent(ctx, data.contentId), recountContent(ctx, data.ownerId)]);
});

export const onContentEdited = onEvent(contentEdited, 'social-onContentEdited', async (ctx, { data }) => {
  if (data.visibilityChanged) await followVisibility(ctx, data.contentId);
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
