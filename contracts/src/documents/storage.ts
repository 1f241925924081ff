import { z } from 'zod';
import { documentId, uid } from '../text.ts';
import type { DocumentRef } from './document.ts';
import { timestamp } from './timestamp.ts';

/** What an account may hold, in bytes of uploaded files, open tickets included: 5 GiB. */
export const QUOTA_BYTES_DEFAULT = 5 * 1024 ** 3;

/** `quotas/{uid}`: what an account holds. */
export const quota = z.object({
  /** Of published content. */
  usedBytes: z.number().int(),
  /** Of open tickets and uploads on their way. */
  reservedBytes: z.number().int(),
  /** Set by an operator; the default where it is missing. */
  limitBytes: z.number().int().nonnegative().optional(),
});
export type Quota = z.infer<typeof quota>;

export const quotaAt = (userId: string): DocumentRef<Quota> => ({ path: `quotas/${userId}`, shape: quota });

/** `reservations/{uploadId}`: what one upload takes of its owner's quota. The sums in `quotas` change only together with it. */
export const reservation = z.object({
  ownerId: uid,
  bytes: z.number().int().positive(),
  state: z.enum(['held', 'refused', 'used', 'released']),
  /** Why it is refused: there is no room, or the account begins too many uploads. */
  refusal: z.enum(['quota-exceeded', 'too-many-uploads']).optional(),
  updatedAt: timestamp,
});
export type Reservation = z.infer<typeof reservation>;

export const reservationAt = (uploadId: string): DocumentRef<Reservation> => ({
  path: `reservations/${uploadId}`,
  shape: reservation,
});

/** The services that hold traces of a content or an account; each erases its own and leaves a receipt. */
export const erasingService = z.enum(['content', 'social', 'moderation', 'notification', 'storage']);
export type ErasingService = z.infer<typeof erasingService>;
export const ERASING_SERVICES = erasingService.options;

/** How many things of each kind. */
const tally = z.record(z.string(), z.number().int());
export type Tally = z.infer<typeof tally>;

/** `deletions/{deletionId}`: a content or an account on its way out, until a look everywhere has found nothing of it. */
export const deletion = z.object({
  kind: z.enum(['content', 'account']),
  /** The content's id, or the account's. */
  targetId: documentId,
  ownerId: uid,
  requestedBy: z.string(),
  state: z.enum(['running', 'done']),
  /** Rounds of erasing so far: another follows while something is left. */
  round: z.number().int().positive(),
  receipts: z.partialRecord(erasingService, z.object({ round: z.number().int(), erased: tally })),
  /** What the last look found, by place; all zero when done. */
  remaining: tally.optional(),
  requestedAt: timestamp,
  updatedAt: timestamp,
});
export type Deletion = z.infer<typeof deletion>;

export const deletionId = (kind: Deletion['kind'], targetId: string): string => `${kind}~${targetId}`;
export const deletionAt = (id: string): DocumentRef<Deletion> => ({ path: `deletions/${id}`, shape: deletion });

/** Where an original waits that may be needed once more: for an appeal, or for a second try. Nobody reads it. */
export const quarantinePath = (uploadId: string) => `quarantine/${uploadId}`;
