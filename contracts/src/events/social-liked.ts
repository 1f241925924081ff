import { z } from 'zod';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A like took effect. */
export const socialLiked = defineEvent({
  name: 'social.liked',
  version: 1,
  audience: 'services',
  data: z.object({ contentId: documentId, ownerId: uid, likerUid: uid }),
  orderingKey: (data) => `content:${data.contentId}`,
});
