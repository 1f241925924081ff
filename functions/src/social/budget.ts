/**
 * What an account may do in a time, so that nobody floods the others. Points and their limits are Bluesky's
 * (docs.bsky.app/docs/advanced-guides/rate-limits), the number of follows is Mastodon's. Taking something back is never refused.
 */
import { type Budget, type Limit, budgetAt, socialLimitAt } from '@playnite/contracts/documents';
import { socialRateLimited } from '@playnite/contracts/events';
import type { Transaction } from '../platform/documents.ts';
import { type OutgoingEvent, eventOf } from '../platform/publisher.ts';

export const POINTS = { create: 3, update: 2, delete: 1 } as const;
export const POINTS_PER_HOUR = 5_000;
export const POINTS_PER_DAY = 35_000;
export const FOLLOWS_PER_HOUR = 400;
/** People that one account follows. */
export const FOLLOWS_MAX = 7_500;

const HOUR_MS = 60 * 60_000;
const HOURS_PER_DAY = 24;
/** How long a refusal holds where no time helps, but only taking something back. */
const FULL_MS = 60_000;

export interface Price {
  points: number;
  /** 1 for a new follow, -1 for one that ended. */
  follows?: 1 | -1;
  /** Done in any case: it takes something back. */
  always?: boolean;
}

export type Charged = { spent: Budget } | { refused: Limit['reason']; until: Date };

/** Adds an action to what an account has spent, or says why it may not be, and until when. */
export function charge(present: Budget | undefined, { points, follows, always = false }: Price, now: Date): Charged {
  const hour = Math.floor(now.getTime() / HOUR_MS);
  const hours = Object.fromEntries(
    Object.entries(present?.hours ?? {}).filter(([name]) => Number(name) > hour - HOURS_PER_DAY),
  );
  const here = hours[hour] ?? { points: 0, follows: 0 };
  const following = present?.following ?? 0;
  const isFollow = follows === 1;
  const refuse = (refused: Limit['reason'], until: number): Charged => ({ refused, until: new Date(until) });
  if (!always) {
    const nextHour = (hour + 1) * HOUR_MS;
    // What refuses everything goes first: there is one limit at a time, and one of follows alone must not take its place.
    const freeAt = hourWithRoom(hours, points, hour);
    if (freeAt > hour) return refuse('points-per-day', freeAt * HOUR_MS);
    if (here.points + points > POINTS_PER_HOUR) return refuse('points-per-hour', nextHour);
    if (isFollow && here.follows >= FOLLOWS_PER_HOUR) return refuse('follows-per-hour', nextHour);
    if (isFollow && following >= FOLLOWS_MAX) return refuse('follows-in-all', now.getTime() + FULL_MS);
  }
  const spentHere = { points: here.points + points, follows: here.follows + (isFollow ? 1 : 0) };
  return {
    spent: { hours: { ...hours, [hour]: spentHere }, following: Math.max(0, following + (follows ?? 0)) },
  };
}

/** The first hour at whose beginning the day before it leaves room for so many points. */
function hourWithRoom(hours: Budget['hours'], points: number, from: number): number {
  for (let hour = from; hour < from + HOURS_PER_DAY; hour += 1) {
    const inDay = Object.entries(hours)
      .filter(([name]) => Number(name) > hour - HOURS_PER_DAY)
      .reduce((sum, [, each]) => sum + each.points, 0);
    if (inDay + points <= POINTS_PER_DAY) return hour;
  }
  return from + HOURS_PER_DAY;
}

/**
 * Charges an account in the transaction in which its action takes effect; `present` is its budget as read there. Of an action
 * that is refused, the limit that the rules go by is left, and the news of it returned.
 */
export function chargeIn(
  tx: Pick<Transaction, 'set'>,
  uid: string,
  { present, price, now }: { present: Budget | undefined; price: Price; now: Date },
): OutgoingEvent | undefined {
  const charged = charge(present, price, now);
  if ('spent' in charged) {
    tx.set(budgetAt(uid), charged.spent);
    return undefined;
  }
  const { refused: reason, until } = charged;
  tx.set(socialLimitAt(uid), { until, reason });
  const data = { uid, reason, until: until.toISOString() };
  return eventOf(socialRateLimited, { cause: `${uid} ${reason} ${data.until}`, at: now, data });
}
