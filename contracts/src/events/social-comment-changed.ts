import { z } from 'zod';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A comment was written, edited or deleted; which of them, the comment itself tells. */
export const socialCommentChanged = defineEvent({
  name: 'social.comment-changed',
  version: 1,
  audience: 'services',
  data: z.object({ contentId: documentId, commentId: documentId, authorId: uid }),
  orderingKey: (data) => `content:${data.contentId}`,
});
