import {
  ENDED_UPLOAD_STATUSES,
  type Reservation,
  type UploadStatus,
  deletionAt,
  deletionId,
  reservationAt,
  uploadAt,
} from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { serverTime } from '../platform/documents.ts';
import { type Deltas, changeSums, openQuota, shareOf } from './quota.ts';

/**
 * What a reservation has to be, given its ticket's status (undefined for a ticket that is gone), and what that changes in
 * the owner's sums.
 */
export function plan(
  { state: present, bytes }: Pick<Reservation, 'state' | 'bytes'>,
  status: UploadStatus | undefined,
): Deltas & { state: Reservation['state'] } {
  const state = stateFor(present, status);
  const [before, after] = [shareOf(present, bytes), shareOf(state, bytes)];
  return {
    state,
    deltaUsed: after.usedBytes - before.usedBytes,
    deltaReserved: after.reservedBytes - before.reservedBytes,
  };
}

function stateFor(present: Reservation['state'], status: UploadStatus | undefined): Reservation['state'] {
  if (status === 'published') return 'used';
  // A refusal takes nothing that could be given back, and says why the ticket ended.
  if (present === 'refused') return present;
  if (status === undefined || ENDED_UPLOAD_STATUSES.includes(status)) return 'released';
  // An appeal can bring an ended ticket back to work; it never waits for its file again.
  return present === 'released' && status !== 'awaiting-file' ? 'held' : present;
}

/** Brings an upload's reservation, and with it the owner's sums, in line with its ticket. */
export async function settle(ctx: Needs, uploadId: string): Promise<void> {
  const claimed = await ctx.documents.get(reservationAt(uploadId));
  if (!claimed) return;
  await openQuota(ctx, claimed.ownerId);
  await ctx.documents.transact(async (tx) => {
    const [ticket, reservation] = await Promise.all([tx.get(uploadAt(uploadId)), tx.get(reservationAt(uploadId))]);
    if (!reservation) return;
    const { state, ...deltas } = plan(reservation, ticket?.status);
    if (state === reservation.state) return;
    const { ownerId } = reservation;
    const accountDeletion = await tx.get(deletionAt(deletionId('account', ownerId)));
    tx.update(reservationAt(uploadId), { state, updatedAt: serverTime });
    // An account on its way out has no sums any more.
    if (!accountDeletion) changeSums(tx, ownerId, deltas);
  });
}

type Needs = Pick<Context, 'documents'>;
