import type { Content } from '@playnite/contracts/documents';

/** Seconds that are worth tenfold engagement: the younger of two contents wins if the other is not that much ahead. */
const TENFOLD_SECONDS = 45_000;
/** A comment and a share say more than a like. */
const WEIGHTS = { likes: 1, comments: 2, shares: 3 } as const;

/**
 * Where a content stands, by what people did with it and when it was published: Reddit's formula (`_sorts.pyx`, 2008). Age is
 * taken off by letting everything younger start higher, so that a stored number never has to be written again for time
 * that passes. One unit is ten times the engagement, or 12.5 hours.
 */
export function hotness({ likes, comments, shares }: Content['stats'], publishedAtMs: number): number {
  const engagement = likes * WEIGHTS.likes + comments * WEIGHTS.comments + shares * WEIGHTS.shares;
  return Math.log10(Math.max(1, engagement)) + publishedAtMs / 1000 / TENFOLD_SECONDS;
}

/** Why somebody is shown a content of somebody whom they do not follow. */
export type Because = { kind: 'second-degree' } | { kind: 'tag'; tag: string } | { kind: 'trending' };

/** What is known of a reader's taste. */
export interface Taste {
  followedTags: ReadonlySet<string>;
  /** How often tags stand on what the reader liked, each at most 1. */
  likedTags: ReadonlyMap<string, number>;
  /** How many of those whom the reader follows follow an author. */
  through: ReadonlyMap<string, number>;
  /** How often the reader was not interested, by author and by tag. */
  unwantedOwners: ReadonlyMap<string, number>;
  unwantedTags: ReadonlyMap<string, number>;
}

/** In units of {@link hotness}. */
const BONUS = { followedTag: 0.6, likedTag: 0.4, secondDegree: 0.8, unwantedOwner: -1.5, unwantedTag: -0.4 };
/** Tags of one content that count. */
const TAGS_COUNTED = 3;

/** A content's place for one reader: where it stands for everybody, and what it has for this one. */
export function scoreFor({ ownerId, tags, stats, publishedAt }: Content, taste: Taste): number {
  const sumOf = (weights: ReadonlyMap<string, number>) =>
    tags
      .map((tag) => weights.get(tag) ?? 0)
      .sort((a, b) => b - a)
      .slice(0, TAGS_COUNTED)
      .reduce((sum, each) => sum + each, 0);
  const followed = Math.min(TAGS_COUNTED, tags.filter((tag) => taste.followedTags.has(tag)).length);
  return (
    hotness(stats, publishedAt.toMillis()) +
    BONUS.followedTag * followed +
    BONUS.likedTag * sumOf(taste.likedTags) +
    BONUS.secondDegree * Math.log2(1 + (taste.through.get(ownerId) ?? 0)) +
    BONUS.unwantedOwner * (taste.unwantedOwners.get(ownerId) ?? 0) +
    BONUS.unwantedTag * sumOf(taste.unwantedTags)
  );
}

/** The most telling reason: somebody near, else what the reader asked for, else everybody. */
export function becauseOf({ ownerId, tags }: Content, { through, followedTags }: Taste): Because {
  if (through.has(ownerId)) return { kind: 'second-degree' };
  const tag = tags.find((each) => followedTags.has(each));
  return tag === undefined ? { kind: 'trending' } : { kind: 'tag', tag };
}

/** How often each of the words occurs. */
export function tally(words: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
