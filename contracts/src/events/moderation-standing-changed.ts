import { z } from 'zod';
import { defineEvent } from './define-event.ts';

/** A published thing was held, removed, or let go again; how it stands is in `moderationSubjects`. */
export const moderationStandingChanged = defineEvent({
  name: 'moderation.standing-changed',
  version: 1,
  audience: 'services',
  data: z.object({ subject: z.string().max(500) }),
  orderingKey: (data) => data.subject,
});
