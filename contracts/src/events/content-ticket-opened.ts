import { z } from 'zod';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A client opened an upload ticket; no byte has moved yet. */
export const contentTicketOpened = defineEvent({
  name: 'content.ticket-opened',
  version: 1,
  audience: 'services',
  data: z.object({ uploadId: documentId, ownerId: uid }),
  orderingKey: (data) => `user:${data.ownerId}`,
});
