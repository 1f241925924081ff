import { z } from 'zod';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** One page of an owner's followers has a content in the feed; the followers after `after` have not yet. */
export const socialFanOutContinued = defineEvent({
  name: 'social.fan-out-continued',
  version: 1,
  audience: 'services',
  data: z.object({ contentId: documentId, after: uid }),
  orderingKey: (data) => `content:${data.contentId}`,
});
