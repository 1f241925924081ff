import { z } from 'zod';
import { uid } from '../text.ts';
import { defineEvent } from './define-event.ts';
import { TRACKED_EVENTS_MAX, trackedEvent } from './tracked-event.ts';

/** An app has told what its user did: everything of one call. What is told again has the same ids. */
export const analyticsTracked = defineEvent({
  name: 'analytics.tracked',
  version: 1,
  audience: 'services',
  data: z.object({
    uid,
    events: z
      .array(trackedEvent.extend({ id: z.string() }))
      .min(1)
      .max(TRACKED_EVENTS_MAX),
  }),
  orderingKey: (data) => `user:${data.uid}`,
});
