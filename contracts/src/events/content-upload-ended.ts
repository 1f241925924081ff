import { z } from 'zod';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A ticket reached its end, or came back from it; hearers look at the ticket to see which. */
export const contentUploadEnded = defineEvent({
  name: 'content.upload-ended',
  version: 1,
  audience: 'services',
  data: z.object({ uploadId: documentId, ownerId: uid }),
  orderingKey: (data) => `user:${data.ownerId}`,
});
