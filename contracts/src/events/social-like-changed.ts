import { z } from 'zod';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** Somebody liked a content or took that back; which of the two, the like itself tells. */
export const socialLikeChanged = defineEvent({
  name: 'social.like-changed',
  version: 1,
  audience: 'services',
  data: z.object({ contentId: documentId, likerUid: uid }),
  orderingKey: (data) => `content:${data.contentId}`,
});
