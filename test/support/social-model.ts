/**
 * What people do to each other, and what is to be there once all of it has taken effect: a model in plain maps that knows
 * nothing of events, triggers and functions. Where the order in which the functions get to see two actions rightly decides (who
 * is told of a like by somebody who is muted a moment later?), the model says what must be there and what may be.
 */
import { timestamp } from '@playnite/contracts/documents';
import { POINTS } from '../../functions/src/social/budget.ts';
import { mentionedHandles } from '../../functions/src/social/plan-mentions.ts';
import { type Action, DOUBTFUL, type Read } from './social-actions.ts';

/** When something stood: since when, or until when it last did. */
class Spans {
  readonly #spans = new Map<string, { since?: number; until: number }>();

  begin(key: string, at: number): void {
    this.#spans.set(key, { since: at, until: Infinity });
  }

  end(key: string, at: number): void {
    if (this.#spans.has(key)) this.#spans.set(key, { until: at });
  }

  /** Whether it has stood all the time since then. */
  hasStoodSince(at: number, ...keys: readonly string[]): boolean {
    return keys.some((key) => (this.#spans.get(key)?.since ?? Infinity) <= at);
  }

  /** Whether it has stood at any time since then. */
  hasStoodAfter(at: number, ...keys: readonly string[]): boolean {
    return keys.some((key) => (this.#spans.get(key)?.until ?? -Infinity) >= at);
  }
}

export interface ModelComment {
  contentId: string;
  commentId: string;
  ownerId: string;
  authorId: string;
  parentId: string | undefined;
  at: number;
  text: string;
  /** When the present words were written. */
  textAt: number;
  everyText: string[];
  /** The functions have seen its present words, and its place. */
  isSeen: boolean;
  held: 'no' | 'maybe' | 'yes';
  isWithdrawn: boolean;
  depth: number;
  rootId: string;
  /** Something that it hangs below went before anybody had seen where it hangs. */
  placeIsOpen: boolean;
}

interface ModelShare {
  contentId: string;
  shareId: string;
  by: string;
  target: 'link' | 'repost';
  at: number;
  isSeen: boolean;
  /** A block came before anybody had seen it. */
  mayBeGone: boolean;
}

interface Told {
  reader: string;
  id: string;
  actor: string;
  contentId?: string;
  texts: string[];
  at: number;
}

/** What an action may cost, its end included. */
function pointsOf({ kind }: Action): number {
  if (kind === 'edit') return POINTS.update;
  const isThing = kind === 'follow' || kind === 'like' || kind === 'comment' || kind === 'share';
  return isThing ? POINTS.create + POINTS.delete : 0;
}

const pairOf = (a: string, b: string) => `${a}>${b}`;

export class SocialModel {
  readonly people: readonly string[];
  readonly isPrivate = new Set<string>();
  /** When a follow was wished that has not been taken back or cut. */
  readonly edges = new Map<string, number>();
  readonly everFollowed = new Set<string>();
  readonly everReposted = new Map<string, Set<string>>();
  readonly answers = new Map<string, { at: number; status: 'accepted' | 'declined' }>();
  /** Wishes that stood when the account was public. */
  readonly letIn = new Map<string, number>();
  readonly blocks = new Set<string>();
  readonly owners = new Map<string, { ownerId: string; visibility: string; at: number }>();
  readonly likes = new Map<string, number>();
  readonly comments = new Map<string, ModelComment>();
  readonly shares = new Map<string, ModelShare>();
  /** The most points that each may have been charged: for what they did, and for its end. */
  readonly pointsMax = new Map<string, number>();
  readonly #quiet = new Spans();
  readonly #mayBeTold = new Map<string, Told>();
  readonly #words = new Map<string, string[]>();

  constructor(people: readonly string[]) {
    this.people = people;
  }

  /** The functions have seen everything that was done so far. */
  settled(): void {
    for (const comment of this.comments.values()) {
      comment.isSeen = true;
      if (comment.text === DOUBTFUL) comment.held = 'yes';
    }
    for (const share of this.shares.values()) share.isSeen = true;
  }

  /** Takes note of an action that the rules have let through. `at` is in milliseconds; `read` shows what its author saw. */
  apply(action: Action, at: number, read: Read): void {
    const { by } = action;
    this.pointsMax.set(by, (this.pointsMax.get(by) ?? 0) + pointsOf(action));
    switch (action.kind) {
      case 'follow': {
        const pair = pairOf(by, action.whom);
        this.edges.set(pair, at);
        this.everFollowed.add(pair);
        this.#may({ reader: action.whom, id: `new-follower:${by}`, actor: by, texts: [], at });
        if (this.isPrivate.has(action.whom)) {
          this.#may({ reader: action.whom, id: `follow-request:${by}`, actor: by, texts: [], at });
        }
        return;
      }
      case 'unfollow':
        this.edges.delete(pairOf(by, action.whom));
        return;
      case 'answer': {
        const wishAt = millis(read(`users/${by}/followRequests/${action.whom}`)?.['createdAt']);
        this.answers.set(pairOf(action.whom, by), { at: wishAt, status: action.status });
        return;
      }
      case 'privacy':
        return this.#changePrivacy(by, action.isPrivate);
      case 'block':
        return this.#block(by, action.whom, at);
      case 'unblock':
        this.blocks.delete(pairOf(by, action.whom));
        this.#quiet.end(`block ${pairOf(by, action.whom)}`, at);
        return;
      case 'mute':
        if (!action.only) this.#quiet.begin(`mute ${pairOf(by, action.whom)}`, at);
        return;
      case 'unmute':
        this.#quiet.end(`mute ${pairOf(by, action.whom)}`, at);
        return;
      case 'mute-thread':
        this.#quiet.begin(`thread ${pairOf(by, action.contentId)}`, at);
        return;
      case 'unmute-thread':
        this.#quiet.end(`thread ${pairOf(by, action.contentId)}`, at);
        return;
      case 'words':
        for (const word of this.#words.get(by) ?? []) this.#quiet.end(`word ${pairOf(by, word)}`, at);
        this.#words.set(by, action.words);
        for (const word of action.words) this.#quiet.begin(`word ${pairOf(by, word)}`, at);
        return;
      case 'publish':
        this.owners.set(action.contentId, { ownerId: by, visibility: action.visibility, at });
        return;
      case 'like': {
        const { contentId } = action;
        this.likes.set(`${contentId} ${by}`, at);
        this.#may({
          reader: this.ownerOf(contentId),
          id: `like:${contentId}:${by}`,
          actor: by,
          contentId,
          texts: [],
          at,
        });
        return;
      }
      case 'unlike':
        this.likes.delete(`${action.contentId} ${by}`);
        return;
      case 'comment':
        return this.#comment(action, at);
      case 'edit':
        return this.#edit(action, at);
      case 'delete':
        this.comments.delete(`${action.contentId} ${action.commentId}`);
        this.#openPlacesBelow(action.contentId, action.commentId);
        return;
      case 'share': {
        const { contentId, shareId, target } = action;
        this.shares.set(shareId, { contentId, shareId, by, target, at, isSeen: false, mayBeGone: false });
        if (target === 'repost') {
          this.everReposted.set(contentId, (this.everReposted.get(contentId) ?? new Set()).add(by));
        }
        return;
      }
      case 'unshare':
        this.shares.delete(action.shareId);
    }
  }

  ownerOf(contentId: string): string {
    return this.owners.get(contentId)?.ownerId ?? '';
  }

  /** How a wish to follow stands, and what its request says where there is one. */
  follow(follower: string, target: string): { stands: boolean; request: string | undefined } {
    const pair = pairOf(follower, target);
    const at = this.edges.get(pair);
    if (at === undefined) return { stands: false, request: undefined };
    const answer = this.answers.get(pair);
    if (answer?.at === at) return { stands: answer.status === 'accepted', request: answer.status };
    const stands = !this.isPrivate.has(target) || this.letIn.get(pair) === at;
    return { stands, request: stands ? undefined : 'pending' };
  }

  statuses({ isWithdrawn, held }: ModelComment): string[] {
    if (isWithdrawn) return ['removed'];
    return held === 'yes' ? ['held'] : held === 'maybe' ? ['held', 'visible'] : ['visible'];
  }

  /** Whom the present words of a comment must reach, and whom they may. */
  mentions({ text: words, textAt, authorId, contentId, ownerId }: ModelComment): { must: string[]; may: string[] } {
    const isPublic = this.owners.get(contentId)?.visibility === 'public';
    const named = mentionedHandles(words).filter((uid) => this.people.includes(uid) && uid !== authorId);
    const between = (uid: string) => [`block ${pairOf(uid, authorId)}`, `block ${pairOf(authorId, uid)}`];
    return {
      must: named.filter((uid) => (isPublic || uid === ownerId) && !this.#quiet.hasStoodAfter(textAt, ...between(uid))),
      may: named.filter((uid) => !this.#quiet.hasStoodSince(textAt, ...between(uid))),
    };
  }

  /** Notifications by their reader and id: those that must be there, and those that may be. */
  notifications(): { must: Set<string>; may: Set<string> } {
    const may = new Set<string>();
    for (const told of this.#mayBeTold.values()) {
      const isHushed = this.#quiet.hasStoodSince(told.at, ...this.#hushing(told));
      const words = (this.#words.get(told.reader) ?? []).filter((word) =>
        told.texts.every((each) => each.includes(word)),
      );
      const isUnwanted =
        told.texts.length > 0 &&
        words.some((word) => this.#quiet.hasStoodSince(told.at, `word ${pairOf(told.reader, word)}`));
      if (!isHushed && !isUnwanted) may.add(`${told.reader} ${told.id}`);
    }
    return { must: this.#mustBeTold(), may };
  }

  #mustBeTold(): Set<string> {
    const must = new Set<string>();
    const tell = (told: Told) => {
      const wasHushed = this.#quiet.hasStoodAfter(told.at, ...this.#hushing(told));
      const words = told.texts.flatMap((each) => each.split(' ')).map((word) => `word ${pairOf(told.reader, word)}`);
      if (told.reader !== told.actor && !wasHushed && !this.#quiet.hasStoodAfter(told.at, ...words)) {
        must.add(`${told.reader} ${told.id}`);
      }
    };
    for (const [pair, at] of this.edges) {
      const [actor = '', reader = ''] = pair.split('>');
      const { stands, request } = this.follow(actor, reader);
      if (stands) tell({ reader, id: `new-follower:${actor}`, actor, texts: [], at });
      if (request === 'pending') tell({ reader, id: `follow-request:${actor}`, actor, texts: [], at });
    }
    for (const [key, at] of this.likes) {
      const [contentId = '', actor = ''] = key.split(' ');
      tell({ reader: this.ownerOf(contentId), id: `like:${contentId}:${actor}`, actor, contentId, texts: [], at });
    }
    for (const comment of this.comments.values()) {
      const { contentId, commentId, authorId: actor, ownerId, parentId, at, textAt, everyText } = comment;
      if (this.statuses(comment).join() !== 'visible') continue;
      const parent = this.comments.get(`${contentId} ${parentId ?? ''}`);
      const named = mentionedHandles(...everyText);
      for (const reader of new Set([ownerId, ...(parent ? [parent.authorId] : [])])) {
        if (named.includes(reader)) continue;
        tell({ reader, id: `comment:${contentId}:${commentId}`, actor, contentId, texts: everyText, at });
      }
      for (const reader of this.mentions(comment).must) {
        const told = { reader, id: `mention:${contentId}:${commentId}`, actor, contentId, texts: everyText };
        tell({ ...told, at: textAt });
      }
    }
    return must;
  }

  #hushing({ reader, actor, contentId }: Told): string[] {
    return [
      `block ${pairOf(reader, actor)}`,
      `block ${pairOf(actor, reader)}`,
      `mute ${pairOf(reader, actor)}`,
      ...(contentId === undefined ? [] : [`thread ${pairOf(reader, contentId)}`]),
    ];
  }

  #may(told: Told): void {
    if (told.reader === told.actor) return;
    const key = `${told.reader} ${told.id}`;
    const before = this.#mayBeTold.get(key);
    this.#mayBeTold.set(key, before ? { ...before, texts: [...before.texts, ...told.texts] } : told);
  }

  #changePrivacy(uid: string, isPrivate: boolean): void {
    for (const [pair, at] of this.edges) {
      const [follower = '', target = ''] = pair.split('>');
      if (target !== uid) continue;
      const { request, stands } = this.follow(follower, target);
      if (!isPrivate && request === 'pending') this.answers.set(pair, { at, status: 'accepted' });
      if (isPrivate && stands) this.letIn.set(pair, at);
    }
    if (isPrivate) this.isPrivate.add(uid);
    else this.isPrivate.delete(uid);
  }

  #block(by: string, whom: string, at: number): void {
    this.blocks.add(pairOf(by, whom));
    this.#quiet.begin(`block ${pairOf(by, whom)}`, at);
    this.edges.delete(pairOf(by, whom));
    this.edges.delete(pairOf(whom, by));
    for (const comment of this.comments.values()) {
      if (comment.ownerId === by && comment.authorId === whom) comment.isWithdrawn = true;
    }
    for (const share of this.shares.values()) {
      const ownerId = this.ownerOf(share.contentId);
      const between = (ownerId === by && share.by === whom) || (ownerId === whom && share.by === by);
      if (between && !share.isSeen) share.mayBeGone = true;
    }
  }

  #comment(
    { by, contentId, commentId, text: words, parentId }: Extract<Action, { kind: 'comment' }>,
    at: number,
  ): void {
    const parent = parentId === undefined ? undefined : this.comments.get(`${contentId} ${parentId}`);
    const ownerId = this.ownerOf(contentId);
    const comment: ModelComment = {
      contentId,
      commentId,
      ownerId,
      authorId: by,
      parentId,
      at,
      text: words,
      textAt: at,
      everyText: [words],
      isSeen: false,
      held: 'no',
      isWithdrawn: false,
      depth: parent ? parent.depth + 1 : 0,
      rootId: parent ? parent.rootId : commentId,
      placeIsOpen: parent?.placeIsOpen ?? false,
    };
    this.comments.set(`${contentId} ${commentId}`, comment);
    const told = { id: `comment:${contentId}:${commentId}`, actor: by, contentId, texts: [words], at };
    for (const reader of new Set([ownerId, ...(parent ? [parent.authorId] : [])])) this.#may({ ...told, reader });
    this.#mayMention(comment, at);
  }

  #edit({ contentId, commentId, text: words }: Extract<Action, { kind: 'edit' }>, at: number): void {
    const comment = this.comments.get(`${contentId} ${commentId}`);
    if (!comment) throw new Error(`${commentId} is not there`);
    if (comment.text === words) return;
    if (comment.text === DOUBTFUL && !comment.isSeen) comment.held = comment.held === 'yes' ? 'yes' : 'maybe';
    Object.assign(comment, { text: words, textAt: at, everyText: [...comment.everyText, words] });
    comment.isSeen = false;
    const parent = this.comments.get(`${contentId} ${comment.parentId ?? ''}`);
    const told = { id: `comment:${contentId}:${commentId}`, actor: comment.authorId, contentId, texts: [words], at };
    for (const reader of new Set([comment.ownerId, ...(parent ? [parent.authorId] : [])]))
      this.#may({ ...told, reader });
    this.#mayMention(comment, at);
  }

  #mayMention({ contentId, commentId, authorId: actor, text: words }: ModelComment, at: number): void {
    for (const reader of mentionedHandles(words).filter((uid) => this.people.includes(uid))) {
      this.#may({ reader, id: `mention:${contentId}:${commentId}`, actor, contentId, texts: [words], at });
    }
  }

  #openPlacesBelow(contentId: string, commentId: string): void {
    for (const comment of this.comments.values()) {
      if (comment.contentId !== contentId || comment.parentId !== commentId || comment.placeIsOpen) continue;
      if (!comment.isSeen) comment.placeIsOpen = true;
      this.#openPlacesBelow(contentId, comment.commentId);
    }
  }
}

/** A moment as stored, in milliseconds. */
export function millis(value: unknown): number {
  const parsed = timestamp.safeParse(value);
  return parsed.success ? parsed.data.toMillis() : Number.NaN;
}
