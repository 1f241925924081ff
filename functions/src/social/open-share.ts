import { createHmac, randomBytes, randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DocumentRef, type ShareCode, contentAt, shareAt, shareCodeAt } from '@playnite/contracts/documents';
import { socialShareOpened } from '@playnite/contracts/events';
import { z } from 'zod';
import type { Context } from '../platform/context.ts';
import { classify, transient } from '../platform/errors.ts';
import type { PageRequest, PageResponse } from '../platform/on-request.ts';
import { eventOf } from '../platform/publisher.ts';
import { type QueueDefinition, taskOf } from '../platform/task-queues.ts';
import { countsAsOpen } from './limit-opens.ts';
import { NOTHING_PAGE, isPreviewer, sharePage } from './open-share-page.ts';
import { dueAt, slotOf } from './plan-roll-up.ts';
import { EXACT_MAX, VIEWER_PATTERN, reachOf, withViewer } from './reach.ts';
import { CODE_PATTERN, linkOf } from './share-links.ts';

/** Documents among which the opens of one share are spread, since each takes about one write a second. */
const SHARDS = 8;

/** `shareReach/{code}~{shard}`: opens of a share, and who they were by, as far as one of its shards saw them. */
const shard = z.object({
  code: z.string(),
  /** Whose share of which content, so that it is found when one of them goes. */
  contentId: z.string(),
  userId: z.string(),
  ownerId: z.string(),
  opens: z.number().int().nonnegative(),
  exact: z.array(z.string().regex(VIEWER_PATTERN)).max(EXACT_MAX),
  sketch: z.string().optional(),
});
const shardAt = (code: string, number: number): DocumentRef<z.infer<typeof shard>> => ({
  path: `shareReach/${code}~${number}`,
  shape: shard,
});

const opened = z.object({ code: z.string().regex(CODE_PATTERN), slot: z.number().int().nonnegative() });
type Opened = z.infer<typeof opened>;
export const openedQueue: QueueDefinition<Opened> = { functionName: 'social-rollUpOpens', data: opened };

/**
 * Answers a link that was shared, `/s/{code}`: a page that leads to the content, and is a preview of it elsewhere. Where to is
 * no part of the request. What is not public is not there, whoever asks.
 */
export async function openShare(ctx: Needs, request: PageRequest): Promise<PageResponse> {
  const code = /^\/s\/([^/]+)\/?$/.exec(request.path)?.[1] ?? '';
  const share = CODE_PATTERN.test(code) ? await ctx.documents.get(shareCodeAt(code)) : undefined;
  const content = share && (await ctx.documents.get(contentAt(share.contentId)));
  if (!share || content?.status !== 'published' || content.visibility !== 'public') {
    return { status: 404, html: NOTHING_PAGE };
  }
  const isOpen = request.method === 'GET' && !isPreviewer(request.header('user-agent') ?? '');
  if (isOpen && countsAsOpen(code, request.address, ctx.now())) {
    try {
      await countOpen(ctx, code, share, await viewerOf(ctx, request));
    } catch (thrown) {
      // Whoever opens a link is to see what it leads to, counted or not.
      ctx.log.warn('share opened but not counted', { code, reason: classify(thrown).message });
    }
  }
  const { publicUrl, appUrl } = ctx.environment;
  const url = `${appUrl}/content/${encodeURIComponent(share.contentId)}?via=${code}`;
  return { status: 200, html: sharePage({ url, link: linkOf(publicUrl, code), content }) };
}

async function countOpen(ctx: Needs, code: string, { contentId, userId, ownerId }: ShareCode, viewer: string) {
  const ref = shardAt(code, randomInt(SHARDS));
  await ctx.documents.transact(async (tx) => {
    const { opens = 0, exact = [], sketch } = (await tx.get(ref)) ?? {};
    const viewers = withViewer({ exact, sketch }, viewer) ?? { exact, sketch };
    tx.set(ref, {
      code,
      contentId,
      userId,
      ownerId,
      opens: opens + 1,
      exact: viewers.exact,
      ...(viewers.sketch === undefined ? {} : { sketch: viewers.sketch }),
    });
  });
  const slot = slotOf(ctx.now());
  await ctx.enqueue([taskOf(openedQueue, { id: `${code}-${slot}`, data: { code, slot }, notBefore: dueAt(slot) })]);
}

/** Adds up the shards of a share, at the end of a slot in which it was opened. */
export async function rollUpOpens(
  ctx: Pick<Context, 'documents' | 'publish' | 'now'>,
  { code, slot }: Opened,
): Promise<void> {
  await sleep(Math.max(0, dueAt(slot).getTime() - ctx.now().getTime()));
  const [share, ...shards] = await Promise.all([
    ctx.documents.get(shareCodeAt(code)),
    ...Array.from({ length: SHARDS }, (_, number) => ctx.documents.get(shardAt(code, number))),
  ]);
  if (!share) return;
  const { contentId, shareId, ownerId } = share;
  const seen = shards.filter((each) => each !== undefined);
  const opens = seen.reduce((sum, each) => sum + each.opens, 0);
  const { reach, error } = reachOf(seen);
  const isNews = await ctx.documents.transact(async (tx) => {
    const present = await tx.get(shareAt(contentId, shareId));
    if (!present || (present.opens ?? 0) >= opens) return false;
    tx.update(shareAt(contentId, shareId), { opens, reach, reachError: error });
    return true;
  });
  if (!isNews) return;
  await ctx.publish([
    eventOf(socialShareOpened, {
      cause: `${code} ${opens}`,
      at: ctx.now(),
      data: { contentId, ownerId, shareId, opens, reach },
    }),
  ]);
}

/**
 * Who opens it, as a keyed hash that says nothing by itself: the account of whoever is signed in, and the address and program of
 * anybody else. Several people behind one address with one program are one.
 */
async function viewerOf(ctx: Needs, request: PageRequest): Promise<string> {
  const token = /^Bearer (\S+)$/.exec(request.header('authorization') ?? '')?.[1];
  const uid = token === undefined ? undefined : await ctx.accounts.uidOf(token);
  const who = uid === undefined ? `at ${request.address} ${request.header('user-agent') ?? ''}` : `user ${uid}`;
  return createHmac('sha256', await viewerKey(ctx))
    .update(who)
    .digest('hex')
    .slice(0, 16);
}

/** `serverKeys/viewers`: made at its first use, and known to functions alone. */
const keyAt: DocumentRef<{ key: string }> = { path: 'serverKeys/viewers', shape: z.object({ key: z.string() }) };
let key: string | undefined;

async function viewerKey(ctx: Pick<Needs, 'documents'>): Promise<string> {
  if (key !== undefined) return key;
  await ctx.documents.createMissing([[keyAt, { key: randomBytes(32).toString('base64') }]]);
  key = (await ctx.documents.get(keyAt))?.key;
  if (key === undefined) throw transient('no-viewer-key', 'the key that was just made is not there');
  return key;
}

type Needs = Pick<Context, 'documents' | 'enqueue' | 'accounts' | 'environment' | 'now' | 'log'>;
