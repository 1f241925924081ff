/**
 * What the services share when they erase a content or an account.
 *
 * A deletion goes in rounds. In each, every service erases what it holds and leaves a receipt; then somebody looks
 * whether anything is left. The deletion's document stays behind as a tombstone: late news of what was erased is told by
 * it, and makes nothing anew.
 */
import {
  type Deletion,
  type DocumentRef,
  type ErasingService,
  type Tally,
  deletionAt,
  deletionId,
} from '@playnite/contracts/documents';
import { z } from 'zod';
import type { Context } from './context.ts';
import { type Search, serverTime } from './documents.ts';
import { transient } from './errors.ts';

/** Documents that are deleted in one commit. */
const ERASE_PAGE = 300;
/** Things of one kind that one try erases: what a function can do within two minutes. */
const ERASED_PER_RUN = 20_000;

/**
 * Writes down that a service has erased its traces in a round. Receipts of other rounds, and for what is done with, are
 * dropped; of two in one round the last one stands.
 */
export async function leaveReceipt(
  ctx: Needs,
  id: string,
  service: ErasingService,
  round: number,
  erased: Tally,
): Promise<void> {
  const deletion = await ctx.documents.get(deletionAt(id));
  if (deletion?.state !== 'running' || deletion.round !== round) return;
  // All services finish at about the same time, and would wait for one another if the transaction read what it writes. A
  // round that begins in between finds the receipt of an old one, and takes one more round.
  await ctx.documents.transact(async (tx) => {
    tx.update(deletionAt(id), { [`receipts.${service}`]: { round, erased }, updatedAt: serverTime });
    return Promise.resolve();
  });
}

/**
 * Deletes all that a search finds, page by page; returns how many.
 *
 * @throws {PlatformError} `erasing-continues`, transient, after {@link ERASED_PER_RUN}: the next try goes on
 */
export async function eraseAll(ctx: Needs, search: Search): Promise<number> {
  return erasePaged(search.collection, async () => {
    const paths = await ctx.documents.paths({ ...search, limit: ERASE_PAGE });
    await ctx.documents.deleteAll(paths);
    return paths.length;
  });
}

/**
 * Erases page after page until a page is empty; `erasePage` answers how many it took away. `where` is for the error.
 *
 * @throws {PlatformError} `erasing-continues`, transient, after `most`: the next try goes on
 */
export async function erasePaged(
  where: string,
  erasePage: () => Promise<number>,
  most: number = ERASED_PER_RUN,
): Promise<number> {
  let erased = 0;
  while (erased < most) {
    const taken = await erasePage();
    if (taken === 0) return erased;
    erased += taken;
  }
  throw transient('erasing-continues', `${erased} erased in ${where}, and more are left`);
}

/** Any document, whatever it holds: enough to see whether it is there. */
export const traceAt = (path: string): DocumentRef<unknown> => ({ path, shape: z.unknown() });

/** Deletes one document; returns 1 if it was there, and 0 if not. */
export async function eraseOne(ctx: Needs, path: string): Promise<number> {
  if ((await ctx.documents.get(traceAt(path))) === undefined) return 0;
  await ctx.documents.deleteAll([path]);
  return 1;
}

/** Those of the ids that nobody has asked to delete. */
export async function notErased(ctx: Needs, kind: Deletion['kind'], ids: readonly string[]): Promise<string[]> {
  const deletions = await ctx.documents.getAll(ids.map((id) => deletionAt(deletionId(kind, id))));
  return ids.filter((_, index) => deletions[index] === undefined);
}

/** Does the work for each item, for `atOnce` of them at a time. */
export async function inGroups<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  for (let start = 0; start < items.length; start += atOnce) {
    await Promise.all(items.slice(start, start + atOnce).map(work));
  }
}

type Needs = Pick<Context, 'documents'>;
