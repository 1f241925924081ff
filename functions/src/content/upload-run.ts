import {
  type DocumentRef,
  content,
  documentId,
  enrichment,
  failure,
  media,
  rejection,
  timestamp,
  uploadStep,
} from '@playnite/contracts/documents';
import { z } from 'zod';

/** What the pipeline decided; written down before it is carried out, so that a crash in between changes nothing. */
const verdict = z.discriminatedUnion('status', [
  z.object({ status: z.literal('published') }),
  z.object({ status: z.literal('rejected'), rejection }),
  z.object({ status: z.literal('failed'), failure }),
]);
export type Verdict = z.infer<typeof verdict>;

/** What the steps found out; each writes its own, and one that finds its result there has nothing to do. */
const findings = z.object({
  /** The bytes are what the ticket said. Hex. */
  checked: z.object({ sha256: z.string(), kind: content.shape.kind }).optional(),
  /** The bytes are claimed for this upload, or belong to somebody else's. */
  claimed: z.object({ duplicateOf: z.object({ uploadId: documentId, ownerId: documentId }).optional() }).optional(),
  /** The renditions stand in the bucket. */
  rendered: z
    .object({
      media: media.omit({ capturedAt: true }),
      /** Milliseconds since 1970. */
      capturedAtMs: z.number().optional(),
      enrichment,
    })
    .optional(),
});
export type Findings = z.infer<typeof findings>;

/**
 * `uploadRuns/{uploadId}`: the pipeline's own notes on an upload; no client sees them.
 *
 * One run at a time holds the lease. `attempts` is the fence: every write of a run checks that it still is the
 * number it took, so a run that lost its lease without noticing can change nothing.
 */
const uploadRun = z.object({
  ownerId: z.string(),
  /** The one object that this ticket is about. */
  object: z.object({ path: z.string(), generation: z.string(), size: z.number(), contentType: z.string() }),
  attempts: z.number().int(),
  /** Attempts that came to where they could: only later ones count as failures. */
  settled: z.number().int().default(0),
  /** Starts of each step. */
  starts: z.partialRecord(uploadStep, z.number().int()).default({}),
  lease: z.object({ holder: z.string(), until: timestamp }).optional(),
  /** When a screening was last asked for. */
  screeningAskedAt: timestamp.optional(),
  findings: findings.default({}),
  verdict: verdict.optional(),
  /** The document leaves by TTL some time after this. */
  expireAt: timestamp,
});
export type UploadRun = z.infer<typeof uploadRun>;

export const uploadRunAt = (uploadId: string): DocumentRef<UploadRun> => ({
  path: `uploadRuns/${uploadId}`,
  shape: uploadRun,
});

/** `hashes/{sha256}`: the one upload that these bytes belong to, from the moment it is being looked at. */
const hashClaim = z.object({ uploadId: documentId, ownerId: documentId, claimedAt: timestamp });
export type HashClaim = z.infer<typeof hashClaim>;

export const hashClaimAt = (sha256: string): DocumentRef<HashClaim> => ({ path: `hashes/${sha256}`, shape: hashClaim });

/** A run that has not moved for this long is taken to be dead; each step of a live one takes far less, but for a long video. */
export const LEASE_MS = 30_000;
/** Rendering a video of three minutes takes up to this long. */
export const VIDEO_LEASE_MS = 150_000;
/** Starts of the pipeline for one upload since it last came to where it could, before it is given up as failed. */
export const RUN_ATTEMPTS_MAX = 6;
/** How long the notes are kept after the upload came. */
export const RUN_KEPT_MS = 30 * 24 * 60 * 60_000;
