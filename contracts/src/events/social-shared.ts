import { share } from '../documents/engagement.ts';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A share took effect: its link is ready. */
export const socialShared = defineEvent({
  name: 'social.shared',
  version: 1,
  audience: 'services',
  data: share.pick({ userId: true, target: true }).extend({ contentId: documentId, ownerId: uid, shareId: documentId }),
  orderingKey: (data) => `content:${data.contentId}`,
});
