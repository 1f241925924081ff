import { z } from 'zod';
import { documentId } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** The words of an edited content were screened and may be shown. */
export const moderationEditCleared = defineEvent({
  name: 'moderation.edit-cleared',
  version: 1,
  audience: 'services',
  data: z.object({ contentId: documentId }),
  orderingKey: (data) => `content:${data.contentId}`,
});
