import {
  type Content,
  type FeedState,
  blockAt,
  contentAt,
  followerAt,
  likeAt,
  muteAt,
  muteSettingsAt,
} from '@playnite/contracts/documents';
import { type ContentCard, cardOf } from '@playnite/contracts/events';
import { z } from 'zod';
import type { Context } from '../platform/context.ts';
import { Refusal } from '../platform/errors.ts';
import { type Facts, isShown } from './feed-filters.ts';
import {
  CARRIED_MAX,
  CURSOR_LENGTH_MAX,
  type Cursor,
  type Position,
  type Row,
  cursorAfter,
  placeOf,
  readCursor,
  takeFairly,
  writeCursor,
} from './feed-page.ts';
import { fillGap, noteActive } from './feed-rebuild.ts';
import { type Known, authorsRows, readSources, writtenRows } from './feed-sources.ts';

/** Items of one page. */
export const PAGE_MAX = 50;
const PAGE_DEFAULT = 20;
/** Times that a page is made up for items that are not shown; one that is still too short then says where to go on. */
const ROUNDS_MAX = 4;

export const feedRequest = z.object({
  cursor: z.string().max(CURSOR_LENGTH_MAX).nullish(),
  limit: z.number().int().min(1).max(PAGE_MAX).default(PAGE_DEFAULT),
});

/** An item of a feed, ready to be shown. */
export interface FeedEntry {
  contentId: string;
  content: ContentCard & Pick<Content, 'stats'>;
  /** Whether the reader likes it. */
  liked: boolean;
  owner: { uid: string; handle: string; displayName: string };
  reason: Row['reason'];
  repostedBy?: string;
}

export interface FeedPage {
  items: FeedEntry[];
  /** Where the next page begins; null at the end. */
  cursor: string | null;
}

/**
 * A page of somebody's home feed, the newest first: what was written for them and, of authors that too many follow, what is
 * looked up now. Two calls with one cursor answer the same, but for what has been withdrawn in between.
 *
 * @throws {Refusal} `malformed-cursor`
 */
export async function readFeed(
  ctx: Needs,
  uid: string,
  { cursor, limit }: z.infer<typeof feedRequest>,
): Promise<FeedPage> {
  const former = cursor ? readCursor(cursor) : undefined;
  if (cursor && !former) throw new Refusal('invalid-argument', 'malformed-cursor', 'This cursor is none of a feed.');
  const reading = new Reading(ctx, uid, await noteActive(ctx, uid), former);
  const items: FeedEntry[] = [];
  for (let round = 0; round < ROUNDS_MAX && items.length < limit; round += 1) {
    const rows = await reading.next(limit - items.length);
    if (rows.length === 0) break;
    items.push(...(await hydrate(ctx, uid, rows, reading)));
  }
  const next = reading.cursor();
  return { items, cursor: next ? writeCursor(next) : null };
}

/** Reads rows ahead of what is shown, so that there is something to choose from. */
class Reading {
  readonly known: Known = new Map();
  readonly #ctx: Needs;
  readonly #uid: string;
  readonly #former: Cursor | undefined;
  #state: FeedState;
  #pool: Row[];
  #taken: Row[] = [];
  #readTo: Position | undefined;
  #complete = false;

  constructor(ctx: Needs, uid: string, state: FeedState, former: Cursor | undefined) {
    this.#ctx = ctx;
    this.#uid = uid;
    this.#state = state;
    this.#former = former;
    this.#pool = [...(former?.carried ?? [])];
    this.#readTo = former?.after;
  }

  get hidden(): readonly string[] {
    return this.#state.hidden ?? [];
  }

  /** The next rows to show, at most so many; none at the end. */
  async next(wanted: number): Promise<Row[]> {
    while (!this.#complete && this.#pool.length < wanted + CARRIED_MAX) await this.#readOn(wanted + CARRIED_MAX);
    const { taken, left } = takeFairly(this.#pool, wanted, this.#taken);
    this.#taken.push(...taken);
    this.#pool = left;
    return taken;
  }

  async #readOn(wanted: number): Promise<void> {
    const sources = [
      writtenRows(this.#ctx, this.#uid),
      ...authorsRows(this.#ctx, this.#state.pulled ?? [], this.known),
    ];
    const page = await readSources(sources, { after: this.#readTo }, wanted - this.#pool.length);
    const { gap } = this.#state;
    const rows = gap ? page.rows.filter(({ at }) => at > gap.before) : page.rows;
    // What is older than a gap's end waits until the gap is filled.
    const isInGap = gap !== undefined && (rows.length < page.rows.length || page.complete);
    if (isInGap) this.#state = await fillGap(this.#ctx, this.#uid, this.#state);
    else this.#complete = page.complete;
    const last = rows.at(-1);
    if (last) this.#readTo = placeOf(last);
    const waiting = new Set(this.#pool.map(({ contentId }) => contentId));
    this.#pool.push(...rows.filter(({ contentId }) => !waiting.has(contentId)));
  }

  cursor(): Cursor | undefined {
    return cursorAfter(this.#former, this.#taken, this.#pool, this.#complete);
  }
}

/** What a reader is shown of some rows: everything that decides it is read in one round. */
async function hydrate(
  ctx: Needs,
  uid: string,
  rows: readonly Row[],
  { known, hidden }: Reading,
): Promise<FeedEntry[]> {
  const missing = rows.filter(({ contentId }) => !known.has(contentId));
  const [contents, likes, facts] = await Promise.all([
    ctx.documents.getAll(missing.map(({ contentId }) => contentAt(contentId))),
    ctx.documents.getAll(rows.map(({ contentId }) => likeAt(contentId, uid))),
    gatherFacts(ctx, uid, rows, hidden),
  ]);
  contents.forEach((content, index) => {
    const row = missing[index];
    if (content && row) known.set(row.contentId, content);
  });
  return rows.flatMap((row, index) => {
    const content = known.get(row.contentId);
    return isShown(row, content, facts) ? [entryOf(row, content, likes[index] !== undefined)] : [];
  });
}

/** How a reader stands to whoever rows are from, and what they have said. */
export async function gatherFacts(
  ctx: Pick<Needs, 'documents'>,
  uid: string,
  rows: readonly Row[],
  hidden: readonly string[],
): Promise<Facts> {
  const people = [...new Set(rows.flatMap(({ ownerId, repostedBy }) => [ownerId, repostedBy ?? ownerId]))];
  // Between a follower and whom they follow there is no block; of everybody else it has to be asked.
  const others = [
    ...new Set(
      rows
        .filter(({ reason, repostedBy }) => reason !== 'following' || repostedBy !== undefined)
        .map(({ ownerId }) => ownerId),
    ),
  ];
  const [edges, mutes, blocking, blockedBy, settings] = await Promise.all([
    ctx.documents.getAll(people.map((person) => followerAt(person, uid))),
    ctx.documents.getAll(people.map((person) => muteAt(uid, person))),
    ctx.documents.getAll(others.map((other) => blockAt(uid, other))),
    ctx.documents.getAll(others.map((other) => blockAt(other, uid))),
    ctx.documents.get(muteSettingsAt(uid)),
  ]);
  return {
    readerUid: uid,
    follows: new Map(people.map((person, index) => [person, edges[index]])),
    mutes: new Map(people.map((person, index) => [person, mutes[index]])),
    blocked: new Set(others.filter((_, index) => blocking[index] !== undefined || blockedBy[index] !== undefined)),
    words: settings?.words ?? [],
    hidden: new Set(hidden),
  };
}

/** Whether somebody may see a content: as the security rules have it, and neither side blocks the other. */
export async function mayRead(ctx: Pick<Needs, 'documents'>, uid: string, content: Content): Promise<boolean> {
  const { ownerId, status, visibility } = content;
  if (status !== 'published') return false;
  if (ownerId === uid) return true;
  const [edge, ...blocks] = await Promise.all([
    ctx.documents.get(followerAt(ownerId, uid)),
    ctx.documents.get(blockAt(uid, ownerId)),
    ctx.documents.get(blockAt(ownerId, uid)),
  ]);
  if (blocks.some((each) => each !== undefined)) return false;
  return visibility === 'public' || (visibility === 'followers' && edge !== undefined);
}

export function entryOf({ contentId, reason, repostedBy }: Row, content: Content, liked: boolean): FeedEntry {
  return {
    contentId,
    content: { ...cardOf(contentId, content), stats: content.stats },
    liked,
    owner: { uid: content.ownerId, ...content.owner },
    reason,
    ...(repostedBy === undefined ? {} : { repostedBy }),
  };
}

type Needs = Pick<Context, 'documents' | 'now'>;
