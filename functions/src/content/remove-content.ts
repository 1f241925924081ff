import { contentAt, deletionAt, deletionId } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { type Transaction, serverTime } from '../platform/documents.ts';
import { Refusal } from '../platform/errors.ts';
import type { Caller } from '../platform/on-call.ts';

/** Writes that a content is to be erased everywhere, unless that is so already; it is out of sight from then on. */
export function requestDeletion(
  tx: Pick<Transaction, 'create' | 'update'>,
  { contentId, ownerId, requestedBy }: { contentId: string; ownerId: string; requestedBy: string },
): void {
  tx.update(contentAt(contentId), { status: 'removed', updatedAt: serverTime });
  tx.create(deletionAt(deletionId('content', contentId)), {
    kind: 'content',
    targetId: contentId,
    ownerId,
    requestedBy,
    state: 'running',
    round: 1,
    receipts: {},
    requestedAt: serverTime,
    updatedAt: serverTime,
  });
}

/**
 * Takes a content away for its owner: nobody sees it from now on, and everything there is of it is erased. How that goes, and
 * the proof that nothing is left, stands in `deletions/{deletionId}`. Asking again changes nothing.
 *
 * @throws {Refusal} `no-such-content`, `not-yours`
 */
export async function removeContent(
  ctx: Pick<Context, 'documents'>,
  { contentId }: { contentId: string },
  { uid }: Caller,
): Promise<{ contentId: string; deletionId: string; state: 'running' | 'done' }> {
  const id = deletionId('content', contentId);
  return ctx.documents.transact(async (tx) => {
    const [content, deletion] = await Promise.all([tx.get(contentAt(contentId)), tx.get(deletionAt(id))]);
    const ownerId = content?.ownerId ?? deletion?.ownerId;
    if (ownerId === undefined) throw new Refusal('not-found', 'no-such-content', 'There is no such content.');
    if (ownerId !== uid) throw new Refusal('permission-denied', 'not-yours', 'Only its owner can remove a content.');
    if (deletion) return { contentId, deletionId: id, state: deletion.state };
    requestDeletion(tx, { contentId, ownerId, requestedBy: uid });
    return { contentId, deletionId: id, state: 'running' };
  });
}
