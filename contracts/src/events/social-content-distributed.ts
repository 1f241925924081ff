import { z } from 'zod';
import { feedItem } from '../documents/user.ts';
import { uid } from '../text.ts';
import { contentCard } from './content-card.ts';
import { defineEvent } from './define-event.ts';

/** The followers one event may name: one page of fan-out, about 15 kB of user ids. */
export const DISTRIBUTION_MAX = 500;

/** A content stands in the feeds of these users. */
export const socialContentDistributed = defineEvent({
  name: 'social.content-distributed',
  version: 1,
  audience: 'both',
  data: z.object({
    content: contentCard,
    reason: feedItem.shape.reason,
    repostedBy: feedItem.shape.repostedBy,
    uids: z.array(uid).min(1).max(DISTRIBUTION_MAX),
  }),
  orderingKey: (data) => `content:${data.content.contentId}`,
});
