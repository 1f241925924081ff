import { z } from 'zod';
import { contentStats } from '../documents/content.ts';
import { documentId } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** The numbers of a content changed. Carries all of them; the greatest `version` wins. */
export const socialStatsChanged = defineEvent({
  name: 'social.stats-changed',
  version: 1,
  audience: 'live',
  data: z.object({ contentId: documentId, stats: contentStats, version: z.number().int().nonnegative() }),
  orderingKey: (data) => `content:${data.contentId}`,
});
