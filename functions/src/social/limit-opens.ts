/**
 * How many opens of shared links are counted. Whoever opens a link is shown what it leads to in any case: many people can be
 * behind one address, and a page costs two reads. What is limited is what an open leaves behind, so that nobody inflates a
 * number without effort, or keeps the documents busy that it is added up in. Each instance counts for itself: a write for each
 * open is what the limit is there to save.
 */
import { subscriberOf } from '../platform/addresses.ts';
import { Tallies } from '../platform/tallies.ts';

/** A tally ends after so long. */
export const WINDOW_MS = 5 * 60_000;
/** Opens by one address that are counted within a window. */
export const OPENS_PER_ADDRESS = 300;
/** Opens of one share: eight a second, one for each document among which they are spread. */
export const OPENS_PER_SHARE = 2_400;

const byAddress = new Tallies({ most: OPENS_PER_ADDRESS, windowMs: WINDOW_MS });
const byShare = new Tallies({ most: OPENS_PER_SHARE, windowMs: WINDOW_MS });

/** Whether an open counts. `address` is the one that the platform's own front end saw. */
export const countsAsOpen = (code: string, address: string, now: Date): boolean =>
  byAddress.take(subscriberOf(address), now.getTime()) && byShare.take(code, now.getTime());
