/**
 * How many calls are answered. Each instance of each function counts for itself, since a count that all share would cost a write
 * for each call; so what a caller can have in all grows with the instances that the load has called for. This keeps one caller
 * from taking an instance to themselves, and is no budget. Those are exact, and survive restarts: of what people do to others,
 * in the transactions that do it (social/budget.ts), and of uploads (storage/limit-uploads.ts).
 *
 * The numbers are those of Mastodon (config/initializers/rack_attack.rb), which counts addresses only of those who are not signed in.
 */
import { isLocal, subscriberOf } from './addresses.ts';
import { Tallies } from './tallies.ts';

export const CALLS_WINDOW_MS = 5 * 60_000;
/** Calls by one account within a window. */
export const CALLS_PER_ACCOUNT = 300;
/** Calls from one address, signed in or not. */
export const CALLS_PER_ADDRESS = 300;

const byAccount = new Tallies({ most: CALLS_PER_ACCOUNT, windowMs: CALLS_WINDOW_MS });
const byAddress = new Tallies({ most: CALLS_PER_ADDRESS, windowMs: CALLS_WINDOW_MS });

/** Counts a call by its account; undefined if it is within the limit, or else in how many seconds the next one will be. */
export const refuseAccount = (uid: string, now: Date): number | undefined => take(byAccount, uid, now);

/** The same by its address; one of this machine has no limit. */
export const refuseAddress = (address: string, now: Date): number | undefined =>
  isLocal(address) ? undefined : take(byAddress, subscriberOf(address), now);

function take(tallies: Tallies, name: string, now: Date): number | undefined {
  if (tallies.take(name, now.getTime())) return undefined;
  return Math.max(1, Math.ceil(tallies.endsInMs(name, now.getTime()) / 1000));
}
