import {
  type Tally,
  deletionAt,
  deletionId as idOfDeletion,
  mediaPrefix,
  quarantinePath,
  quotaAt,
  reservationAt,
  uploadObjectPath,
} from '@playnite/contracts/documents';
import type { storageDeletionRequested } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { eraseAll, eraseOne, erasePaged, inGroups, leaveReceipt } from '../platform/erasure.ts';
import { KEYED_CALLS } from '../platform/idempotency.ts';
import { changeSums, openQuota } from './quota.ts';
import { plan } from './settle.ts';

/** Objects, or reservations with theirs, removed in one page, and of these at the same time. */
const OBJECT_PAGE = 300;
const REMOVALS_AT_ONCE = 20;

/**
 * Erases the files and the quota's rows of a content, or what an account has beyond its contents: each of those is deleted
 * by a deletion of its own. Of what the platform itself remembers of an account, its keyed calls go here too.
 *
 * @throws {PlatformError} `erasing-continues`, transient
 */
export async function eraseFiles(ctx: Needs, { deletionId, kind, targetId, ownerId, round }: Requested): Promise<void> {
  const erased = kind === 'content' ? await ofContent(ctx, targetId, ownerId) : await ofAccount(ctx, targetId);
  await leaveReceipt(ctx, deletionId, 'storage', round, erased);
}

async function ofContent(ctx: Needs, contentId: string, ownerId: string): Promise<Tally> {
  const [media, quarantine, uploads, reservations] = await Promise.all([
    removeBelow(ctx, mediaPrefix(contentId)),
    removeOne(ctx, quarantinePath(contentId)),
    removeOne(ctx, uploadObjectPath(ownerId, contentId)),
    giveBack(ctx, contentId),
  ]);
  return { media, quarantine, uploads, reservations };
}

async function ofAccount(ctx: Needs, uid: string): Promise<Tally> {
  const [uploads, quotas, reservations, idempotencyKeys] = await Promise.all([
    removeBelow(ctx, `uploads/${uid}/`),
    eraseOne(ctx, quotaAt(uid).path),
    eraseReservations(ctx, uid),
    eraseAll(ctx, { collection: KEYED_CALLS, where: [['uid', '==', uid]] }),
  ]);
  return { uploads, quotas, reservations, idempotencyKeys };
}

/**
 * Erases an account's reservations, and what uploads that never became a content have left in the bucket. Each goes after its
 * objects, which nothing else leads to: where no reservation is left, none of these is.
 */
async function eraseReservations(ctx: Needs, uid: string): Promise<number> {
  return erasePaged('reservations', async () => {
    const paths = await ctx.documents.paths({
      collection: 'reservations',
      where: [['ownerId', '==', uid]],
      limit: OBJECT_PAGE,
    });
    await inGroups(paths, REMOVALS_AT_ONCE, async (path) => {
      const uploadId = path.slice(path.lastIndexOf('/') + 1);
      await removeOne(ctx, quarantinePath(uploadId));
      await removeBelow(ctx, mediaPrefix(uploadId));
    });
    await ctx.documents.deleteAll(paths);
    return paths.length;
  });
}

async function removeBelow(ctx: Needs, prefix: string): Promise<number> {
  return erasePaged(prefix, async () => {
    const page = await ctx.objects.list(prefix, { limit: OBJECT_PAGE });
    await inGroups(page, REMOVALS_AT_ONCE, ({ path }) => ctx.objects.remove(path));
    return page.length;
  });
}

/** One object by its whole name: as a prefix, the name would be that of others too. */
async function removeOne(ctx: Needs, path: string): Promise<number> {
  if (!(await ctx.objects.stat(path))) return 0;
  await ctx.objects.remove(path);
  return 1;
}

/** Takes a content's reservation away, and what it took of the quota with it; returns how many there were. */
async function giveBack(ctx: Needs, uploadId: string): Promise<number> {
  const claimed = await ctx.documents.get(reservationAt(uploadId));
  if (!claimed) return 0;
  await openQuota(ctx, claimed.ownerId);
  return ctx.documents.transact(async (tx) => {
    const reservation = await tx.get(reservationAt(uploadId));
    if (!reservation) return 0;
    const accountDeletion = await tx.get(deletionAt(idOfDeletion('account', reservation.ownerId)));
    // An account on its way out has no sums any more.
    if (!accountDeletion) changeSums(tx, reservation.ownerId, plan(reservation, undefined));
    tx.delete(reservationAt(uploadId));
    return 1;
  });
}

type Requested = ReturnType<(typeof storageDeletionRequested)['data']['parse']>;
type Needs = Pick<Context, 'documents' | 'objects'>;
