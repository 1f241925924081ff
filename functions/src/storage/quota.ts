import { QUOTA_BYTES_DEFAULT, type Quota, type Reservation, quotaAt } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { type Transaction, plus } from '../platform/documents.ts';
import { notErased } from '../platform/erasure.ts';

/** What the sums of a quota change by, in bytes. */
export interface Deltas {
  deltaUsed: number;
  deltaReserved: number;
}

/** Whether so many bytes more stay within the account's limit; the limit itself is still within. */
export function fits(quota: Quota | undefined, bytes: number): boolean {
  const { usedBytes = 0, reservedBytes = 0, limitBytes = QUOTA_BYTES_DEFAULT } = quota ?? {};
  return usedBytes + reservedBytes + bytes <= limitBytes;
}

/** What a reservation in this state adds to the sums of its owner's quota. */
export const shareOf = (state: Reservation['state'], bytes: number): Pick<Quota, 'usedBytes' | 'reservedBytes'> => ({
  usedBytes: state === 'used' ? bytes : 0,
  reservedBytes: state === 'held' ? bytes : 0,
});

/** The account's quota as it is, opened when there is none yet; an account on its way out gets none. */
export async function openQuota(ctx: Pick<Context, 'documents'>, ownerId: string): Promise<Quota | undefined> {
  const quota = await ctx.documents.get(quotaAt(ownerId));
  if (quota) return quota;
  const isGone = async () => (await notErased(ctx, 'account', [ownerId])).length === 0;
  if (await isGone()) return undefined;
  await ctx.documents.createMissing([[quotaAt(ownerId), { usedBytes: 0, reservedBytes: 0 }]]);
  // Whoever erased the account in between may have looked for its quota before it was there.
  if (await isGone()) await ctx.documents.deleteAll([quotaAt(ownerId).path]);
  return undefined;
}

/**
 * Changes the sums of an open quota by what a reservation's new state means, without reading them: uploads of one account come in bursts,
 * and transactions that read what they all write would wait for one another.
 */
export function changeSums(
  tx: Pick<Transaction, 'update'>,
  ownerId: string,
  { deltaUsed, deltaReserved }: Deltas,
): void {
  if (deltaUsed === 0 && deltaReserved === 0) return;
  tx.update(quotaAt(ownerId), { usedBytes: plus(deltaUsed), reservedBytes: plus(deltaReserved) });
}
