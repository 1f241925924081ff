import { z } from 'zod';
import { report } from '../documents/moderation.ts';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A report came to its outcome; the reporter is told. */
export const moderationReportResolved = defineEvent({
  name: 'moderation.report-resolved',
  version: 1,
  audience: 'services',
  data: z.object({ reportId: documentId, reporterId: uid, outcome: report.shape.outcome.unwrap() }),
  orderingKey: (data) => data.reportId,
});
