/**
 * Feeds of readers who were away, and the looking up of authors that too many follow.
 *
 * A feed is written for who is active. What was published while a reader was away is a gap in it, remembered with the
 * reader's state: at the return its newest part is filled, and the rest when the reader comes to it, so that the first page
 * does not wait for a month and nothing is passed over.
 */
import {
  type FeedState,
  deletionAt,
  deletionId,
  feedAuthorAt,
  feedItemAt,
  feedStateAt,
  followEdge,
  followerAt,
  userAt,
} from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { type Transaction, absent, excluding, including, serverTime } from '../platform/documents.ts';
import type { Position, Row } from './feed-page.ts';
import { fieldsOf, withdrawGone } from './feed-rows.ts';
import { type Known, authorsRows, readSources } from './feed-sources.ts';
import { ACTIVE_MS, isActive } from './plan-fan-out.ts';

/** Rows written at once when a gap is filled, one commit of them. */
const FILLED_MAX = 200;
/** Rows that each group of authors is asked for at a time. */
const FILL_STEP = 20;
const FOLLOWING_PAGE = 500;
/** How old the note may grow that a reader is active. */
const NOTED_MS = 24 * 60 * 60_000;
/** A fan-out that began while the reader counted as active may still have left them out: clocks differ, tasks wait. */
const OVERLAP_MS = 60 * 60_000;

/** Begins a feed with a profile: what is not known to be inactive is written. */
export async function openFeed(ctx: Pick<Needs, 'documents'>, uid: string): Promise<void> {
  await ctx.documents.transact(async (tx) => {
    const [user, state] = await Promise.all([tx.get(userAt(uid)), tx.get(feedStateAt(uid))]);
    if (user && !state) tx.create(feedStateAt(uid), { activeAt: serverTime });
  });
}

/** Notes that a reader is here. Who was away for long has a gap from then on, to be filled. */
export async function noteActive(ctx: Needs, uid: string): Promise<FeedState> {
  const now = ctx.now().getTime();
  const state = await ctx.documents.get(feedStateAt(uid));
  if (state && now - state.activeAt.toMillis() < NOTED_MS) return state;
  const noted = await ctx.documents.transact(async (tx) => {
    const present = await tx.get(feedStateAt(uid));
    if (!present) {
      if (!(await isErased(tx, uid))) tx.create(feedStateAt(uid), { activeAt: serverTime });
      return { activeAt: { toMillis: () => now, toDate: () => new Date(now) } };
    }
    const activeAt = present.activeAt.toMillis();
    const wasAway = !isActive(activeAt, now);
    // An older gap that was never filled goes on into this one.
    const gap = wasAway ? { after: present.gap?.after ?? activeAt + ACTIVE_MS - OVERLAP_MS, before: now } : present.gap;
    tx.update(feedStateAt(uid), {
      activeAt: serverTime,
      ...(wasAway ? { rebuiltAt: serverTime, gap } : {}),
    });
    return { ...present, ...(gap ? { gap } : {}) };
  });
  return noted;
}

/** Fills the newest part of a reader's gap; returns the state as it is then. */
export async function fillGap(ctx: Needs, uid: string, state: FeedState): Promise<FeedState> {
  const { gap } = state;
  if (!gap) return state;
  const following = await everybodyFollowed(ctx, uid);
  const large = await ctx.documents.getAll(following.map(feedAuthorAt));
  const pulled = following.filter((_, index) => large[index] !== undefined);
  const pushed = following.filter((_, index) => large[index] === undefined);
  const known: Known = new Map();
  const sources = authorsRows(ctx, pushed, known);
  const rows: Row[] = [];
  let after: Position | undefined;
  let complete = sources.length === 0;
  while (!complete && rows.length < FILLED_MAX) {
    const page = await readSources(sources, { after, upTo: gap.before, notBefore: gap.after }, FILL_STEP);
    rows.push(...page.rows);
    const last = rows.at(-1);
    complete = page.complete;
    if (last) after = { at: last.at, id: last.contentId };
  }
  const filled = rows.slice(0, FILLED_MAX);
  if (filled.length < rows.length) complete = false;
  const now = ctx.now();
  const own = filled.filter(({ repostedBy }) => repostedBy === undefined);
  const reposted = filled.filter(({ repostedBy }) => repostedBy !== undefined);
  await ctx.documents.setAll(own.map((row) => [feedItemAt(uid, row.contentId), fieldsOf(row, now)]));
  await ctx.documents.createMissing(reposted.map((row) => [feedItemAt(uid, row.contentId), fieldsOf(row, now)]));
  const contentIds = filled.map(({ contentId }) => contentId);
  await withdrawGone(ctx, [uid], contentIds);
  const oldest = filled.at(-1);
  const left = complete || !oldest ? undefined : { after: gap.after, before: Math.min(oldest.at, gap.before - 1) };
  await ctx.documents.transact(async (tx) => {
    if (!(await tx.get(feedStateAt(uid)))) return;
    tx.update(feedStateAt(uid), {
      gap: left ?? absent,
      ...(pulled.length > 0 ? { pulled: including(...pulled) } : {}),
    });
  });
  const { gap: _, ...rest } = state;
  return { ...rest, pulled: [...new Set([...(state.pulled ?? []), ...pulled])], ...(left ? { gap: left } : {}) };
}

async function everybodyFollowed(ctx: Needs, uid: string): Promise<string[]> {
  const followed: string[] = [];
  for (let after: string | undefined; ;) {
    const page = await ctx.documents.list({
      collection: `users/${uid}/following`,
      shape: followEdge,
      ...(after === undefined ? {} : { after }),
      limit: FOLLOWING_PAGE,
    });
    followed.push(...page.map(({ id }) => id));
    after = page.at(-1)?.id;
    if (page.length < FOLLOWING_PAGE) break;
  }
  // A wish that waits for an answer is no follow.
  const mirrors = await ctx.documents.getAll(followed.map((target) => followerAt(target, uid)));
  return followed.filter((_, index) => mirrors[index] !== undefined);
}

/** Has an author looked up when a reader reads, or no longer. */
export async function setPulled(
  ctx: Pick<Needs, 'documents'>,
  uid: string,
  authorUid: string,
  isPulled: boolean,
): Promise<void> {
  await ctx.documents.transact(async (tx) => {
    const state = await tx.get(feedStateAt(uid));
    if ((state?.pulled ?? []).includes(authorUid) === isPulled) return;
    if (state) tx.update(feedStateAt(uid), { pulled: isPulled ? including(authorUid) : excluding(authorUid) });
    else if (!(await isErased(tx, uid))) {
      tx.create(feedStateAt(uid), { activeAt: serverTime, pulled: [authorUid] });
    }
  });
}

/** An account that is gone may go on asking for a while, by its last token; no state begins for it any more. */
const isErased = async (tx: Pick<Transaction, 'get'>, uid: string): Promise<boolean> =>
  (await tx.get(deletionAt(deletionId('account', uid)))) !== undefined;

type Needs = Pick<Context, 'documents' | 'now'>;
