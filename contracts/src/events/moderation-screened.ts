import { z } from 'zod';
import { documentId } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** Screening, or a person after it, came to a verdict on an upload: it stands in `screenings/{uploadId}`. */
export const moderationScreened = defineEvent({
  name: 'moderation.screened',
  version: 1,
  audience: 'services',
  data: z.object({ uploadId: documentId, version: z.string() }),
  orderingKey: (data) => `content:${data.uploadId}`,
});
