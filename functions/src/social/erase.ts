import {
  type Tally,
  budgetAt,
  deletionAt,
  deletionId as idOfDeletion,
  feedAuthorAt,
  feedStateAt,
  followingAt,
  userAt,
} from '@playnite/contracts/documents';
import type { storageDeletionRequested } from '@playnite/contracts/events';
import { z } from 'zod';
import type { Context } from '../platform/context.ts';
import type { Search } from '../platform/documents.ts';
import { eraseAll, eraseOne, erasePaged, inGroups, leaveReceipt } from '../platform/erasure.ts';
import { discoverStateAt } from './discover.ts';
import { forgetInStates } from './feed-feedback.ts';
import { withdrawReposted } from './feed-rows.ts';
import { reconcileFollow } from './reconcile-follow.ts';
import { recount } from './roll-up.ts';
import { eraseShareTraces } from './shares.ts';

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
  const subject = `content/${contentId}`;
  const everywhere = (collection: string, ...where: Conditions) =>
    eraseAll(ctx, { collection, everywhere: true, where });
  const [feed, feedback, hidden, activity, activityBelow, drift, shareTraces] = await Promise.all([
    everywhere('feed', ['contentId', '==', contentId]),
    everywhere('feedback', ['contentId', '==', contentId]),
    forgetInStates(ctx, 'hidden', contentId),
    everywhere('activity', ['subject', '==', subject]),
    everywhere('activity', ...below('subject', subject)),
    eraseAll(ctx, { collection: 'counterDrift', where: [['subject', '==', subject]] }),
    eraseShareTraces(ctx, 'contentId', contentId),
  ]);
  await recount(ctx, { subject: `users/${ownerId}`, kind: 'content' });
  return { feed, feedback, hidden, activity: activity + activityBelow, drift, shareTraces };
}

/** A field that holds the path of something below a document. */
const below = (field: string, path: string): Conditions => [
  [field, '>', `${path}/`],
  [field, '<', `${path}0`],
];

/**
 * The profile goes first. Without it no follow of or by the account stands, so that reconciling one cuts its mirror and
 * the other's count while the list by which it was found is still there: a crash anywhere leaves what the next try needs.
 */
async function ofAccount(ctx: Needs, uid: string): Promise<Tally> {
  const users = await eraseOne(ctx, userAt(uid).path);
  const everywhere = (collection: string, ...where: Conditions) =>
    eraseAll(ctx, { collection, everywhere: true, where });
  const [handles, following, followers, followRequests] = await Promise.all([
    eraseAll(ctx, { collection: 'handles', where: [['uid', '==', uid]] }),
    cutFollowing(ctx, uid),
    cutWishes(ctx, uid, 'followers'),
    // A wish that waits, or was declined, has no mirror by which it could be found.
    cutWishes(ctx, uid, 'followRequests'),
  ]);
  // What the account did below others' contents; a like that had not taken effect yet ends with the news of it.
  const [likes, comments, shares, views, feedOfOthers, repostsOfOthers, activityOfOthers] = await Promise.all([
    everywhere('likes', ['userId', '==', uid]),
    everywhere('comments', ['authorId', '==', uid]),
    everywhere('shares', ['userId', '==', uid]),
    everywhere('views', ['userId', '==', uid]),
    everywhere('feed', ['ownerId', '==', uid]),
    withdrawReposted(ctx, uid),
    everywhere('activity', ['subject', '==', `users/${uid}`]),
  ]);
  const mentionsOfOthers = await forgetMentions(ctx, uid);
  const pulledByOthers = await forgetInStates(ctx, 'pulled', uid);
  // After the follows, whose ends are still written there.
  const lists = Object.fromEntries(
    await Promise.all(
      BELOW_USER.map(async (name) => [name, await eraseAll(ctx, { collection: `users/${uid}/${name}` })] as const),
    ),
  );
  const [budgets, feedStates, feedAuthors, discoverStates, sharesByAccount, sharesOfContents, drift] =
    await Promise.all([
      eraseOne(ctx, budgetAt(uid).path),
      eraseOne(ctx, feedStateAt(uid).path),
      eraseOne(ctx, feedAuthorAt(uid).path),
      eraseOne(ctx, discoverStateAt(uid).path),
      eraseShareTraces(ctx, 'userId', uid),
      eraseShareTraces(ctx, 'ownerId', uid),
      eraseAll(ctx, { collection: 'counterDrift', where: [['subject', '==', `users/${uid}`]] }),
    ]);
  const ofOthers = { feedOfOthers: feedOfOthers + repostsOfOthers, activityOfOthers, mentionsOfOthers, pulledByOthers };
  return {
    users,
    handles,
    following,
    followers,
    followRequests,
    likes,
    comments,
    shares,
    views,
    ...lists,
    ...ofOthers,
    budgets,
    feedStates,
    feedAuthors,
    discoverStates,
    shareTraces: sharesByAccount + sharesOfContents,
    drift,
  };
}

const mentioning = z.object({ mentions: z.array(z.string()).default([]) });

/** Takes an account out of all mentions; its handle is gone by now, so none comes back. Returns how many there were. */
async function forgetMentions(ctx: Needs, uid: string): Promise<number> {
  const where: Conditions = [['mentions', 'array-contains', uid]];
  const searches = [
    { collection: 'comments', everywhere: true, where },
    { collection: 'content', where },
  ];
  return erasePaged('mentions', async () => {
    const pages = await Promise.all(searches.map((search) => ctx.documents.paths({ ...search, limit: EDGE_PAGE })));
    const paths = pages.flat();
    await inGroups(paths, EDGES_AT_ONCE, (path) =>
      ctx.documents.transact(async (tx) => {
        const ref = { path, shape: mentioning };
        const present = await tx.get(ref);
        if (present) tx.update(ref, { mentions: present.mentions.filter((each) => each !== uid) });
      }),
    );
    return paths.length;
  });
}

/** What stands below a profile and is of nobody else's concern. */
const BELOW_USER = [
  'blocks',
  'mutes',
  'mutedThreads',
  'followedTags',
  'limits',
  'feed',
  'feedback',
  'activity',
] as const;

type Conditions = NonNullable<Search['where']>;

async function cutFollowing(ctx: Needs, uid: string): Promise<number> {
  return eachEdge(ctx, `users/${uid}/following`, async (targets) => {
    await inGroups(targets, EDGES_AT_ONCE, (targetUid) => reconcileFollow(ctx, { followerUid: uid, targetUid }));
    await ctx.documents.deleteAll(targets.map((targetUid) => followingAt(uid, targetUid).path));
  });
}

/** Cuts the follows of an account that stand, or those that it has been asked for. */
async function cutWishes(ctx: Needs, uid: string, list: 'followers' | 'followRequests'): Promise<number> {
  return eachEdge(ctx, `users/${uid}/${list}`, async (followers) => {
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
type Needs = Pick<Context, 'documents' | 'publish' | 'now'>;
