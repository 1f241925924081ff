/**
 * The rows of feeds. Several things at once can put a content into a feed: that the reader follows its owner, and that they
 * follow somebody who reposted it. The row names one of them; when that one ends, the row stays for another.
 */
import {
  type Content,
  type DocumentRef,
  type FeedItem,
  type Repost,
  contentAt,
  deletionAt,
  deletionId,
  feedItem,
  feedItemAt,
  followerAt,
  repost,
  repostAt,
} from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import type { Condition } from '../platform/documents.ts';
import { erasePaged, inGroups, notErased } from '../platform/erasure.ts';
import type { Row } from './feed-page.ts';

const DAY_MS = 24 * 60 * 60_000;
/**
 * A row is kept for so long after what it shows was published, by a TTL policy: who writes it again writes the same. What was
 * old already when it came into a feed stays for a while all the same. What was published while somebody was away for longer is
 * looked up when they are back, however old: see feed-rebuild.ts.
 */
export const ROW_KEPT_MS = 90 * DAY_MS;
export const OLD_ROW_KEPT_MS = 30 * DAY_MS;
/** Rows that are looked through at a time. */
const ROWS_PAGE = 300;
/** Reposts of a content that are looked at for one that a reader follows: the newest. */
const REPOSTS_ASKED = 20;
const AT_ONCE = 20;
/** Edges that are read in one call. */
const EDGES_PAGE = 500;

/** A row as the fields of its document. */
export const fieldsOf = ({ contentId, ownerId, at, reason, repostedBy }: Row, now: Date) => ({
  contentId,
  ownerId,
  publishedAt: new Date(at),
  reason,
  ...(repostedBy === undefined ? {} : { repostedBy }),
  expireAt: new Date(Math.max(at + ROW_KEPT_MS, now.getTime() + OLD_ROW_KEPT_MS)),
});

/** Whether a row is there because its reader follows, or followed, this person. */
const isBy = ({ reason, ownerId, repostedBy }: Pick<FeedItem, 'reason' | 'ownerId' | 'repostedBy'>, uid: string) =>
  reason === 'following' && (repostedBy ?? ownerId) === uid;

/**
 * The row of a content for somebody who follows certain people: by its owner, or else by the first of the reposts whose maker
 * is followed. Undefined where nothing puts it into the feed.
 */
export function rowFor(
  contentId: string,
  { content, reposts }: { content: Content | undefined; reposts: readonly Repost[] },
  follows: (uid: string) => boolean,
): Row | undefined {
  if (!isShown(content)) return undefined;
  const { ownerId, publishedAt, visibility } = content;
  const row = { contentId, ownerId, reason: 'following' as const };
  if (follows(ownerId)) return { ...row, at: publishedAt.toMillis() };
  if (visibility !== 'public') return undefined;
  const passedOn = reposts.find(({ userId }) => follows(userId));
  return passedOn && { ...row, at: passedOn.at.toMillis(), repostedBy: passedOn.userId };
}

/** Whether a content is for others to see. */
const isShown = (content: Content | undefined): content is Content =>
  content?.status === 'published' && content.visibility !== 'private';

/**
 * Looks once more at rows that were just written, and takes away those of a content that is no longer shown, or of a reader who
 * left: who withdrew the content, or erased the feed, may have looked for the row before it was there.
 */
export async function withdrawGone(
  ctx: Pick<Needs, 'documents'>,
  readers: readonly string[],
  contentIds: readonly string[],
): Promise<void> {
  const [contents, present] = await Promise.all([
    ctx.documents.getAll(contentIds.map(contentAt)),
    notErased(ctx, 'account', readers),
  ]);
  const places = readers.flatMap((readerUid) =>
    contentIds
      .filter((_, index) => !present.includes(readerUid) || !isShown(contents[index]))
      .map((contentId): Place => ({ readerUid, contentId })),
  );
  await inGroups(places, AT_ONCE, ({ readerUid, contentId }) =>
    ctx.documents.transact(async (tx) => {
      const [content, deletion] = await Promise.all([
        tx.get(contentAt(contentId)),
        tx.get(deletionAt(deletionId('account', readerUid))),
      ]);
      // It may be shown again by now, with rows of its own.
      if (deletion || !isShown(content)) tx.delete(feedItemAt(readerUid, contentId));
    }),
  );
}

/** Takes out of one feed the rows that a search finds and that are by somebody, but for those that stay for another reason. */
export async function withdrawRows(
  ctx: Needs,
  readerUid: string,
  where: readonly Condition[],
  voiceUid: string,
): Promise<void> {
  const collection = `users/${readerUid}/feed`;
  for (let after: string | undefined; ;) {
    const page = await ctx.documents.list({
      collection,
      shape: feedItem,
      where,
      ...(after === undefined ? {} : { after }),
      limit: ROWS_PAGE,
    });
    const meant = page.filter(({ data }) => isBy(data, voiceUid));
    await settle(
      ctx,
      meant.map(({ id }) => ({ readerUid, contentId: id })),
      voiceUid,
    );
    after = page.at(-1)?.id;
    if (page.length < ROWS_PAGE) return;
  }
}

/** Takes a content out of some feeds where it is by somebody, unless it stays for another reason. */
export async function withdrawFrom(
  ctx: Needs,
  readers: readonly string[],
  contentId: string,
  voiceUid: string,
): Promise<void> {
  const rows = await ctx.documents.getAll(readers.map((uid) => feedItemAt(uid, contentId)));
  const places = readers.flatMap((readerUid, index) => {
    const row = rows[index];
    return row && isBy(row, voiceUid) ? [{ readerUid, contentId }] : [];
  });
  await settle(ctx, places, voiceUid);
}

/**
 * Takes what somebody reposted, all of it or one content, out of all feeds, but for the rows that stay for another reason. Returns
 * how many rows there were.
 *
 * @throws {PlatformError} `erasing-continues`, transient
 */
export async function withdrawReposted(ctx: Needs, voiceUid: string, contentId?: string): Promise<number> {
  const ofVoice: Condition = ['repostedBy', '==', voiceUid];
  const where: Condition[] = contentId === undefined ? [ofVoice] : [['contentId', '==', contentId], ofVoice];
  return erasePaged('feed', async () => {
    const paths = await ctx.documents.paths({ collection: 'feed', everywhere: true, where, limit: ROWS_PAGE });
    const places = paths.map((path) => {
      const [, readerUid = '', , id = ''] = path.split('/');
      return { readerUid, contentId: id };
    });
    await settle(ctx, places, voiceUid);
    return paths.length;
  });
}

interface Place {
  readerUid: string;
  contentId: string;
}

/** Writes what is left of rows without one voice: for another reason, or not at all. */
async function settle(ctx: Needs, places: readonly Place[], voiceUid: string): Promise<void> {
  const known = await readContents(ctx, [...new Set(places.map(({ contentId }) => contentId))]);
  const voicesOf = ({ contentId }: Place): string[] => {
    const { content, reposts = [] } = known.get(contentId) ?? {};
    if (!content) return [];
    return [content.ownerId, ...reposts.map(({ userId }) => userId)].filter((uid) => uid !== voiceUid);
  };
  const follows = await readEdges(
    ctx,
    places.flatMap((place) => voicesOf(place).map((uid) => followerAt(uid, place.readerUid))),
  );
  const gone: string[] = [];
  const left: [Place, Row][] = [];
  for (const place of places) {
    const { readerUid, contentId } = place;
    const facts = known.get(contentId) ?? { content: undefined, reposts: [] };
    const row = rowFor(contentId, facts, (uid) => uid !== voiceUid && follows.has(followerAt(uid, readerUid).path));
    if (row) left.push([place, row]);
    else gone.push(feedItemAt(readerUid, contentId).path);
  }
  await ctx.documents.deleteAll(gone);
  await inGroups(left, AT_ONCE, ([place, row]) => replace(ctx, place, row, voiceUid));
}

/** Puts a row in the place of one by somebody, as long as what it is there for still stands. */
async function replace(ctx: Needs, { readerUid, contentId }: Place, row: Row, voiceUid: string): Promise<void> {
  const { ownerId, repostedBy } = row;
  const ref = feedItemAt(readerUid, contentId);
  await ctx.documents.transact(async (tx) => {
    const [present, edge, passedOn] = await Promise.all([
      tx.get(ref),
      tx.get(followerAt(repostedBy ?? ownerId, readerUid)),
      repostedBy === undefined ? undefined : tx.get(repostAt(repostedBy, contentId)),
    ]);
    if (!present || !isBy(present, voiceUid)) return;
    if (edge && (repostedBy === undefined || passedOn)) tx.set(ref, fieldsOf(row, ctx.now()));
    else tx.delete(ref);
  });
}

/** Contents with those who reposted them last. What nobody but followers may see is reposted by nobody. */
async function readContents(ctx: Needs, contentIds: readonly string[]) {
  const contents = await ctx.documents.getAll(contentIds.map(contentAt));
  const known = new Map<string, { content: Content | undefined; reposts: readonly Repost[] }>();
  await inGroups([...contentIds.entries()], AT_ONCE, async ([index, contentId]) => {
    const content = contents[index];
    const reposts = content?.visibility === 'public' ? await newestReposts(ctx, contentId) : [];
    known.set(contentId, { content, reposts });
  });
  return known;
}

async function newestReposts(ctx: Needs, contentId: string): Promise<Repost[]> {
  const found = await ctx.documents.list({
    collection: 'reposts',
    shape: repost,
    where: [['contentId', '==', contentId]],
    orderBy: 'at',
    descending: true,
    limit: REPOSTS_ASKED,
  });
  return found.map(({ data }) => data);
}

/** The paths of those documents that are there. */
async function readEdges(ctx: Needs, refs: readonly DocumentRef<unknown>[]): Promise<ReadonlySet<string>> {
  const there = new Set<string>();
  for (let start = 0; start < refs.length; start += EDGES_PAGE) {
    const part = refs.slice(start, start + EDGES_PAGE);
    const found = await ctx.documents.getAll(part);
    for (const [index, { path }] of part.entries()) if (found[index] !== undefined) there.add(path);
  }
  return there;
}

type Needs = Pick<Context, 'documents' | 'now'>;
