import { z } from 'zod';
import { documentId, text, uid } from '../text.ts';
import type { DocumentRef } from './document.ts';
import { timestamp } from './timestamp.ts';
import { rejection } from './upload.ts';

/**
 * Stands for the owner in what moderation keeps of an erased account, or of an erased content: decided cases, and fingerprints of
 * what was taken down. Of an account the standings of its subjects say so too. The audit log alone goes on naming the account's
 * id, since no entry can change without breaking the chain; nothing is left that says whose id that was.
 */
export const ERASED_OWNER = 'erased';

export const REASON_MAX = 1000;
export const STATEMENT_MAX = 1000;
export const REPORT_DETAILS_MAX = 1000;
export const REPORT_REASON_MAX = 50;
/** Pieces of evidence kept with one screening or case; the strongest come first. */
export const EVIDENCE_MAX = 20;

/** A probability, or a severity, from 0 to 1, by label: `image-explicit`, `text-hate`, `duplicate` … */
export const scores = z.record(z.string().max(40), z.number().min(0).max(1));
export type Scores = z.infer<typeof scores>;

/** Why a case exists, in a form that a console can show: never the reporter's identity, never more than it takes. */
export const evidence = z.object({
  /** `image`, `text`, `duplicate`, `report`, `appeal`, `classifier` */
  kind: z.enum(['image', 'text', 'duplicate', 'report', 'appeal', 'classifier']),
  label: z.string().max(60),
  score: z.number().min(0).max(1).optional(),
  /** With `text`: the field and the range of UTF-16 units in it. */
  field: z.string().max(40).optional(),
  start: z.number().int().optional(),
  end: z.number().int().optional(),
  /** With `duplicate`: the earlier content, and in how many of 64 bits the two hashes differ. */
  contentId: documentId.optional(),
  distance: z.number().int().optional(),
  note: z.string().max(REPORT_DETAILS_MAX).optional(),
});
export type Evidence = z.infer<typeof evidence>;

/** What screening found out about an upload, and what follows from it. Read by the pipeline, which waits for it. */
export const screening = z.object({
  ownerId: uid,
  /** The one object that was looked at. */
  object: z.object({ path: z.string(), generation: z.string() }),
  sha256: z.string(),
  verdict: z.enum(['approved', 'review', 'rejected']),
  /** With `rejected`. */
  rejection: rejection.optional(),
  scores,
  evidence: z.array(evidence).max(EVIDENCE_MAX),
  policyVersion: z.number().int(),
  caseId: documentId.optional(),
  at: timestamp,
  updatedAt: timestamp,
});
export type Screening = z.infer<typeof screening>;

/** `screenings/{uploadId}` */
export const screeningAt = (uploadId: string): DocumentRef<Screening> => ({
  path: `screenings/${uploadId}`,
  shape: screening,
});

export const moderationDecision = z.enum(['approve', 'reject', 'remove', 'restore']);
export type ModerationDecision = z.infer<typeof moderationDecision>;

/** Everything that can be done to a subject; each but the first two has its inverse among them. */
export const moderationAction = z.enum(['approve', 'reject', 'remove', 'restore', 'hold', 'release', 'uphold']);
export type ModerationAction = z.infer<typeof moderationAction>;

const actor = z.object({ kind: z.enum(['system', 'moderator', 'owner']), id: z.string() });
export type ModerationActor = z.infer<typeof actor>;

export const caseSource = z.enum(['screening', 'report', 'appeal', 'duplicate']);
export type CaseSource = z.infer<typeof caseSource>;

/** `moderationCases/{caseId}`: something that a person has to decide. */
export const moderationCase = z.object({
  /** A document's path: `uploads/x`, `content/x`, `content/x/comments/y`. */
  subject: z.string(),
  ownerId: uid,
  source: caseSource,
  status: z.enum(['open', 'claimed', 'decided']),
  scores,
  evidence: z.array(evidence).max(EVIDENCE_MAX),
  /** Greater is more urgent, from 0 to 1. */
  priority: z.number().min(0).max(1),
  policyVersion: z.number().int(),
  /** While `claimed`: whose it is, and until when. */
  claim: z.object({ moderatorId: uid, until: timestamp }).optional(),
  /** Moderators that may not decide it: who made the decision that is appealed against. */
  excluded: z.array(uid),
  /** With an appeal: the log entry that it is about. */
  appealOf: z.string().optional(),
  decision: z
    .object({ decision: moderationDecision, moderatorId: z.string(), reason: text(REASON_MAX), at: timestamp })
    .optional(),
  history: z.array(z.object({ what: z.string(), by: z.string(), at: timestamp })),
  createdAt: timestamp,
  updatedAt: timestamp,
});
export type ModerationCase = z.infer<typeof moderationCase>;

export const moderationCaseAt = (caseId: string): DocumentRef<ModerationCase> => ({
  path: `moderationCases/${caseId}`,
  shape: moderationCase,
});

/** How a published thing stands with moderation: `held` waits for a decision, `removed` is one. */
export const standing = z.enum(['clear', 'held', 'removed']);
export type Standing = z.infer<typeof standing>;

/**
 * A subject's path as the id of a document. No id that the rules let in holds a tilde, so nothing is lost. (Percent signs
 * would read better, but the emulators trip over them.)
 */
export const subjectKey = (subject: string): string => subject.replaceAll('/', '~');

/** `moderationSubjects/{key}`: the present truth about a subject; content follows it. */
export const moderationSubject = z.object({
  subject: z.string(),
  ownerId: uid,
  standing,
  /** Number of the newest entry in the log of this subject. */
  seq: z.number().int().nonnegative(),
  /** Hash of that entry: the next one is chained to it. */
  head: z.string(),
  /** The newest entry that took something away from the owner and has not been undone. */
  adverse: z.object({ entryId: z.string(), action: moderationAction, actorId: z.string() }).optional(),
  /** Reports since the last decision: how many, and what they weigh together. */
  reports: z.object({ count: z.number().int(), weight: z.number(), trusted: z.number().int() }).optional(),
  openCaseId: documentId.optional(),
  updatedAt: timestamp,
});
export type ModerationSubject = z.infer<typeof moderationSubject>;

export const moderationSubjectAt = (subject: string): DocumentRef<ModerationSubject> => ({
  path: `moderationSubjects/${subjectKey(subject)}`,
  shape: moderationSubject,
});

/**
 * `moderationLog/{key}~{seq}`: the audit log. Entries are only ever added; each holds the hash of the one before it, so
 * that a change to any of them shows. Holds no words of a user, and outlives the accounts that it names.
 */
export const logEntry = z.object({
  subject: z.string(),
  ownerId: uid,
  seq: z.number().int().positive(),
  action: moderationAction,
  actor,
  reason: text(REASON_MAX),
  caseId: documentId.optional(),
  /** The entry whose effect this one takes back. */
  undoes: z.string().optional(),
  scores,
  policyVersion: z.number().int(),
  /** ISO 8601: part of what is hashed. */
  at: z.iso.datetime(),
  previous: z.string(),
  hash: z.string(),
});
export type LogEntry = z.infer<typeof logEntry>;

export const logEntryId = (subject: string, seq: number): string =>
  `${subjectKey(subject)}~${String(seq).padStart(6, '0')}`;
export const logEntryAt = (entryId: string): DocumentRef<LogEntry> => ({
  path: `moderationLog/${entryId}`,
  shape: logEntry,
});

/** From which score on a label calls for a person, and from which on it decides alone; above 1 is never. */
export const thresholds = z.object({ review: z.number().min(0), reject: z.number().min(0) });

/** `moderationPolicies/{version}`; `moderationPolicies/active` names the version in force. */
export const moderationPolicy = z.object({
  version: z.number().int().positive(),
  labels: z.record(z.string().max(40), thresholds),
  /** Reports hold a content when they weigh so much together and so many of them come from reporters with a record. */
  reports: z.object({ holdWeight: z.number().positive(), holdTrusted: z.number().int().positive() }),
});
export type ModerationPolicy = z.infer<typeof moderationPolicy>;

export const moderationPolicyAt = (version: number): DocumentRef<ModerationPolicy> => ({
  path: `moderationPolicies/${version}`,
  shape: moderationPolicy,
});
const activePolicy = z.object({ version: z.number().int().positive() });
export const activePolicyRef: DocumentRef<z.infer<typeof activePolicy>> = {
  path: 'moderationPolicies/active',
  shape: activePolicy,
};

/** `reports/{reportId}`: the reporter creates it; functions add `status` and `outcome`. */
export const report = z.object({
  reporterId: uid,
  subject: text(500),
  reason: text(REPORT_REASON_MAX),
  details: text(REPORT_DETAILS_MAX).default(''),
  createdAt: timestamp,
  /** `repeated`: the same reporter has reported this before; `over-limit`: too many reports in a day. */
  status: z.enum(['open', 'resolved', 'repeated', 'over-limit', 'invalid']).optional(),
  outcome: z.enum(['action-taken', 'no-violation']).optional(),
});
export type Report = z.infer<typeof report>;

export const reportAt = (reportId: string): DocumentRef<Report> => ({ path: `reports/${reportId}`, shape: report });

/** `accountStandings/{uid}`: strikes; each one counts until it expires. */
export const accountStanding = z.object({
  status: z.enum(['active', 'limited', 'suspended']),
  strikes: z.array(z.object({ entryId: z.string(), at: timestamp, expiresAt: timestamp })),
  /** When the next strike expires, so that the schedule finds it. */
  nextExpiry: timestamp.nullable(),
  updatedAt: timestamp,
});
export type AccountStanding = z.infer<typeof accountStanding>;

export const accountStandingAt = (userId: string): DocumentRef<AccountStanding> => ({
  path: `accountStandings/${userId}`,
  shape: accountStanding,
});

/** `bannedHashes/{sha256}`: bytes that were taken down, and must not come again. */
const bannedHash = z.object({ contentId: documentId, entryId: z.string(), at: timestamp });

export const bannedHashAt = (sha256: string): DocumentRef<z.infer<typeof bannedHash>> => ({
  path: `bannedHashes/${sha256}`,
  shape: bannedHash,
});
