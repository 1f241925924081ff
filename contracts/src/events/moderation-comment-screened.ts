import { z } from 'zod';
import { commentVerdict } from '../documents/comment.ts';
import { documentId } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** The words of a comment were screened. What a person decides afterwards shows in the standing: `moderation.standing-changed`. */
export const moderationCommentScreened = defineEvent({
  name: 'moderation.comment-screened',
  version: 1,
  audience: 'services',
  data: z.object({
    contentId: documentId,
    commentId: documentId,
    /** Of the words that were screened: what is said of other words by now says nothing of these. */
    textHash: z.string(),
    verdict: commentVerdict,
  }),
  orderingKey: (data) => `content:${data.contentId}`,
});
