import type {
  AccountStanding,
  LogEntry,
  ModerationCase,
  ModerationSubject,
  Report,
  Screening,
} from '@playnite/contracts/documents';
import {
  moderationAccountChanged,
  moderationCaseChanged,
  moderationDecided,
  moderationReportFiled,
  moderationScreened,
  moderationStandingChanged,
} from '@playnite/contracts/events';
import type { Announcement, DocumentChange } from '../platform/on-document.ts';
import { eventOf } from '../platform/publisher.ts';
import { isAdverse } from './log.ts';

/** Wakes the pipeline that waits for a verdict. */
export function announceScreening({ params, before, after, at, version }: DocumentChange<Screening>): Announcement {
  const uploadId = params['uploadId'];
  if (!uploadId || !after || before?.verdict === after.verdict) return {};
  return {
    events: [eventOf(moderationScreened, { cause: `${uploadId} ${version}`, at, data: { uploadId, version } })],
  };
}

/** Tells how a subject stands now; its reports and cases are nobody else's business. */
export function announceSubject({ before, after, at, version }: DocumentChange<ModerationSubject>): Announcement {
  if (!after || (before?.standing ?? 'clear') === after.standing) return {};
  const { subject } = after;
  return { events: [eventOf(moderationStandingChanged, { cause: `${subject} ${version}`, at, data: { subject } })] };
}

/** Tells the owner, and whoever follows decisions. */
export function announceEntry({ params, before, after, at }: DocumentChange<LogEntry>): Announcement {
  const entryId = params['entryId'];
  if (!entryId || before || !after) return {};
  const { subject, ownerId, action, reason } = after;
  const data = { entryId, subject, ownerId, action, reason, appealable: isAdverse(action) };
  return { events: [eventOf(moderationDecided, { cause: entryId, at, data })] };
}

/** Shows moderators what is waiting. */
export function announceCase({ params, after, at, version }: DocumentChange<ModerationCase>): Announcement {
  const caseId = params['caseId'];
  if (!caseId || !after) return {};
  const { subject, source, status, scores, priority, updatedAt } = after;
  return {
    events: [
      eventOf(moderationCaseChanged, {
        cause: `${caseId} ${version}`,
        at,
        data: { caseId, subject, source, status, scores, priority, updatedAt: updatedAt.toDate().toISOString() },
      }),
    ],
  };
}

/** Only a new report is news. */
export function announceReport({ params, before, after, at }: DocumentChange<Report>): Announcement {
  const reportId = params['reportId'];
  if (!reportId || before || !after) return {};
  return { events: [eventOf(moderationReportFiled, { cause: reportId, at, data: { reportId } })] };
}

export function announceAccount({ params, before, after, at, version }: DocumentChange<AccountStanding>): Announcement {
  const uid = params['uid'];
  if (!uid || !after || (before?.status ?? 'active') === after.status) return {};
  return { events: [eventOf(moderationAccountChanged, { cause: `${uid} ${version}`, at, data: { uid } })] };
}
