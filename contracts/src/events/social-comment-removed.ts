import { z } from 'zod';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A comment can no longer be seen: deleted, held or taken down. */
export const socialCommentRemoved = defineEvent({
  name: 'social.comment-removed',
  version: 1,
  audience: 'both',
  data: z.object({ contentId: documentId, ownerId: uid, commentId: documentId, authorId: uid }),
  orderingKey: (data) => `content:${data.contentId}`,
});
