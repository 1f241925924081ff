import { z } from 'zod';
import { content } from '../documents/content.ts';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** An upload's file is what its ticket says, and waits to be screened. */
export const contentScreeningRequested = defineEvent({
  name: 'content.screening-requested',
  version: 1,
  audience: 'services',
  data: z.object({
    uploadId: documentId,
    ownerId: uid,
    kind: content.shape.kind,
    object: z.object({ path: z.string(), generation: z.string() }),
    /** Hex. */
    sha256: z.string(),
    /** Somebody else's upload of exactly these bytes. */
    duplicateOf: z.object({ uploadId: documentId, ownerId: uid }).optional(),
  }),
  orderingKey: (data) => `content:${data.uploadId}`,
});
