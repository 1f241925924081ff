import { type Tally, deletionAt, deletionId as idOfDeletion, followingAt, userAt } from '@playnite/contracts/documents';
import type { storageDeletionRequested } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { eraseAll, eraseOne, erasePaged, inGroups, leaveReceipt } from '../platform/erasure.ts';
import { recountContent } from './distribute-content.ts';
import { reconcileFollow } from './reconcile-follow.ts';

/** Follows are cut one transaction each, this many at the same time. */
const EDGES_AT_ONCE = 20;
const EDGE_PAGE = 300;
/** Follows of one kind that one try cuts, at some hundreds a second. */
const EDGES_PER_RUN = 5000;

/**
 * Erases a content from all feeds, or an account from everybody's lists.
 *
 * @throws {PlatformError} `erasing-continues`, transient
 */
export async function eraseSocial(
  ctx: Needs,
  { deletionId, kind, targetId, ownerId, round }: Requested,
): Promise<void> {
  const erased = kind === 'content' ? await ofContent(ctx, targetId, ownerId) : await ofAccount(ctx, targetId);
  await leaveReceipt(ctx, deletionId, 'social', round, erased);
}

async function ofContent(ctx: Needs, contentId: string, ownerId: string): Promise<Tally> {
  const feed = await eraseAll(ctx, { collection: 'feed', everywhere: true, where: [['contentId', '==', contentId]] });
  await recountContent(ctx, ownerId);
  return { feed };
}

/**
 * The profile goes first. Without it no follow of or by the account stands, so that reconciling one cuts its mirror and
 * the other's count while the list by which it was found is still there: a crash anywhere leaves what the next try needs.
 */
async function ofAccount(ctx: Needs, uid: string): Promise<Tally> {
  const users = await eraseOne(ctx, userAt(uid).path);
  const below = (name: string) => eraseAll(ctx, { collection: `users/${uid}/${name}` });
  const [handles, following, followers, blocks, mutes, feed, activity, feedOfOthers] = await Promise.all([
    eraseAll(ctx, { collection: 'handles', where: [['uid', '==', uid]] }),
    cutFollowing(ctx, uid),
    cutFollowers(ctx, uid),
    below('blocks'),
    below('mutes'),
    below('feed'),
    below('activity'),
    eraseAll(ctx, { collection: 'feed', everywhere: true, where: [['ownerId', '==', uid]] }),
  ]);
  return { users, handles, following, followers, blocks, mutes, feed, activity, feedOfOthers };
}

async function cutFollowing(ctx: Needs, uid: string): Promise<number> {
  return eachEdge(ctx, `users/${uid}/following`, async (targets) => {
    await inGroups(targets, EDGES_AT_ONCE, (targetUid) => reconcileFollow(ctx, { followerUid: uid, targetUid }));
    await ctx.documents.deleteAll(targets.map((targetUid) => followingAt(uid, targetUid).path));
  });
}

async function cutFollowers(ctx: Needs, uid: string): Promise<number> {
  return eachEdge(ctx, `users/${uid}/followers`, async (followers) => {
    await ctx.documents.deleteAll(followers.map((followerUid) => followingAt(followerUid, uid).path));
    await inGroups(followers, EDGES_AT_ONCE, (followerUid) => reconcileFollow(ctx, { followerUid, targetUid: uid }));
  });
}

/** Hands out the ids in a list of follows page by page, as long as cutting them leaves any. */
async function eachEdge(ctx: Needs, collection: string, cut: (ids: string[]) => Promise<void>): Promise<number> {
  return erasePaged(
    collection,
    async () => {
      const paths = await ctx.documents.paths({ collection, limit: EDGE_PAGE });
      await cut(paths.map((path) => path.slice(path.lastIndexOf('/') + 1)));
      return paths.length;
    },
    EDGES_PER_RUN,
  );
}

/**
 * Takes back a follow of or by an account that is on its way out. One that was not mirrored yet when the account was erased
 * is in no list by which it could have been found; the news of it comes here.
 */
export async function cutFollowOfErased(
  ctx: Pick<Needs, 'documents'>,
  { followerUid, targetUid }: { followerUid: string; targetUid: string },
): Promise<void> {
  const edge = followingAt(followerUid, targetUid);
  // Deleting what is not there could be news in its turn.
  if (!(await ctx.documents.get(edge))) return;
  const deletions = await ctx.documents.getAll(
    [followerUid, targetUid].map((uid) => deletionAt(idOfDeletion('account', uid))),
  );
  if (deletions.some((deletion) => deletion !== undefined)) await ctx.documents.deleteAll([edge.path]);
}

type Requested = ReturnType<(typeof storageDeletionRequested)['data']['parse']>;
type Needs = Pick<Context, 'documents' | 'publish'>;
