import { z } from 'zod';
import { moderationCase } from '../documents/moderation.ts';
import { documentId } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A case was opened, claimed or decided. The newest `updatedAt` wins. */
export const moderationCaseChanged = defineEvent({
  name: 'moderation.case-changed',
  version: 1,
  audience: 'live',
  data: moderationCase
    .pick({ subject: true, source: true, status: true, scores: true, priority: true })
    .extend({ caseId: documentId, updatedAt: z.iso.datetime() }),
  orderingKey: () => 'moderation:queue',
});
