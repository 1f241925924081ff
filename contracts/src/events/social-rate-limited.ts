import { z } from 'zod';
import { limit } from '../documents/budget.ts';
import { uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** An account did more than it may: what it does until then takes no effect. */
export const socialRateLimited = defineEvent({
  name: 'social.rate-limited',
  version: 1,
  audience: 'services',
  data: limit.pick({ reason: true }).extend({ uid, until: z.iso.datetime() }),
  orderingKey: (data) => `user:${data.uid}`,
});
