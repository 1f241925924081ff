import { feedback } from '../documents/feed.ts';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A reader said what a content is worth to them. */
export const socialFeedbackGiven = defineEvent({
  name: 'social.feedback-given',
  version: 1,
  audience: 'services',
  data: feedback.pick({ signal: true }).extend({ uid, contentId: documentId }),
  orderingKey: (data) => `user:${data.uid}`,
});
