/**
 * The end of a deletion: a look at every place where something of it could be left.
 *
 * What the services say that they erased is no proof, since anything may have been written behind them: the last page of a
 * fan-out, a rendition of a run that was still under way. Only a look that finds nothing ends a deletion; one that finds
 * something starts another round, of which there are few: what five rounds leave behind, a person has to look at.
 */
import {
  type Deletion,
  type Tally,
  deletionAt,
  deletionId,
  mediaPrefix,
  quarantinePath,
  uploadObjectPath,
} from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { serverTime } from '../platform/documents.ts';
import { traceAt } from '../platform/erasure.ts';
import { KEYED_CALLS } from '../platform/idempotency.ts';
import { isErased } from './announce-storage.ts';

/** Rounds before a deletion is left to a person. */
export const ROUNDS_MAX = 5;
/** A look counts objects up to here; more than none is all that matters. */
const OBJECTS_COUNTED_MAX = 1000;

/** `again`: another round. `wait`: contents of the account are still on their way out, and their ends are heard of. */
export type Conclusion = 'done' | 'again' | 'wait' | 'give-up';

/** What follows from a look after a round. */
export function conclude(round: number, remaining: Tally, contentsRunning: number): Conclusion {
  if (contentsRunning > 0) return 'wait';
  if (Object.values(remaining).every((count) => count === 0)) return 'done';
  return round < ROUNDS_MAX ? 'again' : 'give-up';
}

/** Looks everywhere for what a deletion may have left, and ends it or starts its next round. */
export async function proveDeletion(ctx: Needs, id: string): Promise<void> {
  const deletion = await ctx.documents.get(deletionAt(id));
  if (!deletion) return;
  const { kind, ownerId, state } = deletion;
  const isDone = state === 'done' || (isErased(deletion) && (await look(ctx, id, deletion)) === 'done');
  if (isDone && kind === 'content') await proveWaitingAccount(ctx, ownerId);
}

async function look(ctx: Needs, id: string, { kind, targetId, ownerId, round }: Deletion): Promise<Conclusion> {
  // Before the places: a content that ends in between is no longer there to be counted.
  const contentsRunning = kind === 'account' ? await countRunningContents(ctx, ownerId) : 0;
  const remaining = await countAll(kind === 'content' ? ofContent(ctx, targetId, ownerId) : ofAccount(ctx, targetId));
  const conclusion = conclude(round, remaining, contentsRunning);
  await ctx.documents.transact(async (tx) => {
    const present = await tx.get(deletionAt(id));
    if (present?.state !== 'running' || present.round !== round) return;
    tx.update(deletionAt(id), {
      remaining,
      updatedAt: serverTime,
      ...(conclusion === 'done' ? { state: 'done' } : {}),
      ...(conclusion === 'again' ? { round: round + 1 } : {}),
    });
  });
  const fields = { deletionId: id, round, conclusion, remaining };
  if (conclusion === 'give-up') ctx.log.error('deletion leaves something behind', fields);
  else ctx.log.info('deletion looked at', fields);
  return conclusion;
}

/** An account ends with the last of its contents, in whatever order the news of them comes. */
async function proveWaitingAccount(ctx: Needs, ownerId: string): Promise<void> {
  const id = deletionId('account', ownerId);
  const account = await ctx.documents.get(deletionAt(id));
  if (account?.state !== 'running' || (await countRunningContents(ctx, ownerId)) > 0) return;
  await proveDeletion(ctx, id);
}

const countRunningContents = (ctx: Needs, ownerId: string): Promise<number> =>
  ctx.documents.count({
    collection: 'deletions',
    where: [
      ['ownerId', '==', ownerId],
      ['kind', '==', 'content'],
      ['state', '==', 'running'],
    ],
  });

/** How many there are, by place. */
type Places = Record<string, Promise<number>>;

async function countAll(places: Places): Promise<Tally> {
  return Object.fromEntries(
    await Promise.all(Object.entries(places).map(async ([place, count]) => [place, await count] as const)),
  );
}

function ofContent(ctx: Needs, contentId: string, ownerId: string): Places {
  const document = documentsOf(ctx);
  const { all, everywhere } = searchesOf(ctx);
  return {
    content: document(`content/${contentId}`),
    likes: all(`content/${contentId}/likes`),
    comments: all(`content/${contentId}/comments`),
    shares: all(`content/${contentId}/shares`),
    views: all(`content/${contentId}/views`),
    feed: everywhere('feed', ['contentId', '==', contentId]),
    feedback: everywhere('feedback', ['contentId', '==', contentId]),
    hidden: all('feedStates', ['hidden', 'array-contains', contentId]),
    activity: everywhere('activity', ['subject', '==', `content/${contentId}`]),
    activityBelow: everywhere(
      'activity',
      ['subject', '>', `content/${contentId}/`],
      ['subject', '<', `content/${contentId}0`],
    ),
    drift: all('counterDrift', ['subject', '==', `content/${contentId}`]),
    reposts: all('reposts', ['contentId', '==', contentId]),
    shareCodes: all('shareCodes', ['contentId', '==', contentId]),
    shareReach: all('shareReach', ['contentId', '==', contentId]),
    notifications: everywhere('notifications', ['contentId', '==', contentId]),
    // Moderation keeps one of what was taken down, without its owner.
    fingerprints: all('fingerprints', ['contentId', '==', contentId], ['ownerId', '==', ownerId]),
    hashes: all('hashes', ['uploadId', '==', contentId]),
    uploads: document(`uploads/${contentId}`),
    uploadRuns: document(`uploadRuns/${contentId}`),
    screenings: document(`screenings/${contentId}`),
    reservations: document(`reservations/${contentId}`),
    mediaObjects: objectsBelow(ctx, mediaPrefix(contentId)),
    quarantineObjects: objectAt(ctx, quarantinePath(contentId)),
    uploadObjects: objectAt(ctx, uploadObjectPath(ownerId, contentId)),
  };
}

function ofAccount(ctx: Needs, uid: string): Places {
  const document = documentsOf(ctx);
  const { all, everywhere } = searchesOf(ctx);
  const below = (name: string) => all(`users/${uid}/${name}`);
  return {
    users: document(`users/${uid}`),
    handles: all('handles', ['uid', '==', uid]),
    following: below('following'),
    followers: below('followers'),
    followRequests: below('followRequests'),
    blocks: below('blocks'),
    mutes: below('mutes'),
    mutedThreads: below('mutedThreads'),
    followedTags: below('followedTags'),
    limits: below('limits'),
    feed: below('feed'),
    feedback: below('feedback'),
    activity: below('activity'),
    budgets: document(`budgets/${uid}`),
    feedStates: document(`feedStates/${uid}`),
    feedAuthors: document(`feedAuthors/${uid}`),
    discoverStates: document(`discoverStates/${uid}`),
    reposts: all('reposts', ['userId', '==', uid]),
    shareCodes: all('shareCodes', ['userId', '==', uid]),
    shareReach: all('shareReach', ['userId', '==', uid]),
    repostsOfContents: all('reposts', ['ownerId', '==', uid]),
    shareCodesOfContents: all('shareCodes', ['ownerId', '==', uid]),
    shareReachOfContents: all('shareReach', ['ownerId', '==', uid]),
    likes: everywhere('likes', ['userId', '==', uid]),
    comments: everywhere('comments', ['authorId', '==', uid]),
    shares: everywhere('shares', ['userId', '==', uid]),
    views: everywhere('views', ['userId', '==', uid]),
    repostsOfOthers: everywhere('feed', ['repostedBy', '==', uid]),
    activityOfOthers: everywhere('activity', ['subject', '==', `users/${uid}`]),
    followersOfOthers: everywhere('followers', ['followerUid', '==', uid]),
    mentionsOfOthers: everywhere('comments', ['mentions', 'array-contains', uid]),
    mentionsInContents: all('content', ['mentions', 'array-contains', uid]),
    drift: all('counterDrift', ['subject', '==', `users/${uid}`]),
    notifications: below('notifications'),
    settings: below('settings'),
    devices: below('devices'),
    feedOfOthers: everywhere('feed', ['ownerId', '==', uid]),
    notificationsOfOthers: everywhere('notifications', ['actorIds', 'array-contains', uid]),
    content: all('content', ['ownerId', '==', uid]),
    uploads: all('uploads', ['ownerId', '==', uid]),
    quotas: document(`quotas/${uid}`),
    reservations: all('reservations', ['ownerId', '==', uid]),
    idempotencyKeys: all(KEYED_CALLS, ['uid', '==', uid]),
    pulledByOthers: all('feedStates', ['pulled', 'array-contains', uid]),
    reports: all('reports', ['reporterId', '==', uid]),
    reporters: document(`reporters/${uid}`),
    reporterOf: everywhere('reporters', ['reporterId', '==', uid]),
    accountStandings: document(`accountStandings/${uid}`),
    // What moderation keeps of these, it keeps without their owner. Its audit log is not looked at: it stays as it is.
    moderationCases: all('moderationCases', ['ownerId', '==', uid]),
    moderationSubjects: all('moderationSubjects', ['ownerId', '==', uid]),
    fingerprints: all('fingerprints', ['ownerId', '==', uid]),
    screenings: all('screenings', ['ownerId', '==', uid]),
    uploadObjects: objectsBelow(ctx, `uploads/${uid}/`),
  };
}

const documentsOf = (ctx: Needs) => async (path: string) =>
  (await ctx.documents.get(traceAt(path))) === undefined ? 0 : 1;

const searchesOf = (ctx: Needs) => ({
  all: (collection: string, ...where: Conditions) => ctx.documents.count({ collection, where }),
  everywhere: (collection: string, ...where: Conditions) =>
    ctx.documents.count({ collection, everywhere: true, where }),
});

const objectAt = async (ctx: Needs, path: string): Promise<number> => ((await ctx.objects.stat(path)) ? 1 : 0);
const objectsBelow = async (ctx: Needs, prefix: string): Promise<number> =>
  (await ctx.objects.list(prefix, { limit: OBJECTS_COUNTED_MAX })).length;

type Conditions = NonNullable<Parameters<Context['documents']['count']>[0]['where']>;
type Needs = Pick<Context, 'documents' | 'objects' | 'log'>;
