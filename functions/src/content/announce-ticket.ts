import type { UploadTicket } from '@playnite/contracts/documents';
import { contentUploadProgressed } from '@playnite/contracts/events';
import type { Announcement, DocumentChange } from '../platform/on-document.ts';
import { eventOf } from '../platform/publisher.ts';
import { taskOf } from '../platform/task-queues.ts';
import { pipelineQueue } from './pipeline-queue.ts';

/** Tells the owner's devices how the upload goes, and sets the pipeline to work when the file has come. */
export function announceTicket({ params, before, after, at, version }: DocumentChange<UploadTicket>): Announcement {
  const uploadId = params['uploadId'];
  if (!uploadId || !after || after.status === 'awaiting-file') return {};
  const arrived = after.status === 'screening' && before?.status !== 'screening';
  return {
    events: [
      eventOf(contentUploadProgressed, {
        cause: `${uploadId} ${version}`,
        at,
        data: {
          uploadId,
          ownerId: after.ownerId,
          status: after.status,
          step: after.step,
          progress: after.progress ?? 0,
          contentId: after.contentId,
          rejection: after.rejection,
          failure: after.failure,
          updatedAt: (after.updatedAt?.toDate() ?? at).toISOString(),
        },
      }),
    ],
    tasks: arrived ? [taskOf(pipelineQueue, { id: uploadId, data: { uploadId } })] : [],
  };
}
