import { z } from 'zod';
import { failure, rejection, uploadStatus, uploadStep } from '../documents/upload.ts';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** An upload's ticket changed: another step, or its end. Carries the whole state; the newest `updatedAt` wins. */
export const contentUploadProgressed = defineEvent({
  name: 'content.upload-progressed',
  version: 1,
  audience: 'live',
  data: z.object({
    uploadId: documentId,
    ownerId: uid,
    status: uploadStatus,
    step: uploadStep.optional(),
    progress: z.number(),
    contentId: documentId.optional(),
    rejection: rejection.optional(),
    failure: failure.optional(),
    updatedAt: z.iso.datetime(),
  }),
  orderingKey: (data) => `user:${data.ownerId}`,
});
