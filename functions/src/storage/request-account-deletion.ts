import { deletionAt, deletionId } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { serverTime } from '../platform/documents.ts';

/** Starts the deletion of all that a deleted account leaves behind, unless it has been started before. */
export async function requestAccountDeletion(ctx: Needs, uid: string): Promise<void> {
  await ctx.documents.createMissing([
    [
      deletionAt(deletionId('account', uid)),
      {
        kind: 'account',
        targetId: uid,
        ownerId: uid,
        requestedBy: uid,
        state: 'running',
        round: 1,
        receipts: {},
        requestedAt: serverTime,
        updatedAt: serverTime,
      },
    ],
  ]);
}

type Needs = Pick<Context, 'documents'>;
