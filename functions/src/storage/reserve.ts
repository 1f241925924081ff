/**
 * Room in an account's quota, given once for each ticket; the reservation's document is the ledger. None is given for more
 * uploads than an account may begin in a time (limit-uploads.ts).
 *
 * The tickets of one account come in bursts, so the sums are not read in the transaction that adds to them. Instead the
 * room is taken first and looked at afterwards: of reservations that came together and are too much together, each sees
 * the others, and one after another is refused until the rest fits. None that stands was ever seen beyond the limit.
 */
import {
  ENDED_UPLOAD_STATUSES,
  type Quota,
  type Reservation,
  type UploadTicket,
  deletionAt,
  deletionId,
  quotaAt,
  reservationAt,
  uploadAt,
} from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { serverTime } from '../platform/documents.ts';
import { isOneTooMany } from './limit-uploads.ts';
import { changeSums, fits, openQuota, shareOf } from './quota.ts';

/**
 * Gives an open ticket its room in the owner's quota, or refuses it. What is being deleted, or was, gets none, however late
 * the news of its ticket comes.
 */
export async function reserve(ctx: Needs, uploadId: string): Promise<void> {
  const ticket = await ctx.documents.get(uploadAt(uploadId));
  if (!isOpen(ticket)) return;
  const [quota, isExcess] = await Promise.all([openQuota(ctx, ticket.ownerId), isOneTooMany(ctx, uploadId, ticket)]);
  await claim(ctx, uploadId, ticket.ownerId, isExcess ? 'too-many-uploads' : unlessFitting(quota, ticket.size));
  // On every delivery: an earlier one may have died between the claim and the look.
  await refuseExcess(ctx, uploadId, ticket.ownerId);
}

const isOpen = (ticket: UploadTicket | undefined): ticket is UploadTicket =>
  ticket !== undefined && !ENDED_UPLOAD_STATUSES.includes(ticket.status);

const unlessFitting = (quota: Quota | undefined, size: number): Reservation['refusal'] =>
  fits(quota, size) ? undefined : 'quota-exceeded';

async function claim(ctx: Needs, uploadId: string, ownerId: string, refusal: Reservation['refusal']): Promise<void> {
  await ctx.documents.transact(async (tx) => {
    const [ticket, reservation, contentDeletion, accountDeletion] = await Promise.all([
      tx.get(uploadAt(uploadId)),
      tx.get(reservationAt(uploadId)),
      tx.get(deletionAt(deletionId('content', uploadId))),
      tx.get(deletionAt(deletionId('account', ownerId))),
    ]);
    if (reservation || contentDeletion || accountDeletion || !isOpen(ticket)) return;
    const { size } = ticket;
    const state = refusal ? 'refused' : 'held';
    tx.create(reservationAt(uploadId), { ownerId, bytes: size, state, refusal, updatedAt: serverTime });
    changeSums(tx, ownerId, { deltaUsed: 0, deltaReserved: shareOf(state, size).reservedBytes });
  });
}

/** Takes the claim back if the account holds more than it may, itself included. */
async function refuseExcess(ctx: Needs, uploadId: string, ownerId: string): Promise<void> {
  if (fits(await ctx.documents.get(quotaAt(ownerId)), 0)) return;
  const refused = await ctx.documents.transact(async (tx) => {
    const [reservation, quota] = await Promise.all([tx.get(reservationAt(uploadId)), tx.get(quotaAt(ownerId))]);
    if (reservation?.state !== 'held' || !quota || fits(quota, 0)) return false;
    tx.update(reservationAt(uploadId), { state: 'refused', refusal: 'quota-exceeded', updatedAt: serverTime });
    changeSums(tx, ownerId, { deltaUsed: 0, deltaReserved: -reservation.bytes });
    return true;
  });
  if (refused) ctx.log.info('reservation taken back', { uploadId });
}

type Needs = Pick<Context, 'documents' | 'log'>;
