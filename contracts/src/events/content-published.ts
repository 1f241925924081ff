import { contentCard } from './content-card.ts';
import { defineEvent } from './define-event.ts';

/** A content can be seen for the first time, or again after it was held or removed. */
export const contentPublished = defineEvent({
  name: 'content.published',
  version: 1,
  audience: 'both',
  data: contentCard,
  orderingKey: (data) => `content:${data.contentId}`,
});
