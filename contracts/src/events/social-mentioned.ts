import { z } from 'zod';
import { MENTIONS_MAX } from '../documents/comment.ts';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** People are mentioned, some of them perhaps since before; nobody among them blocks the author, or is blocked. */
export const socialMentioned = defineEvent({
  name: 'social.mentioned',
  version: 1,
  audience: 'services',
  data: z.object({
    contentId: documentId,
    /** Where the mention stands in a comment and not in the content. */
    commentId: documentId.optional(),
    byUid: uid,
    uids: z.array(uid).min(1).max(MENTIONS_MAX),
  }),
  orderingKey: (data) => `content:${data.contentId}`,
});
