/**
 * A page of a feed, as a matter of values: where it begins, what of several sources comes next, and in which order it is
 * shown so that nobody fills it.
 */
import { feedItem } from '@playnite/contracts/documents';
import { z } from 'zod';

/** Of so many neighbours on a page, at most so many are by one person. */
export const NEIGHBOURS = 10;
export const BY_ONE_MAX = 3;
/** Items that one page may put off to the next, so that the cursor that remembers them stays short. */
export const CARRIED_MAX = 10;
/** Characters of a cursor: {@link CARRIED_MAX} items with two user ids of 128 characters would be 4,600. */
export const CURSOR_LENGTH_MAX = 8_192;

/** One entry of a feed before its content is looked at. */
export interface Row {
  contentId: string;
  ownerId: string;
  /** Milliseconds since 1970. */
  at: number;
  reason: z.infer<typeof feedItem>['reason'];
  repostedBy?: string;
}

/** A place in a feed: everything older comes after it. */
export interface Position {
  at: number;
  id: string;
}

/** The newest first; of one moment, the greatest id. */
export const newestFirst = (a: Row, b: Row): number =>
  b.at - a.at || (a.contentId < b.contentId ? 1 : a.contentId > b.contentId ? -1 : 0);

const isPast = ({ at, contentId }: Row, position: Position | undefined): boolean =>
  position === undefined || at < position.at || (at === position.at && contentId < position.id);

export const placeOf = ({ at, contentId }: Row): Position => ({ at, id: contentId });

/** What one source answers: its newest rows before a place; `complete` when there are no older ones. */
export interface SourcePage {
  rows: readonly Row[];
  complete: boolean;
}

/** Of one content named twice, what says most stays. */
const weight = ({ reason, repostedBy }: Row): number => (reason === 'mention' ? 2 : repostedBy === undefined ? 1 : 0);

/**
 * What follows a position in several sources together. A source that has more to give is known only down to the moment of
 * its last row, that moment not included, since further rows of the same one may not have been in its page: nothing
 * older is handed out before the source has been asked again.
 */
export function mergePages(pages: readonly SourcePage[], after: Position | undefined): SourcePage {
  const known = Math.max(
    -Infinity,
    ...pages.filter(({ complete }) => !complete).map(({ rows }) => rows.at(-1)?.at ?? Infinity),
  );
  const best = new Map<string, Row>();
  for (const row of pages.flatMap(({ rows }) => rows)) {
    if (row.at <= known || !isPast(row, after)) continue;
    const present = best.get(row.contentId);
    if (!present || weight(row) > weight(present)) best.set(row.contentId, row);
  }
  return { rows: [...best.values()].sort(newestFirst), complete: pages.every(({ complete }) => complete) };
}

/** Who has a row in the feed: the author, and whoever passed it on. */
const voices = ({ ownerId, repostedBy }: Row): string[] =>
  repostedBy === undefined || repostedBy === ownerId ? [ownerId] : [ownerId, repostedBy];

/**
 * Takes the next `wanted` rows out of a pool, newest first, but leaves waiting whom the last {@link NEIGHBOURS} have
 * {@link BY_ONE_MAX} of. Who waits comes as soon as there is room; nothing is dropped. The rule yields where it cannot be kept:
 * when nobody else is there, and when more than {@link CARRIED_MAX} would wait.
 */
export function takeFairly(
  pool: readonly Row[],
  wanted: number,
  shown: readonly Row[] = [],
): { taken: Row[]; left: Row[] } {
  const left = [...pool];
  const taken: Row[] = [];
  while (taken.length < wanted && left.length > 0) {
    const recent = [...shown, ...taken].slice(1 - NEIGHBOURS).flatMap(voices);
    const hasRoom = (row: Row) =>
      voices(row).every((voice) => recent.filter((each) => each === voice).length < BY_ONE_MAX);
    const fitting = left.findIndex(hasRoom);
    const [next] = left.splice(fitting < 0 || fitting > CARRIED_MAX ? 0 : fitting, 1);
    if (next) taken.push(next);
  }
  return { taken, left };
}

/** Where a page ends: what comes next is older than `after`, but for the rows that were put off. */
export interface Cursor {
  after: Position;
  carried: readonly Row[];
}

const carriedRow = z.tuple([
  z.number(),
  feedItem.shape.contentId,
  feedItem.shape.ownerId,
  feedItem.shape.reason,
  feedItem.shape.repostedBy.nullable(),
]);
const cursorShape = z.tuple([z.number(), feedItem.shape.contentId, z.array(carriedRow).max(CARRIED_MAX)]);

export function writeCursor({ after, carried }: Cursor): string {
  const rows = carried.map(({ at, contentId, ownerId, reason, repostedBy }) => [
    at,
    contentId,
    ownerId,
    reason,
    repostedBy ?? null,
  ]);
  return Buffer.from(JSON.stringify([after.at, after.id, rows])).toString('base64url');
}

/**
 * Reads a cursor; undefined for what is none. It need not be signed: whatever it names is shown only to who may see it.
 */
export function readCursor(text: string): Cursor | undefined {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
  const parsed = cursorShape.safeParse(json);
  if (!parsed.success) return undefined;
  const [at, id, rows] = parsed.data;
  return {
    after: { at, id },
    carried: rows.map(([rowAt, contentId, ownerId, reason, repostedBy]) => ({
      at: rowAt,
      contentId,
      ownerId,
      reason,
      ...(repostedBy ? { repostedBy } : {}),
    })),
  };
}

/** The cursor after a page: what was taken, and what is left of the pool that it was taken from. Undefined at the end. */
export function cursorAfter(
  former: Cursor | undefined,
  taken: readonly Row[],
  left: readonly Row[],
  complete: boolean,
): Cursor | undefined {
  if (complete && left.length === 0) return undefined;
  const oldest = [...taken].sort(newestFirst).at(-1);
  const after =
    oldest && isPast(oldest, former?.after)
      ? placeOf(oldest)
      : (former?.after ?? (oldest ? placeOf(oldest) : undefined));
  if (!after) return undefined;
  return { after, carried: left.filter((row) => !isPast(row, after) && row.contentId !== after.id) };
}
