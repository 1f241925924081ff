import { z } from 'zod';
import { userCounts } from '../documents/user.ts';
import { uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** The numbers of an account changed. Carries all of them; the greatest `version` wins. */
export const socialCountsChanged = defineEvent({
  name: 'social.counts-changed',
  version: 1,
  audience: 'live',
  data: z.object({ uid, counts: userCounts, version: z.number().int().nonnegative() }),
  orderingKey: (data) => `user:${data.uid}`,
});
