import { drift } from '../documents/engagement.ts';
import { defineEvent } from './define-event.ts';

/** A stored count was not what its documents add up to, and was put right. */
export const socialDriftFound = defineEvent({
  name: 'social.drift-found',
  version: 1,
  audience: 'services',
  data: drift.pick({ subject: true, field: true, stored: true, counted: true }),
  orderingKey: (data) => data.subject,
});
