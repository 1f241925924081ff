/** When feeds and shares are brought in line, and what clients may ask of them. */
import { share } from '@playnite/contracts/documents';
import {
  socialFollowed,
  socialMentioned,
  socialProfileChanged,
  socialShareChanged,
  socialUnfollowed,
} from '@playnite/contracts/events';
import { onCall } from '../platform/on-call.ts';
import { onDocument } from '../platform/on-document.ts';
import { onEvent } from '../platform/on-event.ts';
import { onRequest } from '../platform/on-request.ts';
import { onSchedule } from '../platform/on-schedule.ts';
import { onTask } from '../platform/on-task.ts';
import { discover as discoverFor, discoverRequest } from './discover.ts';
import { bringToNewlyMentioned } from './distribute-content.ts';
import { continueFanOut, fanOutQueue, resumeFanOuts as resume } from './feed-fan-out.ts';
import { feedbackRequest, giveFeedback } from './feed-feedback.ts';
import { reconcileFeed, withdrawLaterQueue, withdrawUnfollowed } from './feed-follow.ts';
import { openFeed } from './feed-rebuild.ts';
import { feedRequest, readFeed } from './feed.ts';
import { openShare, openedQueue, rollUpOpens as countOpens } from './open-share.ts';
import { announceShare, reconcileShare } from './shares.ts';

export const onReaderChanged = onEvent(socialProfileChanged, 'social-onReaderChanged', (ctx, { data }) =>
  openFeed(ctx, data.uid),
);

export const onFollowed = onEvent(socialFollowed, 'social-onFollowed', (ctx, { data }) => reconcileFeed(ctx, data));

export const onUnfollowed = onEvent(socialUnfollowed, 'social-onUnfollowed', (ctx, { id, data }) =>
  withdrawUnfollowed(ctx, data, id),
);

export const withdrawLater = onTask(
  withdrawLaterQueue,
  { memory: '256MiB', concurrency: 80, timeoutSeconds: 120, rateLimits: { maxConcurrentDispatches: 20 } },
  reconcileFeed,
);

export const onMentioned = onEvent(socialMentioned, 'social-onMentioned', (ctx, { data }) =>
  bringToNewlyMentioned(ctx, data),
);

/** One page takes about a second; so many at a time write some 20,000 rows a second. */
export const fanOut = onTask(
  fanOutQueue,
  { memory: '256MiB', concurrency: 20, timeoutSeconds: 120, rateLimits: { maxConcurrentDispatches: 40 } },
  continueFanOut,
);

export const resumeFanOuts = onSchedule('every 5 minutes', resume);

export const feed = onCall('social-feed', { input: feedRequest, changes: false }, (ctx, data, { uid }) =>
  readFeed(ctx, uid, data),
);

export const discover = onCall('social-discover', { input: discoverRequest, changes: false }, (ctx, data, { uid }) =>
  discoverFor(ctx, uid, data),
);

export const feedback = onCall(
  'social-feedback',
  { input: feedbackRequest, changes: true },
  async (ctx, data, { uid }) => {
    await giveFeedback(ctx, uid, data);
    return {};
  },
);

export const onShareWritten = onDocument('content/{contentId}/shares/{shareId}', share, announceShare);

export const onShareChanged = onEvent(socialShareChanged, 'social-onShareChanged', (ctx, { id, data }) =>
  reconcileShare(ctx, data, id),
);

export const open = onRequest('social-open', openShare);

export const rollUpOpens = onTask(
  openedQueue,
  { memory: '256MiB', concurrency: 80, timeoutSeconds: 120, rateLimits: { maxConcurrentDispatches: 20 } },
  countOpens,
);
