import { commentCard } from './comment-card.ts';
import { defineEvent } from './define-event.ts';

/** A comment can be seen for the first time, or again after it was held or removed. */
export const socialCommented = defineEvent({
  name: 'social.commented',
  version: 1,
  audience: 'both',
  data: commentCard,
  orderingKey: (data) => `content:${data.contentId}`,
});
