/**
 * Contents of people whom a reader does not follow: by whom those follow whom the reader follows, with tags that the reader
 * follows, and what many like at the moment; ranked for the reader, and shown with the reason.
 *
 * The list is made at the first page and kept for a while, so that the pages behind it belong together. Who is near is
 * looked up once a day, since it costs by far the most. That somebody follows somebody is theirs to see: the reason does
 * not name who it is.
 */
import { createHash } from 'node:crypto';
import {
  type Content,
  type DocumentRef,
  activity,
  content as contentShape,
  contentAt,
  documentId,
  feedStateAt,
  feedback,
  followEdge,
  followedTag,
  likeAt,
  timestamp,
} from '@playnite/contracts/documents';
import { z } from 'zod';
import type { Context } from '../platform/context.ts';
import type { Condition, Found } from '../platform/documents.ts';
import { Refusal } from '../platform/errors.ts';
import { type Taste, becauseOf, scoreFor, tally } from './discover-rank.ts';
import { isShown } from './feed-filters.ts';
import { type Row, takeFairly } from './feed-page.ts';
import { inParts } from './feed-sources.ts';
import { type FeedEntry, PAGE_MAX, entryOf, gatherFacts } from './feed.ts';

const FRESH_MS = 10 * 60_000;
const NEAR_FRESH_MS = 24 * 60 * 60_000;
/** Items of a list, at some 100 bytes each. */
const LISTED_MAX = 200;
/** Whom the reader follows that are looked at, of whom so many are asked, each for so many. */
const FOLLOWING_READ = 200;
const FRIENDS_ASKED = 20;
const FOLLOWED_OF_EACH = 20;
const NEAR_MAX = 30;
const TAGS_READ = 30;
const LIKES_READ = 30;
const FEEDBACK_READ = 100;
const OF_EACH_KIND = 100;
const AUTHORS_PER_QUERY = 15;
const PAGE_DEFAULT = 20;

const near = z.object({
  at: timestamp,
  through: z.record(z.string(), z.number()),
  likedTags: z.record(z.string(), z.number()),
});
const listed = z.object({
  contentId: documentId,
  ownerId: z.string(),
  at: z.number(),
  because: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('second-degree') }),
    z.object({ kind: z.literal('tag'), tag: z.string() }),
    z.object({ kind: z.literal('trending') }),
  ]),
});
type Listed = z.infer<typeof listed>;

/** `discoverStates/{uid}` */
const discoverState = z.object({ builtAt: z.number(), items: z.array(listed), near });
type DiscoverState = z.infer<typeof discoverState>;
export const discoverStateAt = (uid: string): DocumentRef<DiscoverState> => ({
  path: `discoverStates/${uid}`,
  shape: discoverState,
});

export const discoverRequest = z.object({
  cursor: z.string().max(40).nullish(),
  limit: z.number().int().min(1).max(PAGE_MAX).default(PAGE_DEFAULT),
});

/** An item with the reason for it. */
export type DiscoverEntry = FeedEntry & { because: Listed['because'] };

/** @throws {Refusal} `malformed-cursor`, `cursor-expired`: the list has been made anew, begin again without a cursor */
export async function discover(
  ctx: Needs,
  uid: string,
  { cursor, limit }: z.infer<typeof discoverRequest>,
): Promise<{ items: DiscoverEntry[]; cursor: string | null }> {
  const [, builtAt, from = '0'] = cursor ? (/^(\d{1,15})\.(\d{1,4})$/.exec(cursor) ?? []) : ['', undefined];
  if (cursor && builtAt === undefined) {
    throw new Refusal('invalid-argument', 'malformed-cursor', 'This cursor is none of a discovery feed.');
  }
  const state = await currentList(ctx, uid, builtAt === undefined);
  if (builtAt !== undefined && state.builtAt !== Number(builtAt)) {
    throw new Refusal('failed-precondition', 'cursor-expired', 'There is a newer list: begin again without a cursor.');
  }
  const hidden = (await ctx.documents.get(feedStateAt(uid)))?.hidden ?? [];
  const items: DiscoverEntry[] = [];
  let next = Number(from);
  while (items.length < limit && next < state.items.length) {
    const part = state.items.slice(next, next + limit - items.length);
    next += part.length;
    items.push(...(await hydrate(ctx, uid, part, hidden)));
  }
  return { items, cursor: next < state.items.length ? `${state.builtAt}.${next}` : null };
}

async function currentList(ctx: Needs, uid: string, isFirstPage: boolean): Promise<DiscoverState> {
  const state = await ctx.documents.get(discoverStateAt(uid));
  const now = ctx.now().getTime();
  if (state && (!isFirstPage || now - state.builtAt < FRESH_MS)) return state;
  const isNearFresh = state !== undefined && now - state.near.at.toMillis() < NEAR_FRESH_MS;
  const who = isNearFresh ? state.near : await lookAround(ctx, uid);
  const built = { builtAt: now, items: await rank(ctx, uid, who), near: who };
  await ctx.documents.setAll([[discoverStateAt(uid), { ...built, near: { ...who, at: who.at.toDate() } }]]);
  return built;
}

/** Whom those follow whom the reader follows, and which tags the reader likes. */
async function lookAround(ctx: Needs, uid: string): Promise<DiscoverState['near']> {
  const now = ctx.now();
  const [following, likes] = await Promise.all([
    ctx.documents.list({ collection: `users/${uid}/following`, shape: followEdge, limit: FOLLOWING_READ }),
    ctx.documents.list({
      collection: `users/${uid}/activity`,
      shape: activity,
      where: [['type', '==', 'like']],
      orderBy: 'at',
      descending: true,
      limit: LIKES_READ,
    }),
  ]);
  // Others every day, so that in time everybody is asked.
  const order = ({ id }: { id: string }) =>
    createHash('sha256')
      .update(`${id} ${Math.floor(now.getTime() / NEAR_FRESH_MS)}`)
      .digest('base64');
  const friends = following.toSorted((a, b) => (order(a) < order(b) ? -1 : 1)).slice(0, FRIENDS_ASKED);
  const [theirs, liked] = await Promise.all([
    Promise.all(
      friends.map(({ id }) =>
        ctx.documents.list({ collection: `users/${id}/following`, shape: followEdge, limit: FOLLOWED_OF_EACH }),
      ),
    ),
    ctx.documents.getAll(likes.map(({ data: { subject } }) => contentAt(subject.slice(subject.indexOf('/') + 1)))),
  ]);
  const known = new Set([uid, ...following.map(({ id }) => id)]);
  const through = [...tally(theirs.flat().map(({ id }) => id))]
    .filter(([id]) => !known.has(id))
    .sort(([, a], [, b]) => b - a)
    .slice(0, NEAR_MAX);
  const tags = tally(liked.flatMap((content) => content?.tags ?? []));
  const most = Math.max(1, ...tags.values());
  return {
    at: { toMillis: () => now.getTime(), toDate: () => now },
    through: Object.fromEntries(through),
    likedTags: Object.fromEntries([...tags].map(([tag, count]) => [tag, count / most])),
  };
}

async function rank(ctx: Needs, uid: string, who: DiscoverState['near']): Promise<Listed[]> {
  const [followed, unwanted] = await Promise.all([
    ctx.documents.list({ collection: `users/${uid}/followedTags`, shape: followedTag, limit: TAGS_READ }),
    ctx.documents.list({
      collection: `users/${uid}/feedback`,
      shape: feedback,
      orderBy: 'at',
      descending: true,
      limit: FEEDBACK_READ,
    }),
  ]);
  const taste: Taste = {
    followedTags: new Set(followed.map(({ id }) => id)),
    likedTags: new Map(Object.entries(who.likedTags)),
    through: new Map(Object.entries(who.through)),
    unwantedOwners: tally(unwanted.map(({ data }) => data.ownerId)),
    unwantedTags: tally(unwanted.flatMap(({ data }) => data.tags)),
  };
  const found = await candidates(ctx, taste);
  const ranked = [...found]
    .filter(([, { ownerId }]) => ownerId !== uid)
    .map(([contentId, content]) => ({ contentId, content, score: scoreFor(content, taste) }))
    .sort((a, b) => b.score - a.score || (a.contentId < b.contentId ? -1 : 1));
  const rows = ranked.map(({ contentId, content }) => rowOf(contentId, content));
  return takeFairly(rows, LISTED_MAX).taken.flatMap(({ contentId, ownerId, at }) => {
    const content = found.get(contentId);
    return content ? [{ contentId, ownerId, at, because: becauseOf(content, taste) }] : [];
  });
}

async function candidates(ctx: Needs, { followedTags, through }: Taste): Promise<Map<string, Content>> {
  const search = (orderBy: 'hot' | 'publishedAt', ...where: Condition[]): Promise<Found<Content>[]> =>
    ctx.documents.list({
      collection: 'content',
      shape: contentShape,
      where: [['status', '==', 'published'], ['visibility', '==', 'public'], ...where],
      orderBy,
      descending: true,
      limit: OF_EACH_KIND,
    });
  const found = await Promise.all([
    search('hot'),
    ...(followedTags.size > 0 ? [search('publishedAt', ['tags', 'array-contains-any', [...followedTags]])] : []),
    ...inParts([...through.keys()], AUTHORS_PER_QUERY).map((uids) => search('publishedAt', ['ownerId', 'in', uids])),
  ]);
  return new Map(found.flat().map(({ id, data }) => [id, data]));
}

const rowOf = (contentId: string, { ownerId, publishedAt }: Content): Row => ({
  contentId,
  ownerId,
  at: publishedAt.toMillis(),
  reason: 'recommended',
});

async function hydrate(
  ctx: Needs,
  uid: string,
  part: readonly Listed[],
  hidden: readonly string[],
): Promise<DiscoverEntry[]> {
  const rows = part.map(({ contentId, ownerId, at }): Row => ({ contentId, ownerId, at, reason: 'recommended' }));
  const [contents, likes, facts] = await Promise.all([
    ctx.documents.getAll(rows.map(({ contentId }) => contentAt(contentId))),
    ctx.documents.getAll(rows.map(({ contentId }) => likeAt(contentId, uid))),
    gatherFacts(ctx, uid, rows, hidden),
  ]);
  return part.flatMap(({ because }, index) => {
    const [row, content] = [rows[index], contents[index]];
    // Whom the reader follows stands in the home feed.
    if (!row || !isShown(row, content, facts) || facts.follows.get(row.ownerId) !== undefined) return [];
    return [{ ...entryOf(row, content, likes[index] !== undefined), because }];
  });
}

type Needs = Pick<Context, 'documents' | 'now'>;
