import { z } from 'zod';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A share was opened, once or more often since this was last said. */
export const socialShareOpened = defineEvent({
  name: 'social.share-opened',
  version: 1,
  audience: 'services',
  data: z.object({
    contentId: documentId,
    ownerId: uid,
    shareId: documentId,
    /** Of this share, so far. */
    opens: z.number().int().nonnegative(),
    reach: z.number().int().nonnegative(),
  }),
  orderingKey: (data) => `content:${data.contentId}`,
});
