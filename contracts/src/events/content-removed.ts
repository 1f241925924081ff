import { z } from 'zod';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A content can no longer be seen: deleted, held or taken down. */
export const contentRemoved = defineEvent({
  name: 'content.removed',
  version: 1,
  audience: 'both',
  data: z.object({ contentId: documentId, ownerId: uid }),
  orderingKey: (data) => `content:${data.contentId}`,
});
