import { deletion, reservation } from '@playnite/contracts/documents';
import {
  contentEdited,
  contentTicketOpened,
  contentUploadEnded,
  storageDeletionErased,
  storageDeletionRequested,
} from '@playnite/contracts/events';
import { onAccountDeleted as onAccountGone } from '../platform/on-account-deleted.ts';
import { onDocument } from '../platform/on-document.ts';
import { onEvent } from '../platform/on-event.ts';
import { onSchedule } from '../platform/on-schedule.ts';
import { announceDeletion, announceReservation } from './announce-storage.ts';
import { eraseFiles } from './erase-files.ts';
import { proveDeletion } from './prove-deletion.ts';
import { reconcileQuotas as reconcile } from './reconcile-quotas.ts';
import { requestAccountDeletion } from './request-account-deletion.ts';
import { reserve } from './reserve.ts';
import { resumeDeletions as resume } from './resume-deletions.ts';
import { settle } from './settle.ts';
import { sweepOrphans as sweep } from './sweep-orphans.ts';
import { syncVisibility } from './sync-visibility.ts';

export const onTicketOpened = onEvent(contentTicketOpened, 'storage-onTicketOpened', (ctx, { data }) =>
  reserve(ctx, data.uploadId),
);

export const onUploadEnded = onEvent(contentUploadEnded, 'storage-onUploadEnded', (ctx, { data }) =>
  settle(ctx, data.uploadId),
);

export const onReservationWritten = onDocument('reservations/{uploadId}', reservation, announceReservation);

export const onDeletionWritten = onDocument('deletions/{deletionId}', deletion, announceDeletion);

/** An account may have a great many files. */
export const onDeletionRequested = onEvent(
  storageDeletionRequested,
  'storage-onDeletionRequested',
  (ctx, { data }) => eraseFiles(ctx, data),
  { timeoutSeconds: 540 },
);

export const onDeletionErased = onEvent(storageDeletionErased, 'storage-onDeletionErased', (ctx, { data }) =>
  proveDeletion(ctx, data.deletionId),
);

export const onContentEdited = onEvent(contentEdited, 'storage-onContentEdited', (ctx, { data }) =>
  syncVisibility(ctx, data.contentId),
);

export const onAccountDeleted = onAccountGone(requestAccountDeletion);

export const reconcileQuotas = onSchedule('every 60 minutes', reconcile);

export const resumeDeletions = onSchedule('every 5 minutes', resume);

export const sweepOrphans = onSchedule('every 60 minutes', sweep);
