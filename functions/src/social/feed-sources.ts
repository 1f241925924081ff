import { type Content, content, feedItem, repost } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { type Position, type Row, type SourcePage, mergePages } from './feed-page.ts';

/** Firestore takes a condition apart into at most 30 alternatives: so many authors with two visibilities each. */
const AUTHORS_PER_QUERY = 15;
const REPOSTERS_PER_QUERY = 30;
/** Rows of one moment that a feed can hold and still be read; nobody publishes so many within a millisecond. */
const ONE_MOMENT_MAX = 500;

/** Between two moments, in milliseconds: after the one, up to and with the other. */
export interface Span {
  after?: number;
  upTo?: number;
}

/** Rows of one kind in a span, the newest first; an answer shorter than `limit` is the last. */
export type Source = (span: Span, limit: number) => Promise<readonly Row[]>;

/** Contents that came up while sources were read, so that nobody reads them again. */
export type Known = Map<string, Content>;

/** `field` within a span; times in Firestore are finer than milliseconds, so the one that ends it is whole. */
const within = (field: string, { after, upTo }: Span) => [
  ...(after === undefined ? [] : [[field, '>', new Date(after)] as const]),
  ...(upTo === undefined ? [] : [[field, '<', new Date(upTo + 1)] as const]),
];

/** What has been written into somebody's feed. */
export const writtenRows =
  (ctx: Needs, readerUid: string): Source =>
  async (span, limit) => {
    const found = await ctx.documents.list({
      collection: `users/${readerUid}/feed`,
      shape: feedItem,
      where: within('publishedAt', span),
      orderBy: 'publishedAt',
      descending: true,
      limit,
    });
    return found.map(({ id, data: { ownerId, publishedAt, reason, repostedBy } }) => ({
      contentId: id,
      ownerId,
      at: publishedAt.toMillis(),
      reason,
      ...(repostedBy === undefined ? {} : { repostedBy }),
    }));
  };

/** What authors published and reposted, looked up where it stands. */
export function authorsRows(ctx: Needs, uids: readonly string[], known: Known): Source[] {
  return [
    ...inParts(uids, AUTHORS_PER_QUERY).map((part) => publishedRows(ctx, part, known)),
    ...inParts(uids, REPOSTERS_PER_QUERY).map((part) => repostedRows(ctx, part)),
  ];
}

const publishedRows =
  (ctx: Needs, uids: readonly string[], known: Known): Source =>
  async (span, limit) => {
    const found = await ctx.documents.list({
      collection: 'content',
      shape: content,
      where: [
        ['ownerId', 'in', uids],
        ['status', '==', 'published'],
        ['visibility', 'in', ['public', 'followers']],
        ...within('publishedAt', span),
      ],
      orderBy: 'publishedAt',
      descending: true,
      limit,
    });
    return found.map(({ id, data }) => {
      known.set(id, data);
      return { contentId: id, ownerId: data.ownerId, at: data.publishedAt.toMillis(), reason: 'following' };
    });
  };

const repostedRows =
  (ctx: Needs, uids: readonly string[]): Source =>
  async (span, limit) => {
    const found = await ctx.documents.list({
      collection: 'reposts',
      shape: repost,
      where: [['userId', 'in', uids], ...within('at', span)],
      orderBy: 'at',
      descending: true,
      limit,
    });
    return found.map(({ data: { contentId, ownerId, userId, at } }) => ({
      contentId,
      ownerId,
      at: at.toMillis(),
      reason: 'following',
      repostedBy: userId,
    }));
  };

/** The next rows of several sources together, after a position, none of them older than `notBefore`. */
export async function readSources(
  sources: readonly Source[],
  { after, upTo, notBefore }: { after: Position | undefined; upTo?: number; notBefore?: number },
  limit: number,
): Promise<SourcePage> {
  const last = after?.at ?? upTo;
  const span = {
    ...(last === undefined ? {} : { upTo: last }),
    ...(notBefore === undefined ? {} : { after: notBefore }),
  };
  // The last row of a full page is not handed out, so one more is asked for than is wanted.
  for (let asked = limit + 1; ; asked = Math.min(2 * asked, ONE_MOMENT_MAX)) {
    const pages = await Promise.all(
      sources.map(async (source) => {
        const rows = await source(span, asked);
        return { rows, complete: rows.length < asked };
      }),
    );
    const merged = mergePages(pages, after);
    // More of one moment than a source was asked for: none of it is known to be all.
    if (merged.rows.length > 0 || merged.complete || asked >= ONE_MOMENT_MAX) return merged;
  }
}

/** Cuts a list into parts of at most so many. */
export const inParts = <T>(items: readonly T[], most: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / most) }, (_, at) => items.slice(at * most, (at + 1) * most));

type Needs = Pick<Context, 'documents'>;
