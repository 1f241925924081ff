import { content, documentId, uploadTicket } from '@playnite/contracts/documents';
import {
  contentTicketOpened,
  moderationEditCleared,
  moderationScreened,
  moderationStandingChanged,
  storageDeletionRequested,
  storageReservationChanged,
} from '@playnite/contracts/events';
import { z } from 'zod';
import { onCall } from '../platform/on-call.ts';
import { onDocument } from '../platform/on-document.ts';
import { onEvent } from '../platform/on-event.ts';
import { onSchedule } from '../platform/on-schedule.ts';
import { onTask } from '../platform/on-task.ts';
import { onUpload } from '../platform/on-upload.ts';
import { announceContent } from './announce-content.ts';
import { announceTicket } from './announce-ticket.ts';
import { eraseContent } from './erase-content.ts';
import { followStanding, showEdit } from './follow-moderation.ts';
import { pipelineQueue } from './pipeline-queue.ts';
import { UPLOADS_PREFIX, receiveUpload } from './receive-upload.ts';
import { removeContent } from './remove-content.ts';
import { followReservation, followScreening, followTicket, reopenUpload, rerunnableStep } from './reopen-upload.ts';
import { resumeUploads as resume } from './resume-uploads.ts';
import { runPipeline as run } from './run-pipeline.ts';

export const onUploadFinalized = onUpload(UPLOADS_PREFIX, receiveUpload);

export const onTicketWritten = onDocument('uploads/{uploadId}', uploadTicket, announceTicket);

export const onTicketOpened = onEvent(contentTicketOpened, 'content-onTicketOpened', (ctx, { data }) =>
  followTicket(ctx, data.uploadId),
);

/** One photo at a time per instance: a 64-megapixel image decoded beside another would not fit. */
export const runPipeline = onTask(
  pipelineQueue,
  { memory: '2GiB', concurrency: 1, timeoutSeconds: 300, rateLimits: { maxConcurrentDispatches: 20 } },
  (ctx, { uploadId }, delivery) => run(ctx, uploadId, delivery),
);

export const onReservationChanged = onEvent(
  storageReservationChanged,
  'content-onReservationChanged',
  (ctx, { data }) => followReservation(ctx, data.uploadId, data.version),
);

export const onScreened = onEvent(moderationScreened, 'content-onScreened', (ctx, { data }) =>
  followScreening(ctx, data.uploadId, data.version),
);

export const onContentWritten = onDocument('content/{contentId}', content, announceContent);

export const onStandingChanged = onEvent(moderationStandingChanged, 'content-onStandingChanged', (ctx, { data }) =>
  followStanding(ctx, data.subject),
);

export const onEditCleared = onEvent(moderationEditCleared, 'content-onEditCleared', (ctx, { id, data }) =>
  showEdit(ctx, data.contentId, id),
);

export const onDeletionRequested = onEvent(storageDeletionRequested, 'content-onDeletionRequested', (ctx, { data }) =>
  eraseContent(ctx, data),
);

export const resumeUploads = onSchedule('every 1 minutes', resume);

/** `{contentId}` → `{contentId, deletionId, state}`, by the owner. */
export const remove = onCall(
  'content-remove',
  { input: z.object({ contentId: documentId }), changes: true },
  removeContent,
);

/** `{uploadId, from}`: an admin has a step of the pipeline run again, and those after it. */
export const rerun = onCall(
  'content-rerun',
  { input: z.object({ uploadId: documentId, from: rerunnableStep }), role: 'admin', changes: true },
  async (ctx, { uploadId, from }) => {
    await reopenUpload(ctx, uploadId, from);
    return { uploadId };
  },
);
