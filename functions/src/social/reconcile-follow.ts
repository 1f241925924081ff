import {
  type FollowEdge,
  type FollowRequest,
  activityAt,
  blockAt,
  budgetAt,
  followRequest,
  followRequestAt,
  followerAt,
  followingAt,
  userAt,
} from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import type { Transaction } from '../platform/documents.ts';
import { inGroups } from '../platform/erasure.ts';
import type { OutgoingEvent } from '../platform/publisher.ts';
import { POINTS, chargeIn } from './budget.ts';
import { type FollowPlan, planFollow } from './plan-follow.ts';

/** Requests that are let in when an account goes public, in one page and of these at the same time. */
const REQUEST_PAGE = 300;
const REQUESTS_AT_ONCE = 20;

/** Who follows, or wants to, and whom. */
export interface Pair {
  followerUid: string;
  targetUid: string;
}

/**
 * Brings all that belongs to a follow in line with the follower's wish, `users/{follower}/following/{target}`, and with what
 * stands against it: the mirror below the target, the request where the target is private, the follower's own log and
 * budget. The mirror and the request bear the time of the wish that they belong to, so they are the ledger by which a wish
 * is charged once; the counts are counts of the mirrors. However often and in whatever order it runs, it ends the same.
 */
export async function reconcileFollow(ctx: Needs, { followerUid, targetUid }: Pair): Promise<void> {
  const refusal = await ctx.documents.transact(async (tx): Promise<OutgoingEvent | undefined> => {
    const found = await readFollow(tx, { followerUid, targetUid });
    if (!found) return undefined;
    const { edge, mirror, request, follower, target, blocked, budget } = found;
    const now = ctx.now();
    const planned = planFollow({
      edgeAt: edge?.createdAt.toMillis(),
      mirrorAt: mirror?.createdAt.toMillis(),
      request: request && { at: request.createdAt.toMillis(), status: request.status },
      exist: follower !== undefined && target !== undefined,
      blocked,
      targetIsPrivate: target?.private ?? false,
    });
    // A wish that takes the place of an earlier one, seen or not, is no further follow.
    const counted = mirror !== undefined || request !== undefined;
    const price = { points: POINTS.create, ...(counted ? {} : { follows: 1 as const }) };
    const refused = planned.isNew ? chargeIn(tx, followerUid, { present: budget, price, now }) : undefined;
    const plan = refused ? REFUSED : planned;
    if (counted && follower && plan.mirror === 'absent' && plan.request === 'absent') {
      const end = { points: POINTS.delete, follows: -1 as const, always: true };
      chargeIn(tx, followerUid, { present: budget, price: end, now });
    }
    writeFollow(tx, { followerUid, targetUid }, found, plan);
    return refused;
  });
  if (refusal) await ctx.publish([refusal]);
}

const REFUSED: FollowPlan = { edge: 'delete', mirror: 'absent', request: 'absent', isNew: false };

async function readFollow(tx: Transaction, { followerUid, targetUid }: Pair) {
  const [edge, mirror, request] = await Promise.all([
    tx.get(followingAt(followerUid, targetUid)),
    tx.get(followerAt(targetUid, followerUid)),
    tx.get(followRequestAt(targetUid, followerUid)),
  ]);
  if (!edge && !mirror && !request) return undefined;
  // The profiles as well: an account that goes private lets in whoever came before, and nobody who comes after. Many who follow
  // it at one moment share the lock on its profile; only who writes it waits.
  const [follower, target, blocking, blockedBy, budget] = await Promise.all([
    tx.get(userAt(followerUid)),
    tx.get(userAt(targetUid)),
    tx.get(blockAt(followerUid, targetUid)),
    tx.get(blockAt(targetUid, followerUid)),
    tx.get(budgetAt(followerUid)),
  ]);
  const blocked = blocking !== undefined || blockedBy !== undefined;
  return { edge, mirror, request, follower, target, budget, blocked };
}

type Found = NonNullable<Awaited<ReturnType<typeof readFollow>>>;

function writeFollow(tx: Transaction, { followerUid, targetUid }: Pair, found: Found, plan: FollowPlan): void {
  const { edge, mirror, request } = found;
  const createdAt = edge?.createdAt.toDate();
  const isOf = (document: FollowEdge | FollowRequest | undefined) =>
    document?.createdAt.toMillis() === createdAt?.getTime();
  const activityRef = activityAt(followerUid, `follow~${targetUid}`);
  if (edge && plan.edge === 'delete') tx.delete(followingAt(followerUid, targetUid));
  if (plan.mirror === 'present' && !isOf(mirror)) {
    tx.set(followerAt(targetUid, followerUid), { createdAt, followerUid });
    tx.set(activityRef, { type: 'follow', actorId: followerUid, subject: `users/${targetUid}`, at: createdAt });
  } else if (plan.mirror === 'absent' && mirror) {
    tx.delete(followerAt(targetUid, followerUid));
    tx.delete(activityRef);
  }
  const requestRef = followRequestAt(targetUid, followerUid);
  if (plan.request === 'absent') {
    if (request) tx.delete(requestRef);
  } else if (!isOf(request) || request?.status !== plan.request) {
    tx.set(requestRef, { createdAt, status: plan.request });
  }
}

/** Lets in all who are waiting, once an account is no longer private. */
export async function acceptWaiting(ctx: Needs, targetUid: string): Promise<void> {
  const profile = await ctx.documents.get(userAt(targetUid));
  if (!profile || profile.private) return;
  let after: string | undefined;
  do {
    const page = await ctx.documents.list({
      collection: `users/${targetUid}/followRequests`,
      shape: followRequest,
      where: [['status', '==', 'pending']],
      limit: REQUEST_PAGE,
      ...(after === undefined ? {} : { after }),
    });
    await inGroups(page, REQUESTS_AT_ONCE, ({ id }) => reconcileFollow(ctx, { followerUid: id, targetUid }));
    after = page.length < REQUEST_PAGE ? undefined : page.at(-1)?.id;
  } while (after !== undefined);
}

type Needs = Pick<Context, 'documents' | 'publish' | 'now'>;
