import { contentCard } from './content-card.ts';
import { defineEvent } from './define-event.ts';

/** The owner edited a published content's words or visibility. */
export const contentUpdated = defineEvent({
  name: 'content.updated',
  version: 1,
  audience: 'live',
  data: contentCard,
  orderingKey: (data) => `content:${data.contentId}`,
});
