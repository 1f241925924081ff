/**
 * How a content comes to those who follow its author; pure, so that what a great author costs can be computed.
 *
 * Up to a number of followers it is written into each one's feed. It goes page by page along the followers' ids, each page
 * one commit; what is longer than a page is cut into ranges of ids, each a chain of tasks that runs beside the others. Above
 * that number nothing is written: readers look the author up when they read.
 */

/** Followers of an author whose contents are written into feeds. */
export const FOLLOWERS_PUSHED_MAX = 10_000;
/** Followers of one page, which is one commit and one task. */
export const FAN_OUT_PAGE = 500;
/** Chains of tasks for one content. */
const RANGES_MAX = 8;
/** A chain is worth its while from so many followers on. */
const FOLLOWERS_PER_RANGE = 1_250;
/** Feeds are written for who has asked for theirs within this time; a longer absence is made up for at the return. */
export const ACTIVE_MS = 30 * 24 * 60 * 60_000;

/** How ids that Firebase Authentication makes begin, in their order in Firestore; any other id is in some range all the same. */
const FIRST_LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Ids after `after` up to and with `through`; open where that is missing. */
export interface Range {
  after: string;
  through?: string;
}

/** The ranges of ids behind the first page, for so many followers in all. */
export function planRanges(followers: number, firstPageEnd: string): Range[] {
  const count = Math.min(RANGES_MAX, Math.max(1, Math.ceil(followers / FOLLOWERS_PER_RANGE)));
  const cuts = Array.from({ length: count - 1 }, (_, at) =>
    FIRST_LETTERS.charAt(Math.round(((at + 1) * FIRST_LETTERS.length) / count)),
  ).filter((cut) => cut > firstPageEnd);
  return [firstPageEnd, ...cuts].map((after, at) => {
    const through = cuts[at];
    return { after, ...(through === undefined ? {} : { through }) };
  });
}

/** Whether somebody's feed is being written: they have asked for it lately, or nobody knows yet. */
export const isActive = (activeAtMs: number | undefined, nowMs: number): boolean =>
  activeAtMs === undefined || nowMs - activeAtMs <= ACTIVE_MS;
