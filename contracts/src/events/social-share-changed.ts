import { z } from 'zod';
import { documentId } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** Somebody shared a content or took a repost back; which of the two, the share itself tells. */
export const socialShareChanged = defineEvent({
  name: 'social.share-changed',
  version: 1,
  audience: 'services',
  data: z.object({ contentId: documentId, shareId: documentId }),
  orderingKey: (data) => `content:${data.contentId}`,
});
