import { z } from 'zod';
import { documentId } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** An upload's file is what its ticket says, and waits to be screened. */
export const contentScreeningRequested = defineEvent({
  name: 'content.screening-requested',
  version: 1,
  audience: 'services',
  data: z.object({ uploadId: documentId }),
  orderingKey: (data) => `content:${data.uploadId}`,
});
