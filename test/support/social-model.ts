/**
 * What people do to each other, and what is to be there once all of it has taken effect: a model in plain maps that knows
 * nothing of events, triggers and functions. Where the order in which the functions get to see two actions rightly decides (who
 * is told of a like by somebody who is muted a moment later?), the model says what must be there and what may be.
 */
import { timestamp } from '@playnite/contracts/documents';
import { POINTS } from '../../functions/src/social/budget.ts';
import { mentionedHandles } from '../../functions/src/social/plan-mentions.ts';
import type { Action, Read } from './social-actions.ts';
import { type ModelComment, ModelComments, statusesOf } from './social-comments.ts';
import { Notices, pairOf } from './social-notices.ts';

export interface ModelContent {
  ownerId: string;
  visibility: string;
  at: number;
  /** A moderator has taken it down. */
  isDown: boolean;
}

/** What somebody has a right to that is asked once, when it takes effect. */
interface Rightful {
  contentId: string;
  by: string;
  isSeen: boolean;
  /** Its maker may have lost the right to it, seen by the rules or not, before anybody had seen it. */
  mayBeGone: boolean;
}

interface ModelShare extends Rightful {
  shareId: string;
  target: 'link' | 'repost';
  at: number;
}

interface ModelReport {
  by: string;
  subject: string;
  isSeen: boolean;
}

/** What an action may cost, its end included. */
function pointsOf({ kind }: Action): number {
  if (kind === 'edit') return POINTS.update;
  const isThing = kind === 'follow' || kind === 'like' || kind === 'comment' || kind === 'share';
  return isThing ? POINTS.create + POINTS.delete : 0;
}

export class SocialModel {
  /** Those who are there. */
  readonly people: Set<string>;
  readonly isPrivate = new Set<string>();
  /** When a follow was wished that has not been taken back or cut. */
  readonly edges = new Map<string, number>();
  readonly everFollowed = new Set<string>();
  readonly everReposted = new Map<string, Set<string>>();
  readonly answers = new Map<string, { at: number; status: 'accepted' | 'declined' }>();
  /** Wishes that stood when the account was public. */
  readonly letIn = new Map<string, number>();
  readonly blocks = new Set<string>();
  readonly mutes = new Map<string, 'all' | 'reposts'>();
  readonly contents = new Map<string, ModelContent>();
  readonly likes = new Map<string, number>();
  readonly comments = new ModelComments();
  readonly shares = new Map<string, ModelShare>();
  /** By content and viewer. */
  readonly views = new Map<string, Rightful>();
  /** Contents that somebody has said to want no more of, as `uid contentId`. */
  readonly unwanted = new Set<string>();
  /** Who bears a strike for what: by subject. */
  readonly strikes = new Map<string, string>();
  /** How often something was decided on, by subject. */
  readonly decisions = new Map<string, number>();
  readonly notices = new Notices();
  /** Notifications of what came of reports. */
  readonly #outcomes = new Map<string, 'must' | 'may'>();
  /** What was to be erased, as the ids of the deletions. */
  readonly deletions = new Set<string>();
  /** The most points that each may have been charged: for what they did, and for its end. */
  readonly pointsMax = new Map<string, number>();
  readonly #reports = new Map<string, ModelReport>();

  constructor(people: readonly string[]) {
    this.people = new Set(people);
  }

  /** The functions have seen everything that was done so far. */
  settled(): void {
    this.comments.settled((subject) => this.decisions.has(subject));
    for (const share of this.shares.values()) share.isSeen = true;
    for (const view of this.views.values()) view.isSeen = true;
    for (const report of this.#reports.values()) report.isSeen = true;
  }

  /** Takes note of an action that was let through. `at` is in milliseconds; `read` shows what its author saw. */
  apply(action: Action, at: number, read: Read): void {
    const { by } = action;
    const { spans } = this.notices;
    this.pointsMax.set(by, (this.pointsMax.get(by) ?? 0) + pointsOf(action));
    // What is done by whom, or to what, is on the way out goes the same way.
    if (this.deletions.has(`account~${by}`)) {
      if (action.kind === 'publish') this.deletions.add(`content~${action.contentId}`);
      return;
    }
    if ('whom' in action && !this.people.has(action.whom)) return;
    if ('contentId' in action && action.kind !== 'publish' && !this.contents.has(action.contentId)) return;
    switch (action.kind) {
      case 'follow':
        return this.#follow(by, action.whom, at);
      case 'unfollow':
        this.edges.delete(pairOf(by, action.whom));
        return this.#doubt({ by, ownerId: action.whom });
      case 'answer': {
        const wishAt = millis(read(`users/${by}/followRequests/${action.whom}`)?.['createdAt']);
        this.answers.set(pairOf(action.whom, by), { at: wishAt, status: action.status });
        return this.#doubt({ by: action.whom, ownerId: by });
      }
      case 'privacy':
        return this.#changePrivacy(by, action.isPrivate);
      case 'block':
        return this.#block(by, action.whom, at);
      case 'unblock':
        this.blocks.delete(pairOf(by, action.whom));
        return spans.end(`block ${pairOf(by, action.whom)}`, at);
      case 'mute':
        this.mutes.set(pairOf(by, action.whom), action.only ? 'reposts' : 'all');
        if (!action.only) spans.begin(`mute ${pairOf(by, action.whom)}`, at);
        return;
      case 'unmute':
        this.mutes.delete(pairOf(by, action.whom));
        return spans.end(`mute ${pairOf(by, action.whom)}`, at);
      case 'mute-thread':
        return spans.begin(`thread ${pairOf(by, action.contentId)}`, at);
      case 'unmute-thread':
        return spans.end(`thread ${pairOf(by, action.contentId)}`, at);
      case 'words':
        return this.notices.muteWords(by, action.words, at);
      case 'publish':
        this.contents.set(action.contentId, { ownerId: by, visibility: action.visibility, at, isDown: false });
        if (action.visibility !== 'public') spans.begin(`closed ${action.contentId}`, at);
        return;
      case 'visibility':
        this.contentOf(action.contentId).visibility = action.visibility;
        if (action.visibility === 'public') spans.end(`closed ${action.contentId}`, at);
        else spans.begin(`closed ${action.contentId}`, at);
        return this.#doubt(action);
      case 'gate':
        return;
      case 'feedback':
        this.unwanted.add(`${by} ${action.contentId}`);
        return;
      case 'like': {
        const { contentId } = action;
        this.likes.set(`${contentId} ${by}`, at);
        const { ownerId: reader } = this.contentOf(contentId);
        return this.notices.note({ reader, id: `like:${contentId}:${by}`, actor: by, contentId, texts: [], at });
      }
      case 'unlike':
        this.likes.delete(`${action.contentId} ${by}`);
        return;
      case 'comment':
        return this.#noteWords(this.comments.add(action, this.contentOf(action.contentId).ownerId, at));
      case 'edit':
        return this.#noteWords(this.comments.edit(action, at));
      case 'delete':
        return this.comments.delete(action);
      case 'share': {
        const { contentId, shareId, target } = action;
        const mayBeGone = this.#isClosedTo(by, contentId);
        this.shares.set(shareId, { contentId, shareId, by, target, at, isSeen: false, mayBeGone });
        if (target === 'repost') {
          this.everReposted.set(contentId, (this.everReposted.get(contentId) ?? new Set()).add(by));
        }
        return;
      }
      case 'view': {
        const { contentId } = action;
        const key = `${contentId} ${by}`;
        const isThere = this.views.get(key)?.mayBeGone === false;
        if (isThere) return;
        this.views.set(key, { contentId, by, isSeen: false, mayBeGone: this.#isClosedTo(by, contentId) });
        return;
      }
      case 'unshare':
        this.shares.delete(action.shareId);
        return;
      case 'report':
        if (this.#ownerOf(action.subject) === by) return;
        this.#reports.set(action.reportId, { by, subject: action.subject, isSeen: false });
        return;
      case 'decide':
        return this.#decide(action, at);
      case 'remove':
        return this.#erase(action.contentId);
      case 'leave':
        return this.#leave(by);
    }
  }

  /** @throws {Error} for one that is not there */
  contentOf(contentId: string): ModelContent {
    const content = this.contents.get(contentId);
    if (!content) throw new Error(`${contentId} is not there`);
    return content;
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

  /** Whom the present words of a comment must reach, and whom they may. */
  mentions({ text: words, textAt, authorId, contentId, ownerId }: ModelComment): { must: string[]; may: string[] } {
    const { spans } = this.notices;
    const named = mentionedHandles(words).filter((uid) => this.people.has(uid) && uid !== authorId);
    const between = (uid: string) => [`block ${pairOf(uid, authorId)}`, `block ${pairOf(authorId, uid)}`];
    const wasClosed = spans.hasStoodAfter(textAt, `closed ${contentId}`);
    return {
      must: named.filter((uid) => (!wasClosed || uid === ownerId) && !spans.hasStoodAfter(textAt, ...between(uid))),
      may: named.filter((uid) => !spans.hasStoodSince(textAt, ...between(uid))),
    };
  }

  /** Notifications by their reader and id: those that must be there, and those that may be. */
  notifications(): { must: Set<string>; may: Set<string> } {
    return { must: this.#mustBeTold(), may: new Set([...this.notices.mayBeThere(), ...this.#outcomes.keys()]) };
  }

  #mustBeTold(): Set<string> {
    const must = new Set([...this.#outcomes].flatMap(([key, how]) => (how === 'must' ? [key] : [])));
    const tell = (told: Parameters<Notices['note']>[0]) => {
      if (this.notices.mustBeThere(told)) must.add(`${told.reader} ${told.id}`);
    };
    for (const [pair, at] of this.edges) {
      const [actor = '', reader = ''] = pair.split('>');
      const { stands, request } = this.follow(actor, reader);
      if (stands) tell({ reader, id: `new-follower:${actor}`, actor, texts: [], at });
      if (request === 'pending') tell({ reader, id: `follow-request:${actor}`, actor, texts: [], at });
    }
    for (const [key, at] of this.likes) {
      const [contentId = '', actor = ''] = key.split(' ');
      const { ownerId: reader } = this.contentOf(contentId);
      tell({ reader, id: `like:${contentId}:${actor}`, actor, contentId, texts: [], at });
    }
    for (const comment of this.comments.values()) {
      const { contentId, commentId, authorId: actor, ownerId, at, textAt, everyText: texts } = comment;
      if (statusesOf(comment).join() !== 'visible') continue;
      const parent = this.comments.parentOf(comment);
      const named = mentionedHandles(...texts);
      for (const reader of new Set([ownerId, ...(parent ? [parent.authorId] : [])])) {
        if (named.includes(reader)) continue;
        tell({ reader, id: `comment:${contentId}:${commentId}`, actor, contentId, texts, at });
      }
      if (this.notices.spans.hasStoodAfter(textAt, `down ${contentId}`)) continue;
      for (const reader of this.mentions(comment).must) {
        tell({ reader, id: `mention:${contentId}:${commentId}`, actor, contentId, texts, at: textAt });
      }
    }
    return must;
  }

  #follow(by: string, whom: string, at: number): void {
    const pair = pairOf(by, whom);
    this.edges.set(pair, at);
    this.everFollowed.add(pair);
    this.notices.note({ reader: whom, id: `new-follower:${by}`, actor: by, texts: [], at });
    if (!this.isPrivate.has(whom)) return;
    this.notices.note({ reader: whom, id: `follow-request:${by}`, actor: by, texts: [], at });
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
    this.notices.spans.begin(`block ${pairOf(by, whom)}`, at);
    this.edges.delete(pairOf(by, whom));
    this.edges.delete(pairOf(whom, by));
    for (const comment of this.comments.values()) {
      if (comment.ownerId === by && comment.authorId === whom) comment.isWithdrawn = true;
    }
    this.#doubt({ by, ownerId: whom });
    this.#doubt({ by: whom, ownerId: by });
  }

  /** The right to these ends, before all of them were seen perhaps. */
  #doubt(of: { contentId?: string; by?: string; ownerId?: string }): void {
    for (const each of [...this.shares.values(), ...this.views.values()]) {
      const { ownerId } = this.contentOf(each.contentId);
      const isOf = of.contentId ? each.contentId === of.contentId : each.by === of.by && ownerId === of.ownerId;
      if (isOf && !each.isSeen) each.mayBeGone = true;
    }
  }

  #isClosedTo(uid: string, contentId: string): boolean {
    const { ownerId, visibility, isDown } = this.contentOf(contentId);
    return isDown || (visibility !== 'public' && uid !== ownerId && !this.follow(uid, ownerId).stands);
  }

  /** Whoever may be told of the words that a comment has now. */
  #noteWords(comment: ModelComment): void {
    const { contentId, commentId, authorId: actor, ownerId, text, textAt: at } = comment;
    const parent = this.comments.parentOf(comment);
    const told = { actor, contentId, texts: [text], at };
    for (const reader of new Set([ownerId, ...(parent ? [parent.authorId] : [])])) {
      this.notices.note({ ...told, id: `comment:${contentId}:${commentId}`, reader });
    }
    for (const reader of mentionedHandles(text).filter((uid) => this.people.has(uid))) {
      this.notices.note({ ...told, id: `mention:${contentId}:${commentId}`, reader });
    }
  }

  #ownerOf(subject: string): string | undefined {
    const [, contentId = '', , commentId] = subject.split('/');
    if (commentId === undefined) return this.contents.get(contentId)?.ownerId;
    return this.comments.get({ contentId, commentId })?.authorId;
  }

  #decide({ subject, decision }: Extract<Action, { kind: 'decide' }>, at: number): void {
    const [, contentId = '', , commentId = ''] = subject.split('/');
    const comment = this.comments.get({ contentId, commentId });
    const about = comment ?? this.contents.get(contentId);
    const isGone = !about || (commentId !== '' && !comment);
    for (const [id, report] of this.#reports) {
      if (report.subject !== subject) continue;
      // One that nobody has seen yet may find the decision, or wait for the next one.
      const isAnswered = report.isSeen && !isGone;
      this.#outcomes.set(`${report.by} report-outcome:${id}`, isAnswered ? 'must' : 'may');
      if (isAnswered) this.#reports.delete(id);
    }
    if (isGone) return;
    const isDown = decision === 'remove';
    if (comment) Object.assign(comment, { isDown, held: 'no' });
    else {
      this.contentOf(contentId).isDown = isDown;
      if (isDown) this.notices.spans.begin(`down ${contentId}`, at);
      else this.notices.spans.end(`down ${contentId}`, at);
      this.#doubt({ contentId });
    }
    this.decisions.set(subject, (this.decisions.get(subject) ?? 0) + 1);
    if (isDown) this.strikes.set(subject, comment ? comment.authorId : about.ownerId);
    else this.strikes.delete(subject);
  }

  #erase(contentId: string): void {
    this.deletions.add(`content~${contentId}`);
    this.contents.delete(contentId);
    for (const key of this.likes.keys()) if (key.startsWith(`${contentId} `)) this.likes.delete(key);
    for (const comment of this.comments.values()) if (comment.contentId === contentId) this.comments.delete(comment);
    for (const [id, share] of this.shares) if (share.contentId === contentId) this.shares.delete(id);
    for (const [key, view] of this.views) if (view.contentId === contentId) this.views.delete(key);
    for (const key of this.unwanted) if (key.endsWith(` ${contentId}`)) this.unwanted.delete(key);
    this.notices.forget((told) => told.contentId === contentId);
  }

  #leave(uid: string): void {
    for (const [contentId, { ownerId }] of this.contents) if (ownerId === uid) this.#erase(contentId);
    this.deletions.add(`account~${uid}`);
    this.people.delete(uid);
    const isOf = (pair: string) => pair.split('>').includes(uid);
    for (const pair of this.edges.keys()) if (isOf(pair)) this.edges.delete(pair);
    for (const pair of this.blocks) if (isOf(pair)) this.blocks.delete(pair);
    for (const key of this.likes.keys()) if (key.endsWith(` ${uid}`)) this.likes.delete(key);
    for (const comment of this.comments.values()) if (comment.authorId === uid) this.comments.delete(comment);
    for (const [id, share] of this.shares) if (share.by === uid) this.shares.delete(id);
    for (const [key, view] of this.views) if (view.by === uid) this.views.delete(key);
    for (const key of this.unwanted) if (key.startsWith(`${uid} `)) this.unwanted.delete(key);
    for (const key of this.#outcomes.keys()) if (key.startsWith(`${uid} `)) this.#outcomes.delete(key);
    for (const [id, { by }] of this.#reports) if (by === uid) this.#reports.delete(id);
    for (const [subject, ownerId] of this.strikes) if (ownerId === uid) this.strikes.delete(subject);
    this.notices.forget(({ reader, actor }) => reader === uid || actor === uid);
  }
}

/** A moment as stored, in milliseconds. */
export function millis(value: unknown): number {
  const parsed = timestamp.safeParse(value);
  return parsed.success ? parsed.data.toMillis() : Number.NaN;
}
