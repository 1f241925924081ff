import { type AccountStanding, accountStanding, accountStandingAt } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { serverTime } from '../platform/documents.ts';

/** How long a strike counts. */
const STRIKE_MS = 90 * 24 * 60 * 60_000;
/** From so many strikes on an account may not publish, and from so many on it may do nothing. */
const LIMITED_FROM = 3;
const SUSPENDED_FROM = 5;
/** Accounts looked at in one run of the schedule. */
const ACCOUNTS_PER_RUN = 200;

type Strike = Pick<AccountStanding['strikes'][number], 'entryId'> & { at: Date; expiresAt: Date };

const plain = (present: AccountStanding | undefined): Strike[] =>
  (present?.strikes ?? []).map(({ entryId, at, expiresAt }) => ({
    entryId,
    at: at.toDate(),
    expiresAt: expiresAt.toDate(),
  }));

/** What strikes come to at a moment; those that have expired are gone. */
export function standingOf(strikes: readonly Strike[], now: Date) {
  const counting = strikes.filter(({ expiresAt }) => expiresAt > now);
  const status: AccountStanding['status'] =
    counting.length >= SUSPENDED_FROM ? 'suspended' : counting.length >= LIMITED_FROM ? 'limited' : 'active';
  const expiries = counting.map(({ expiresAt }) => expiresAt.getTime());
  return {
    status,
    strikes: counting,
    nextExpiry: expiries.length > 0 ? new Date(Math.min(...expiries)) : null,
    updatedAt: serverTime,
  };
}

/** The standing with one strike more; the same log entry strikes once. */
export function withStrike(present: AccountStanding | undefined, entryId: string, now: Date) {
  const others = plain(present).filter((strike) => strike.entryId !== entryId);
  return standingOf([...others, { entryId, at: now, expiresAt: new Date(now.getTime() + STRIKE_MS) }], now);
}

/** The standing without the strike that a log entry gave. */
export const withoutStrike = (present: AccountStanding | undefined, entryId: string, now: Date) =>
  standingOf(
    plain(present).filter((strike) => strike.entryId !== entryId),
    now,
  );

/** Takes off the strikes whose time is over. */
export async function expireStrikes(ctx: Pick<Context, 'documents' | 'now'>): Promise<void> {
  const due = await ctx.documents.list({
    collection: 'accountStandings',
    shape: accountStanding,
    where: [['nextExpiry', '<=', ctx.now()]],
    orderBy: 'nextExpiry',
    limit: ACCOUNTS_PER_RUN,
  });
  for (const { id } of due) {
    await ctx.documents.transact(async (tx) => {
      const present = await tx.get(accountStandingAt(id));
      if (present) tx.set(accountStandingAt(id), standingOf(plain(present), ctx.now()));
    });
  }
}
