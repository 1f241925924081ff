import { z } from 'zod';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A comment has words that nobody has screened: new ones, or others than before. */
export const socialCommentWritten = defineEvent({
  name: 'social.comment-written',
  version: 1,
  audience: 'services',
  data: z.object({
    contentId: documentId,
    commentId: documentId,
    authorId: uid,
    /** Of the words that wait to be screened: see `comment.screened`. */
    textHash: z.string(),
  }),
  orderingKey: (data) => `content:${data.contentId}`,
});
