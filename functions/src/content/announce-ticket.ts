import { ENDED_UPLOAD_STATUSES, type UploadTicket } from '@playnite/contracts/documents';
import { contentTicketOpened, contentUploadEnded, contentUploadProgressed } from '@playnite/contracts/events';
import type { Announcement, DocumentChange } from '../platform/on-document.ts';
import { eventOf } from '../platform/publisher.ts';
import { taskOf } from '../platform/task-queues.ts';
import { pipelineQueue } from './pipeline-queue.ts';

const hasEnded = (ticket: UploadTicket | undefined): boolean =>
  ticket !== undefined && ENDED_UPLOAD_STATUSES.includes(ticket.status);

/**
 * Tells the owner's devices how the upload goes, sets the pipeline to work when the file has come, and tells the other
 * services of the ticket's beginning and end.
 */
export function announceTicket({ params, before, after, at, version }: DocumentChange<UploadTicket>): Announcement {
  const uploadId = params['uploadId'];
  if (!uploadId || !after) return {};
  const { ownerId } = after;
  const about = { cause: `${uploadId} ${version}`, at, data: { uploadId, ownerId } };
  if (after.status === 'awaiting-file') return before ? {} : { events: [eventOf(contentTicketOpened, about)] };
  const arrived = after.status === 'screening' && before?.status === 'awaiting-file';
  return {
    events: [
      eventOf(contentUploadProgressed, {
        cause: about.cause,
        at,
        data: {
          uploadId,
          ownerId,
          status: after.status,
          step: after.step,
          progress: after.progress ?? 0,
          contentId: after.contentId,
          rejection: after.rejection,
          failure: after.failure,
          updatedAt: (after.updatedAt?.toDate() ?? at).toISOString(),
        },
      }),
      // Back from its end it is on its way again, which concerns the same services.
      ...(hasEnded(before) === hasEnded(after) ? [] : [eventOf(contentUploadEnded, about)]),
    ],
    tasks: arrived ? [taskOf(pipelineQueue, { id: uploadId, data: { uploadId } })] : [],
  };
}
