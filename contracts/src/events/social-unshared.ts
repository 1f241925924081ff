import { share } from '../documents/engagement.ts';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A share that had taken effect is gone. */
export const socialUnshared = defineEvent({
  name: 'social.unshared',
  version: 1,
  audience: 'services',
  data: share.pick({ userId: true, target: true }).extend({ contentId: documentId, ownerId: uid, shareId: documentId }),
  orderingKey: (data) => `content:${data.contentId}`,
});
