import { z } from 'zod';
import { documentId } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** Somebody reported something. */
export const moderationReportFiled = defineEvent({
  name: 'moderation.report-filed',
  version: 1,
  audience: 'services',
  data: z.object({ reportId: documentId }),
  orderingKey: (data) => data.reportId,
});
