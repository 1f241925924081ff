import { commentCard } from './comment-card.ts';
import { defineEvent } from './define-event.ts';

/** A comment that can be seen says something else, and that was screened. */
export const socialCommentEdited = defineEvent({
  name: 'social.comment-edited',
  version: 1,
  audience: 'both',
  data: commentCard,
  orderingKey: (data) => `content:${data.contentId}`,
});
