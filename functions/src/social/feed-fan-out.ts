/**
 * Work along all of somebody's followers: a content or a repost that goes into their feeds, or the note that an author is
 * looked up from now on.
 *
 * The first page is done at once, and mostly is the last. What is left is cut into ranges of follower ids. Each range is a
 * document, `fanOuts/{id}-{n}`, that says how far it has come, and a chain of tasks, each of which does one page, writes the
 * progress down and names the next. A page is the same work however often it is done, and a task is named by its page, so
 * a run that dies is repeated from its page; a chain that has ended for good is found by its document and taken up again.
 */
import { createHash } from 'node:crypto';
import {
  type Content,
  type DocumentRef,
  contentAt,
  feedItemAt,
  feedStateAt,
  followEdge,
  repostAt,
  timestamp,
  userAt,
} from '@playnite/contracts/documents';
import { cardOf, socialContentDistributed } from '@playnite/contracts/events';
import { z } from 'zod';
import type { Context } from '../platform/context.ts';
import { including, serverTime } from '../platform/documents.ts';
import { eventOf } from '../platform/publisher.ts';
import { type QueueDefinition, taskOf } from '../platform/task-queues.ts';
import type { Row } from './feed-page.ts';
import { fieldsOf, withdrawFrom } from './feed-rows.ts';
import { FAN_OUT_PAGE, type Range, isActive, planRanges } from './plan-fan-out.ts';

const job = z.object({
  kind: z.enum(['content', 'repost', 'pulled']),
  /** Whose followers they are. */
  voiceUid: z.string(),
  /** Of the content or the repost. */
  contentId: z.string().optional(),
});
/** What is done along the followers. */
export type Job = z.infer<typeof job>;

const fanOut = job.extend({
  after: z.string(),
  through: z.string().optional(),
  /** Pages done. */
  page: z.number().int().nonnegative(),
  /** Followers whom they were for, active or not. */
  reached: z.number().int().nonnegative(),
  state: z.enum(['running', 'done']),
  updatedAt: timestamp,
  expireAt: timestamp,
});
type FanOut = z.infer<typeof fanOut>;
const fanOutAt = (id: string): DocumentRef<FanOut> => ({ path: `fanOuts/${id}`, shape: fanOut });

/** Progress is kept for so long, by a TTL policy. */
const KEPT_MS = 7 * 24 * 60 * 60_000;
/** A chain of which nothing was heard for so long is taken up again. */
const STALLED_MS = 5 * 60_000;
const RESUMED_PER_RUN = 100;

const pageOf = z.object({ id: z.string(), page: z.number().int().nonnegative() });
type PageOf = z.infer<typeof pageOf>;
export const fanOutQueue: QueueDefinition<PageOf> = { functionName: 'social-fanOut', data: pageOf };

const taskFor = (data: PageOf, again = '') => taskOf(fanOutQueue, { id: `${data.id}-${data.page}${again}`, data });

/** Does the first page, and has the others done by tasks. `cause` is what it is done for: the same one is done once. */
export async function startFanOut(ctx: Needs, of: Job, cause: string): Promise<void> {
  const { last, count } = await doPage(ctx, of, {});
  if (last === undefined || count < FAN_OUT_PAGE) return;
  const followers = (await ctx.documents.get(userAt(of.voiceUid)))?.counts?.followers ?? 0;
  const name = createHash('sha256')
    .update(`${of.kind} ${of.voiceUid} ${of.contentId ?? ''} ${cause}`)
    .digest('base64url');
  const ranges = planRanges(followers, last).map((range, at): [string, Range] => [`${name.slice(0, 22)}-${at}`, range]);
  await ctx.documents.createMissing(
    ranges.map(([id, range]) => [
      fanOutAt(id),
      {
        ...of,
        ...range,
        page: 0,
        reached: 0,
        state: 'running',
        updatedAt: serverTime,
        expireAt: new Date(ctx.now().getTime() + KEPT_MS),
      },
    ]),
  );
  await ctx.enqueue(ranges.map(([id]) => taskFor({ id, page: 0 })));
}

/** One task: the page that a range has come to. */
export async function continueFanOut(ctx: Needs, { id, page }: PageOf): Promise<void> {
  const present = await ctx.documents.get(fanOutAt(id));
  if (!present || present.state === 'done') return;
  if (present.page > page) {
    // This page is done; whoever did it may have died before naming the next task.
    await ctx.enqueue([taskFor({ id, page: present.page })]);
    return;
  }
  const { last, count } = await doPage(ctx, present, present);
  const isDone = count < FAN_OUT_PAGE;
  const isMine = await ctx.documents.transact(async (tx) => {
    const latest = await tx.get(fanOutAt(id));
    if (latest?.page !== page) return false;
    tx.update(fanOutAt(id), {
      page: page + 1,
      reached: latest.reached + count,
      ...(last === undefined ? {} : { after: last }),
      ...(isDone ? { state: 'done' } : {}),
      updatedAt: serverTime,
    });
    return true;
  });
  if (isMine && !isDone) await ctx.enqueue([taskFor({ id, page: page + 1 })]);
}

/** Takes up again the ranges that have come to a standstill. */
export async function resumeFanOuts(ctx: Pick<Needs, 'documents' | 'enqueue' | 'now'>): Promise<void> {
  const now = ctx.now().getTime();
  const stalled = await ctx.documents.list({
    collection: 'fanOuts',
    shape: fanOut,
    where: [
      ['state', '==', 'running'],
      ['updatedAt', '<=', new Date(now - STALLED_MS)],
    ],
    orderBy: 'updatedAt',
    limit: RESUMED_PER_RUN,
  });
  // The name of a task that has ended stays taken for a while.
  const again = `-again-${Math.floor(now / STALLED_MS)}`;
  await ctx.enqueue(stalled.map(({ id, data: { page } }) => taskFor({ id, page }, again)));
}

/** Does the work for one page of followers. `count` is how many there were, `last` the last of them. */
async function doPage(
  ctx: Needs,
  of: Job,
  { after, through }: { after?: string | undefined; through?: string | undefined },
): Promise<{ last: string | undefined; count: number }> {
  const followers = await ctx.documents.list({
    collection: `users/${of.voiceUid}/followers`,
    shape: followEdge,
    ...(after === undefined ? {} : { after }),
    ...(through === undefined ? {} : { through }),
    limit: FAN_OUT_PAGE,
  });
  const uids = followers.map(({ id }) => id);
  if (uids.length > 0) await (of.kind === 'pulled' ? markPulled(ctx, of.voiceUid, uids) : write(ctx, of, uids));
  return { last: uids.at(-1), count: uids.length };
}

/** Puts a content or a repost into the feeds of those who are active, and tells who has got it. */
async function write(ctx: Needs, of: Job, uids: readonly string[]): Promise<void> {
  const found = await toDistribute(ctx, of);
  if (!found) return;
  const { content, contentId, row } = found;
  const now = ctx.now().getTime();
  const states = await ctx.documents.getAll(uids.map(feedStateAt));
  const readers = uids.filter(
    (uid, index) => uid !== content.ownerId && isActive(states[index]?.activeAt.toMillis(), now),
  );
  const rows = readers.map(
    (uid) =>
      [feedItemAt(uid, contentId), fieldsOf({ ...row, reason: reasonFor(uid, content, of) }, ctx.now())] as const,
  );
  // A repost never takes the place of the content itself.
  if (of.kind === 'repost') await ctx.documents.createMissing(rows);
  else await ctx.documents.setAll(rows);
  // Whoever withdrew it in between may have looked through the feeds before these rows were there.
  if (!(await toDistribute(ctx, of))) {
    if (of.kind === 'repost') await withdrawFrom(ctx, readers, contentId, of.voiceUid);
    else await ctx.documents.deleteAll(rows.map(([{ path }]) => path));
    return;
  }
  await announceRows(ctx, { contentId, content, row }, readers, of);
}

const reasonFor = (uid: string, { mentions }: Content, { kind }: Job): Row['reason'] =>
  kind === 'content' && mentions.includes(uid) ? 'mention' : 'following';

async function announceRows(ctx: Needs, { contentId, content, row }: Distributable, readers: string[], of: Job) {
  const byReason = new Map<Row['reason'], string[]>();
  for (const uid of readers) {
    const reason = reasonFor(uid, content, of);
    byReason.set(reason, [...(byReason.get(reason) ?? []), uid]);
  }
  const { repostedBy } = row;
  await ctx.publish(
    [...byReason].map(([reason, uids]) =>
      eventOf(socialContentDistributed, {
        cause: `${contentId} ${row.at} ${repostedBy ?? ''} ${reason} ${uids[0] ?? ''}`,
        at: ctx.now(),
        data: {
          content: cardOf(contentId, content),
          reason,
          uids,
          ...(repostedBy === undefined ? {} : { repostedBy }),
        },
      }),
    ),
  );
}

interface Distributable {
  contentId: string;
  content: Content;
  row: Row;
}

/** What is to be written, as long as followers may see it. */
async function toDistribute(ctx: Pick<Needs, 'documents'>, of: Job): Promise<Distributable | undefined> {
  const { kind, voiceUid, contentId } = of;
  if (contentId === undefined) return undefined;
  const [content, repost] = await Promise.all([
    ctx.documents.get(contentAt(contentId)),
    kind === 'repost' ? ctx.documents.get(repostAt(voiceUid, contentId)) : undefined,
  ]);
  if (content?.status !== 'published' || content.visibility === 'private') return undefined;
  const { ownerId, publishedAt } = content;
  const row: Row = { contentId, ownerId, at: publishedAt.toMillis(), reason: 'following' };
  if (kind !== 'repost') return { contentId, content, row };
  if (!repost || content.visibility !== 'public') return undefined;
  return { contentId, content, row: { ...row, at: repost.at.toMillis(), repostedBy: voiceUid } };
}

/** Writes down with each follower that the author is to be looked up. */
async function markPulled(ctx: Pick<Needs, 'documents'>, authorUid: string, uids: readonly string[]): Promise<void> {
  const states = await ctx.documents.getAll(uids.map(feedStateAt));
  const known = uids.filter((_, index) => states[index] !== undefined);
  const unknown = uids.filter((_, index) => states[index] === undefined);
  await ctx.documents.createMissing(
    unknown.map((uid) => [feedStateAt(uid), { activeAt: serverTime, pulled: [authorUid] }]),
  );
  // A state that is gone by now makes the whole page fail, and be done again without it.
  await ctx.documents.transact((tx) => {
    for (const uid of known) tx.update(feedStateAt(uid), { pulled: including(authorUid) });
    return Promise.resolve();
  });
}

type Needs = Pick<Context, 'documents' | 'publish' | 'enqueue' | 'now'>;
