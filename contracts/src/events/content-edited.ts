import { z } from 'zod';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** The owner changed a published content's words or visibility; the live stream hears of it once the words are screened. */
export const contentEdited = defineEvent({
  name: 'content.edited',
  version: 1,
  audience: 'services',
  data: z.object({ contentId: documentId, ownerId: uid, visibilityChanged: z.boolean() }),
  orderingKey: (data) => `content:${data.contentId}`,
});
