import { accountStandingAt, userAt } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';

/** Brings a profile's status in line with how the account stands with moderation. */
export async function followAccount(ctx: Pick<Context, 'documents'>, uid: string): Promise<void> {
  await ctx.documents.transact(async (tx) => {
    const [user, standing] = await Promise.all([tx.get(userAt(uid)), tx.get(accountStandingAt(uid))]);
    if (!user || !standing || user.status === standing.status) return;
    tx.update(userAt(uid), { status: standing.status });
  });
}
