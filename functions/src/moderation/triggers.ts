import {
  REASON_MAX,
  STATEMENT_MAX,
  accountStanding,
  logEntry,
  moderationCase,
  moderationDecision,
  moderationPolicy,
  moderationSubject,
  report,
  screening,
} from '@playnite/contracts/documents';
import {
  contentEdited,
  contentScreeningRequested,
  contentUploadEnded,
  moderationDecided,
  moderationReportFiled,
  socialCommentWritten,
  storageDeletionRequested,
} from '@playnite/contracts/events';
import { z } from 'zod';
import type { Context } from '../platform/context.ts';
import { onCall } from '../platform/on-call.ts';
import { onDocument } from '../platform/on-document.ts';
import { onEvent } from '../platform/on-event.ts';
import { onSchedule } from '../platform/on-schedule.ts';
import {
  announceAccount,
  announceCase,
  announceEntry,
  announceReport,
  announceScreening,
  announceSubject,
} from './announce-moderation.ts';
import { appeal as openAppeal } from './appeal.ts';
import { chooseClassifier } from './classify-image.ts';
import { claimCase, decideCase, parseSubject } from './decide-case.ts';
import { eraseModeration } from './erase-moderation.ts';
import { adoptPolicy as adopt, evaluatePolicy } from './evaluate-policy.ts';
import { Catalog, compactFingerprints as compact } from './fingerprints.ts';
import { followUpload, holdLookAlikes } from './follow-upload.ts';
import { verifyLog as verify } from './log.ts';
import { resolveReports } from './resolve-reports.ts';
import { screenComment } from './screen-comment.ts';
import { screenEdit } from './screen-edit.ts';
import { type Screener, screenUpload } from './screen-upload.ts';
import { expireStrikes as expire } from './strikes.ts';
import { takeReport } from './take-report.ts';

/** What this process has loaded: the models and the fingerprints it knows. Nothing is loaded before it is used. */
let screener: Screener | undefined;
const screenerOf = ({ environment }: Context): Screener =>
  (screener ??= { classify: chooseClassifier(environment.imageClassifier), catalog: new Catalog() });

/** One picture at a time per instance: model, decoder and index share its memory. */
export const onScreeningRequested = onEvent(
  contentScreeningRequested,
  'moderation-onScreeningRequested',
  (ctx, { data }) => screenUpload(ctx, screenerOf(ctx), data),
  { memory: '2GiB', concurrency: 1 },
);

export const onContentEdited = onEvent(contentEdited, 'moderation-onContentEdited', (ctx, { data }) =>
  screenEdit(ctx, data.contentId),
);

export const onCommentWritten = onEvent(socialCommentWritten, 'moderation-onCommentWritten', (ctx, { data }) =>
  screenComment(ctx, data),
);

export const onUploadEnded = onEvent(contentUploadEnded, 'moderation-onUploadEnded', (ctx, { data }) =>
  followUpload(ctx, data.uploadId),
);

export const onDecided = onEvent(moderationDecided, 'moderation-onDecided', async (ctx, { data }) => {
  const parsed = parseSubject(data.subject);
  await resolveReports(ctx, data.entryId);
  if (data.appealable && parsed?.whole) await holdLookAlikes(ctx, screenerOf(ctx).catalog, parsed.contentId);
});

export const onReportFiled = onEvent(moderationReportFiled, 'moderation-onReportFiled', (ctx, { data }) =>
  takeReport(ctx, data.reportId),
);

export const onDeletionRequested = onEvent(
  storageDeletionRequested,
  'moderation-onDeletionRequested',
  (ctx, { data }) => eraseModeration(ctx, data),
);

export const onScreeningWritten = onDocument('screenings/{uploadId}', screening, announceScreening);
export const onSubjectWritten = onDocument('moderationSubjects/{key}', moderationSubject, announceSubject);
export const onEntryWritten = onDocument('moderationLog/{entryId}', logEntry, announceEntry);
export const onCaseWritten = onDocument('moderationCases/{caseId}', moderationCase, announceCase);
export const onReportWritten = onDocument('reports/{reportId}', report, announceReport);
export const onAccountWritten = onDocument('accountStandings/{uid}', accountStanding, announceAccount);

export const expireStrikes = onSchedule('every 60 minutes', expire);
/** Ten million hashes, the snapshot's bytes and the tables beside one another. */
export const compactFingerprints = onSchedule('every 60 minutes', compact, { memory: '2GiB', timeoutSeconds: 540 });

const caseId = z
  .string()
  .min(1)
  .max(400)
  .regex(/^[^/]+$/);
const wellFormed = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => value.isWellFormed(), { message: 'text holds a lone surrogate' });

/** `{caseId, decision, reason}` → `{caseId, subject, action, entryId}`. */
export const decide = onCall(
  'moderation-decide',
  {
    input: z.object({ caseId, decision: moderationDecision, reason: wellFormed(REASON_MAX) }),
    role: 'moderator',
    changes: true,
  },
  decideCase,
);

/** `{caseId}` → `{until}`: the case is the caller's own until then. */
export const claim = onCall(
  'moderation-claim',
  { input: z.object({ caseId }), role: 'moderator', changes: true },
  (ctx, data, caller) => claimCase(ctx, data.caseId, caller),
);

/** `{subject, statement}` → `{caseId}`, by the owner. */
export const appeal = onCall(
  'moderation-appeal',
  {
    input: z.object({ subject: z.string().min(1).max(500), statement: wellFormed(STATEMENT_MAX).min(1) }),
    changes: true,
  },
  openAppeal,
);

const thresholdSet = moderationPolicy
  .pick({ labels: true })
  .extend({ reports: moderationPolicy.shape.reports.optional() });

/** `{shadow?}` → how the policy in force, and another one, do on past decisions, with proposals. */
export const evaluate = onCall(
  'moderation-evaluate',
  { input: z.object({ shadow: thresholdSet.optional() }), role: 'moderator', changes: false },
  (ctx, { shadow }) => evaluatePolicy(ctx, shadow),
);

/** `{basedOn, labels, reports?}` → `{version}`. */
export const adoptPolicy = onCall(
  'moderation-adoptPolicy',
  { input: thresholdSet.extend({ basedOn: z.number().int().positive() }), role: 'admin', changes: true },
  adopt,
);

/** `{subject}` → `{entries, brokenAt?}`: whether the audit log of a subject is whole. */
export const verifyLog = onCall(
  'moderation-verifyLog',
  { input: z.object({ subject: z.string().min(1).max(500) }), role: 'moderator', changes: false },
  (ctx, { subject }) => verify(ctx, subject),
);
