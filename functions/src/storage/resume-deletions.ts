import { type Deletion, deletion, deletionAt } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { type Found, serverTime } from '../platform/documents.ts';
import { ROUNDS_MAX } from './prove-deletion.ts';

/** A deletion that has not moved for this long is taken to have lost some news on its way. */
const STANDSTILL_MS = 2 * 60_000;
/** Deletions set going again in one run; the oldest come first, and what is left over is there in the next run. */
const DELETIONS_PER_RUN = 100;
const ROUNDS_BEFORE_LAST = Array.from({ length: ROUNDS_MAX - 1 }, (_, index) => index + 1);

/** Starts the next round of deletions that stand still, and complains about those that have had their last one. */
export async function resumeDeletions(ctx: Needs): Promise<void> {
  const standstill = ['updatedAt', '<', new Date(ctx.now().getTime() - STANDSTILL_MS)] as const;
  const [waiting, stuck] = await Promise.all([
    ctx.documents.list({
      collection: 'deletions',
      shape: deletion,
      where: [['state', '==', 'running'], ['round', 'in', ROUNDS_BEFORE_LAST], standstill],
      orderBy: 'updatedAt',
      limit: DELETIONS_PER_RUN,
    }),
    ctx.documents.count({
      collection: 'deletions',
      where: [['state', '==', 'running'], ['round', '==', ROUNDS_MAX], standstill],
    }),
  ]);
  for (const each of waiting) await startNextRound(ctx, each);
  if (waiting.length > 0) ctx.log.warn('deletions resumed', { deletionIds: waiting.map(({ id }) => id) });
  if (stuck > 0) ctx.log.error('deletions stuck after their last round', { count: stuck });
}

/** Only if nothing has happened since it was found: a receipt that came in between would count for nothing. */
async function startNextRound(ctx: Needs, { id, data }: Found<Deletion>): Promise<void> {
  await ctx.documents.transact(async (tx) => {
    const present = await tx.get(deletionAt(id));
    if (present?.state !== 'running' || present.updatedAt.toMillis() !== data.updatedAt.toMillis()) return;
    tx.update(deletionAt(id), { round: present.round + 1, updatedAt: serverTime });
  });
}

type Needs = Pick<Context, 'documents' | 'now' | 'log'>;
