import { z } from 'zod';
import { moderationAction } from '../documents/moderation.ts';
import { uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** An entry was added to the audit log: something was decided about a subject. Its owner hears of it. */
export const moderationDecided = defineEvent({
  name: 'moderation.decided',
  version: 1,
  audience: 'both',
  data: z.object({
    entryId: z.string(),
    subject: z.string(),
    ownerId: uid,
    action: moderationAction,
    reason: z.string(),
    /** Whether the owner may appeal against it. */
    appealable: z.boolean(),
  }),
  orderingKey: (data) => `user:${data.ownerId}`,
});
