import { content, uploadTicket } from '@playnite/contracts/documents';
import { onDocument } from '../platform/on-document.ts';
import { onSchedule } from '../platform/on-schedule.ts';
import { onTask } from '../platform/on-task.ts';
import { onUpload } from '../platform/on-upload.ts';
import { announceContent } from './announce-content.ts';
import { announceTicket } from './announce-ticket.ts';
import { pipelineQueue } from './pipeline-queue.ts';
import { UPLOADS_PREFIX, receiveUpload } from './receive-upload.ts';
import { resumeUploads as resume } from './resume-uploads.ts';
import { runPipeline as run } from './run-pipeline.ts';

export const onUploadFinalized = onUpload(UPLOADS_PREFIX, receiveUpload);

export const onTicketWritten = onDocument('uploads/{uploadId}', uploadTicket, announceTicket);

/** One photo at a time per instance: a 64-megapixel image decoded beside another would not fit. */
export const runPipeline = onTask(
  pipelineQueue,
  { memory: '1GiB', concurrency: 1, timeoutSeconds: 120, rateLimits: { maxConcurrentDispatches: 20 } },
  (ctx, { uploadId }, delivery) => run(ctx, uploadId, delivery),
);

export const onContentWritten = onDocument('content/{contentId}', content, announceContent);

export const resumeUploads = onSchedule('every 1 minutes', resume);
