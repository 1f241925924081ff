import { type Quota, type Reservation, quotaAt, reservation } from '@playnite/contracts/documents';
import { z } from 'zod';
import type { Context } from '../platform/context.ts';
import { inGroups } from '../platform/erasure.ts';
import { walkPage } from '../platform/walk.ts';
import { shareOf } from './quota.ts';
import { settle } from './settle.ts';

/** Accounts, and reservations of open tickets, looked at in one run, and of these at the same time. */
const QUOTAS_PER_RUN = 200;
const HELD_PER_RUN = 200;
const AT_ONCE = 10;
/** Reservations added up for one account: ten pages. Who has more is left to an operator. */
const RESERVATIONS_PAGE = 500;
const RESERVATIONS_MAX = 5000;

type Sums = Pick<Quota, 'usedBytes' | 'reservedBytes'>;

/** The sums that an account's reservations make, in bytes. */
export function addUp(reservations: readonly Pick<Reservation, 'state' | 'bytes'>[]): Sums {
  const sums = { usedBytes: 0, reservedBytes: 0 };
  for (const { state, bytes } of reservations) {
    const share = shareOf(state, bytes);
    sums.usedBytes += share.usedBytes;
    sums.reservedBytes += share.reservedBytes;
  }
  return sums;
}

/**
 * Mends what lost news may have left: reservations that are still held although their ticket has ended, and sums that are
 * not those of the account's reservations.
 */
export async function reconcileQuotas(ctx: Needs): Promise<void> {
  // A row that cannot be read must not hide those behind it, so the walks look at ids only.
  const ids = (collection: string, where: readonly (readonly ['state', '==', 'held'])[]) => ({
    nameOf: ({ id }: { id: string }) => id,
    load: (after: string | undefined, limit: number) =>
      ctx.documents.list({
        collection,
        shape: z.unknown(),
        where,
        limit,
        ...(after === undefined ? {} : { after }),
      }),
  });
  await walkPage(
    ctx,
    { name: 'held-reservations', limit: HELD_PER_RUN, ...ids('reservations', [['state', '==', 'held']]) },
    (page) => inGroups(page, AT_ONCE, ({ id }) => settle(ctx, id)),
  );
  await walkPage(ctx, { name: 'quotas', limit: QUOTAS_PER_RUN, ...ids('quotas', []) }, (page) =>
    inGroups(page, AT_ONCE, ({ id }) => reconcileQuota(ctx, id)),
  );
}

/**
 * Recomputes one account's sums. They are read in the transaction, and every change of a reservation that counts writes
 * them too: either it is among the reservations listed after that, or it makes this transaction start anew.
 */
async function reconcileQuota(ctx: Needs, uid: string): Promise<void> {
  const drift = await ctx.documents.transact(async (tx) => {
    const present = await tx.get(quotaAt(uid));
    if (!present) return undefined;
    const reservations = await listCounting(ctx, uid);
    if (!reservations) return undefined;
    const { usedBytes, reservedBytes } = addUp(reservations);
    const drifted = { usedBytes: present.usedBytes - usedBytes, reservedBytes: present.reservedBytes - reservedBytes };
    if (drifted.usedBytes === 0 && drifted.reservedBytes === 0) return undefined;
    tx.update(quotaAt(uid), { usedBytes, reservedBytes });
    return drifted;
  });
  if (drift) ctx.log.warn('quota had drifted', { uid, ...drift });
}

/** All reservations of an account that count; undefined when they are too many. */
async function listCounting(ctx: Needs, uid: string): Promise<Reservation[] | undefined> {
  const found: Reservation[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await ctx.documents.list({
      collection: 'reservations',
      shape: z.unknown(),
      where: [
        ['ownerId', '==', uid],
        ['state', 'in', ['held', 'used']],
      ],
      limit: RESERVATIONS_PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const { data } of page) {
      const parsed = reservation.safeParse(data);
      if (parsed.success) found.push(parsed.data);
    }
    after = page.at(-1)?.id;
    if (page.length < RESERVATIONS_PAGE) return found;
    if (found.length >= RESERVATIONS_MAX) {
      ctx.log.warn('too many reservations to add up', { uid });
      return undefined;
    }
  }
}

type Needs = Pick<Context, 'documents' | 'log'>;
