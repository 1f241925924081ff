import { z } from 'zod';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A like that had taken effect is gone. */
export const socialUnliked = defineEvent({
  name: 'social.unliked',
  version: 1,
  audience: 'services',
  data: z.object({ contentId: documentId, ownerId: uid, likerUid: uid }),
  orderingKey: (data) => `content:${data.contentId}`,
});
