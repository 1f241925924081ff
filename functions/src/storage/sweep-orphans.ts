/**
 * Looks through the bucket for what no document knows of, and through the documents for what the bucket has lost.
 *
 * No hearer of news can find these: a process that died between two writes tells nobody. Each run takes one page of each
 * kind and goes on where the last one stopped. Whatever is young is left alone, since somebody may be at work on it.
 */
import {
  type DocumentRef,
  ENDED_UPLOAD_STATUSES,
  type UploadStatus,
  content,
  contentAt,
  mediaPrefix,
  timestamp,
  uploadStatus,
} from '@playnite/contracts/documents';
import { z } from 'zod';
import type { Context } from '../platform/context.ts';
import { serverTime } from '../platform/documents.ts';
import { inGroups, traceAt } from '../platform/erasure.ts';
import type { ListedObject } from '../platform/objects.ts';
import { walkPage } from '../platform/walk.ts';
import { renditionPaths } from './sync-visibility.ts';

/** Objects, or contents, of each kind that one run looks at, and calls to the bucket at the same time. */
const SWEEP_PAGE = 200;
const AT_ONCE = 20;
/** An object without its document may be a moment ahead of it; after this it is not. */
const ORPHAN_AGE_MS = 60 * 60_000;
/** How long an original is kept for an appeal. */
const QUARANTINE_MS = 30 * 24 * 60 * 60_000;
/** Contents without their files that are named for a person. */
const MISSING_MAX = 100;
/** A content has two or three renditions; with this many names none of them is overlooked. */
const RENDITIONS_LISTED_MAX = 100;

/** `ops/orphans`: published contents whose files are gone. */
const orphans = z.object({ missing: z.array(z.string()), at: timestamp });
const orphansRef: DocumentRef<z.infer<typeof orphans>> = { path: 'ops/orphans', shape: orphans };

/** The second and third part of a path, as far as they can be ids of documents. */
export function idsIn(path: string): [second: string | undefined, third: string | undefined] {
  const [, second, third, ...rest] = path.split('/');
  return [second || undefined, rest.length === 0 && third ? third : undefined];
}

/** What is known of an upload's ticket: its status, or that it is gone. */
const isOver = (status: UploadStatus | undefined): boolean =>
  status === undefined || ENDED_UPLOAD_STATUSES.includes(status);

/** Whether an object is nobody's: neither a content's nor that of an upload on its way. Ages in milliseconds. */
export const isOrphan = (object: {
  ageMs: number;
  ticketStatus: UploadStatus | undefined;
  hasContent: boolean;
}): boolean => object.ageMs > ORPHAN_AGE_MS && !object.hasContent && isOver(object.ticketStatus);

/** One page of each kind; the log says how much of each was found. */
export async function sweepOrphans(ctx: Needs): Promise<void> {
  const [media, uploads, quarantine, missing] = await Promise.all([
    sweepObjects(ctx, 'media', orphanedMedia),
    sweepObjects(ctx, 'uploads', orphanedUploads),
    sweepObjects(ctx, 'quarantine', async (_, page) => page.filter((object) => ageOf(ctx, object) > QUARANTINE_MS)),
    findMissing(ctx),
  ]);
  const found = { media, uploads, quarantine, missing };
  if (missing > 0) ctx.log.error('published contents have lost their files', found);
  else ctx.log.info('swept', found);
}

/** Removes what `choose` takes of the next page below `{root}/`; returns how many. */
async function sweepObjects(
  ctx: Needs,
  root: string,
  choose: (ctx: Needs, page: ListedObject[]) => Promise<ListedObject[]>,
): Promise<number> {
  let removed = 0;
  const walk = {
    name: `sweep-${root}`,
    limit: SWEEP_PAGE,
    nameOf: ({ path }: ListedObject) => path,
    // The storage emulator always begins at the first name.
    load: async (after: string | undefined, limit: number) =>
      (await ctx.objects.list(`${root}/`, { after, limit })).filter(({ path }) => after === undefined || path > after),
  };
  await walkPage(ctx, walk, async (page) => {
    const orphaned = await choose(ctx, page);
    await inGroups(orphaned, AT_ONCE, ({ path }) => ctx.objects.remove(path));
    removed = orphaned.length;
  });
  return removed;
}

async function orphanedMedia(ctx: Needs, page: ListedObject[]): Promise<ListedObject[]> {
  const idOf = ({ path }: ListedObject) => idsIn(path)[0];
  const ids = distinct(page.map(idOf));
  // The ticket first: one that ends as published in between has its content when that is looked for.
  const tickets = await ticketStatuses(ctx, ids);
  const contents = await ctx.documents.getAll(ids.map((id) => traceAt(contentAt(id).path)));
  const present = new Set(ids.filter((_, index) => contents[index] !== undefined));
  return page.filter((object) => {
    const id = idOf(object) ?? '';
    return isOrphan({ ageMs: ageOf(ctx, object), ticketStatus: tickets.get(id), hasContent: present.has(id) });
  });
}

async function orphanedUploads(ctx: Needs, page: ListedObject[]): Promise<ListedObject[]> {
  const idOf = ({ path }: ListedObject) => idsIn(path)[1];
  const tickets = await ticketStatuses(ctx, distinct(page.map(idOf)));
  return page.filter((object) =>
    isOrphan({ ageMs: ageOf(ctx, object), ticketStatus: tickets.get(idOf(object) ?? ''), hasContent: false }),
  );
}

/** Statuses of the tickets that there are; no more of a ticket is read, so none can be unreadable. */
async function ticketStatuses(ctx: Needs, ids: readonly string[]): Promise<Map<string, UploadStatus>> {
  const shape = z.object({ status: uploadStatus });
  const tickets = await ctx.documents.getAll(ids.map((id) => ({ path: `uploads/${id}`, shape })));
  return new Map(
    ids.flatMap((id, index) => {
      const ticket = tickets[index];
      return ticket ? [[id, ticket.status] as const] : [];
    }),
  );
}

const ageOf = (ctx: Needs, { updatedAt }: ListedObject): number => ctx.now().getTime() - updatedAt.getTime();
const distinct = (ids: readonly (string | undefined)[]): string[] => [
  ...new Set(ids.filter((id): id is string => id !== undefined)),
];

/** Names the published contents of the next page, and of those named before, whose files are not all there. */
async function findMissing(ctx: Needs): Promise<number> {
  const earlier = (await ctx.documents.get(orphansRef))?.missing ?? [];
  const missing: string[] = [];
  const walk = {
    name: 'sweep-content',
    limit: SWEEP_PAGE,
    nameOf: ({ id }: { id: string }) => id,
    load: (after: string | undefined, limit: number) =>
      ctx.documents.list({
        collection: 'content',
        shape: z.unknown(),
        where: [['status', '==', 'published']],
        limit,
        ...(after === undefined ? {} : { after }),
      }),
  };
  await walkPage(ctx, walk, async (page) => {
    await inGroups(distinct([...earlier, ...page.map(({ id }) => id)]), AT_ONCE, async (id) => {
      if (await hasLostFiles(ctx, id)) missing.push(id);
    });
    await ctx.documents.setAll([[orphansRef, { missing: missing.sort().slice(0, MISSING_MAX), at: serverTime }]]);
  });
  return missing.length;
}

async function hasLostFiles(ctx: Needs, contentId: string): Promise<boolean> {
  const there = new Set(
    (await ctx.objects.list(mediaPrefix(contentId), { limit: RENDITIONS_LISTED_MAX })).map(({ path }) => path),
  );
  // The content after its files: of one that is being deleted nothing counts as lost.
  const found = content.safeParse(await ctx.documents.get(traceAt(contentAt(contentId).path)));
  if (!found.success || found.data.status !== 'published') return false;
  return renditionPaths(found.data).some((path) => !there.has(path));
}

type Needs = Pick<Context, 'documents' | 'objects' | 'now' | 'log'>;
