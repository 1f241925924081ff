/**
 * Proves the numbers that contents and profiles show against the documents that they count. Nothing should ever be wrong:
 * a number is a count, taken when something was written. But news can be lost, and then a number stays behind until the
 * next one; here it is found, put right, and written down, so that somebody can ask why.
 *
 * Each run looks at the newest contents and at a page of everything else, and goes on there the next time.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { driftAt } from '@playnite/contracts/documents';
import { socialDriftFound } from '@playnite/contracts/events';
import { z } from 'zod';
import type { Context } from '../platform/context.ts';
import type { Found } from '../platform/documents.ts';
import { inGroups } from '../platform/erasure.ts';
import { eventOf } from '../platform/publisher.ts';
import { walkPage } from '../platform/walk.ts';
import { trimActivity } from './log-activity.ts';
import { CONTENT_COUNTS, type Counted, ROLL_UP_GRACE_MS, ROLL_UP_SLOT_MS, USER_COUNTS } from './plan-roll-up.ts';
import { fieldOf, numberIn, recount, searchFor, shownAt } from './roll-up.ts';

/** Profiles, and contents, that one run looks at, the newest contents besides, and of these at the same time. */
const PAGE = 200;
const NEWEST_MAX = 100;
const AT_ONCE = 10;
/** A number that is about to be counted differs for so long, and is no drift. */
const SETTLES_MS = 3 * ROLL_UP_SLOT_MS + ROLL_UP_GRACE_MS;

/** What shows a number, and the number as it differs from what there is. */
interface Difference extends Counted {
  stored: number;
  count: number;
  countedAsOf: number;
}

/** Looks at a share of all numbers, and puts right those that are wrong. Trims the users' own logs on the way. */
export async function reconcileCounts(ctx: Needs): Promise<void> {
  const contentCounts = (id: string): Counted[] => CONTENT_COUNTS.map((kind) => ({ subject: `content/${id}`, kind }));
  const userCounts = (id: string): Counted[] => USER_COUNTS.map((kind) => ({ subject: `users/${id}`, kind }));
  const suspects = new Map<string, Difference>();
  const look = async (counted: Counted) => {
    const difference = await differenceOf(ctx, counted);
    if (difference) suspects.set(`${counted.subject} ${counted.kind}`, difference);
  };
  await inGroups((await newest(ctx)).flatMap(contentCounts), AT_ONCE, look);
  await walk(ctx, 'content', (ids) => inGroups(ids.flatMap(contentCounts), AT_ONCE, look));
  await walk(ctx, 'users', async (ids) => {
    await inGroups(ids.flatMap(userCounts), AT_ONCE, look);
    await inGroups(ids, AT_ONCE, (uid) => trimActivity(ctx, uid));
  });
  if (suspects.size === 0) return;
  await sleep(SETTLES_MS);
  await inGroups([...suspects.values()], AT_ONCE, (suspect) => repair(ctx, suspect));
}

/** How a number differs from what there is; undefined where it does not. */
async function differenceOf(ctx: Needs, counted: Counted): Promise<Difference | undefined> {
  const [shown, { count }] = await Promise.all([
    ctx.documents.get(shownAt(counted.subject)),
    ctx.documents.countAsOf(searchFor(counted)),
  ]);
  const stored = numberIn(shown, counted.kind);
  if (!shown || stored === count) return undefined;
  return { ...counted, stored, count, countedAsOf: shown.countedAsOf?.[counted.kind] ?? 0 };
}

/** What still differs, and has not been counted in between, has been forgotten: it is put right and written down. */
async function repair(ctx: Needs, { subject, kind, stored, countedAsOf }: Difference): Promise<void> {
  const still = await differenceOf(ctx, { subject, kind });
  if (!still || still.countedAsOf !== countedAsOf || still.stored !== stored) return;
  const { count: counted } = still;
  await recount(ctx, { subject, kind });
  const [at, field] = [ctx.now(), fieldOf(kind)];
  // Two runs may overlap, and find the same: it is one drift, known by the count after which the number went wrong.
  const cause = `${subject} ${field} ${countedAsOf} ${stored}`;
  const id = createHash('sha256').update(cause).digest('base64url').slice(0, 27);
  await ctx.documents.setAll([[driftAt(id), { subject, field, stored, counted, at }]]);
  ctx.log.warn('a count had drifted', { subject, field, stored, counted });
  await ctx.publish([eventOf(socialDriftFound, { cause, at, data: { subject, field, stored, counted } })]);
}

async function walk(ctx: Needs, collection: string, handle: (ids: string[]) => Promise<void>): Promise<void> {
  await walkPage<Found<unknown>>(
    ctx,
    {
      name: `counts-of-${collection}`,
      limit: PAGE,
      nameOf: ({ id }) => id,
      load: (after, limit) =>
        ctx.documents.list({ collection, shape: z.unknown(), limit, ...(after === undefined ? {} : { after }) }),
    },
    (page) => handle(page.map(({ id }) => id)),
  );
}

/** The newest contents: most of what is written is written about them. */
async function newest(ctx: Needs): Promise<string[]> {
  const found = await ctx.documents.list({
    collection: 'content',
    shape: z.unknown(),
    orderBy: 'publishedAt',
    descending: true,
    limit: NEWEST_MAX,
  });
  return found.map(({ id }) => id);
}

type Needs = Pick<Context, 'documents' | 'publish' | 'log' | 'now'>;
