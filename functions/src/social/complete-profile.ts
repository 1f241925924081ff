import { userAt } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';

/** Gives a profile the fields that only functions write, where they are missing. */
export async function completeProfile(ctx: Needs, uid: string): Promise<void> {
  await ctx.documents.transact(async (tx) => {
    const user = await tx.get(userAt(uid));
    if (!user || (user.counts && user.status)) return;
    tx.update(userAt(uid), {
      counts: user.counts ?? { followers: 0, following: 0, content: 0 },
      status: user.status ?? 'active',
    });
  });
}

type Needs = Pick<Context, 'documents'>;
