/**
 * The life of a comment. Its author writes words; a trigger tells of each change of them, to this reconciler and to
 * moderation, which screens them and answers. What follows is read off the documents each time: the comment (its words, and
 * the hash of the words that were screened), moderation's standing on it, and a block by the content's owner. So the
 * answer to words that have been changed since is worth nothing, and no order of events lets unscreened words be told to
 * anybody. Whom words mention is looked up once, when they are first seen: who bears a handle, or blocks whom, may be another
 * by the time that news of them comes again.
 */
import {
  COMMENT_DEPTH_MAX,
  type Comment,
  type Content,
  type User,
  activityAt,
  blockAt,
  budgetAt,
  commentAt,
  contentAt,
  moderationSubjectAt,
  userAt,
} from '@playnite/contracts/documents';
import { type CommentCard, socialCommentEdited, socialCommented, socialMentioned } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { type Transaction, absent, serverTime } from '../platform/documents.ts';
import { hashOfText } from '../platform/hash-of-text.ts';
import { type OutgoingEvent, eventOf } from '../platform/publisher.ts';
import { POINTS, chargeIn } from './budget.ts';
import { resolveMentions } from './mentions.ts';
import { type CommentPlan, type Place, placeOf, planComment } from './plan-comment.ts';

export interface CommentId {
  contentId: string;
  commentId: string;
}

const commentSubject = ({ contentId, commentId }: CommentId): string => `content/${contentId}/comments/${commentId}`;

/** The comment that a subject of moderation is; undefined for any other subject. */
export function commentOfSubject(subject: string): CommentId | undefined {
  const [root, contentId, below, commentId, ...rest] = subject.split('/');
  const isComment = root === 'content' && below === 'comments' && rest.length === 0;
  return isComment && contentId && commentId ? { contentId, commentId } : undefined;
}

/**
 * Brings a comment in line with all that it depends on, and tells of it when it can be seen. `screenedNow` is the hash of the
 * words that moderation has just answered for.
 */
export async function reconcileComment(ctx: Needs, id: CommentId, screenedNow?: string): Promise<void> {
  const { contentId, commentId } = id;
  const [seen, content] = await Promise.all([
    ctx.documents.get(commentAt(contentId, commentId)),
    ctx.documents.get(contentAt(contentId)),
  ]);
  if (!seen) return;
  const author = await ctx.documents.get(userAt(seen.authorId));
  if (!content || !author) return ctx.documents.deleteAll([commentAt(contentId, commentId).path]);
  const { authorId, text } = seen;
  const { ownerId, visibility } = content;
  const [place, mentions] = await Promise.all([
    seen.rootId === undefined ? findPlace(ctx, id, seen.parentId) : undefined,
    seen.mentionsOf === hashOfText(text) ? undefined : resolveMentions(ctx, [text], { authorId, ownerId, visibility }),
  ]);
  const outcome = await ctx.documents.transact((tx) =>
    bringInLine(tx, ctx, { id, content, text, mentions, place, screenedNow }),
  );
  if (!outcome) return;
  if ('refused' in outcome) return ctx.publish([outcome.refused]);
  if (outcome.status === 'visible') await ctx.publish(await newsOf(ctx, id, outcome, content, author));
}

/** Takes a comment that is gone out of its author's own log. */
export async function forgetComment(ctx: Needs, id: CommentId, authorId: string): Promise<void> {
  const author = await ctx.documents.get(userAt(authorId));
  await ctx.documents.transact(async (tx) => {
    const [comment, activity, present] = await Promise.all([
      tx.get(commentAt(id.contentId, id.commentId)),
      tx.get(activityOf(authorId, id)),
      tx.get(budgetAt(authorId)),
    ]);
    if (comment || !activity) return;
    tx.delete(activityOf(authorId, id));
    const price = { points: POINTS.delete, always: true };
    if (author) chargeIn(tx, authorId, { present, price, now: ctx.now() });
  });
}

interface Line {
  id: CommentId;
  content: Content;
  text: string;
  /** As just looked up; missing where that was done before. */
  mentions: string[] | undefined;
  place: Place | undefined;
  screenedNow: string | undefined;
}

/** The comment as it is afterwards; what was refused instead; or nothing, where it has gone or changed in the meantime. */
async function bringInLine(
  tx: Transaction,
  ctx: Needs,
  { id, content, text, mentions: found, place, screenedNow }: Line,
): Promise<Comment | { refused: OutgoingEvent } | undefined> {
  const ref = commentAt(id.contentId, id.commentId);
  const present = await tx.get(ref);
  // Changed words are news of their own.
  if (!present || present.text !== text) return undefined;
  const mentionsOf = hashOfText(text);
  const mentions = present.mentionsOf === mentionsOf ? (present.mentions ?? []) : found;
  if (!mentions) return undefined;
  const { authorId } = present;
  const { ownerId } = content;
  const [subject, block, budget] = await Promise.all([
    tx.get(moderationSubjectAt(commentSubject(id))),
    tx.get(blockAt(ownerId, authorId)),
    tx.get(budgetAt(authorId)),
  ]);
  const now = ctx.now();
  const isWithdrawn = present.withdrawnAt !== undefined || block !== undefined;
  const plan = planComment({
    text,
    status: present.status,
    screened: present.screened,
    shown: present.shownAt !== undefined,
    withdrawn: isWithdrawn,
    standing: subject?.standing ?? 'clear',
    screenedNow,
  });
  const isNew = present.takenAt === undefined;
  if (isNew || plan.edited) {
    // An edit is there already; what it costs counts against what comes next.
    const price = isNew ? { points: POINTS.create } : { points: POINTS.update, always: true };
    const refused = chargeIn(tx, authorId, { present: budget, price, now });
    if (refused) {
      tx.delete(ref);
      return { refused };
    }
  }
  const changes: Partial<Record<keyof Comment, unknown>> = {
    ...changesOf(present, plan, now),
    ...(isWithdrawn && !present.withdrawnAt ? { withdrawnAt: serverTime } : {}),
    ...(present.mentionsOf === mentionsOf ? {} : { mentions, mentionsOf }),
    ...(isNew ? { ownerId, takenAt: serverTime } : {}),
    ...place,
  };
  if (Object.keys(changes).length > 0) tx.update(ref, changes);
  if (isNew) {
    const at = present.createdAt.toDate();
    tx.set(activityOf(authorId, id), { type: 'comment', actorId: authorId, subject: commentSubject(id), at });
  }
  const { depth = 0, rootId = id.commentId } = place ?? present;
  const stampOf = (field: 'shownAt' | 'editedAt') =>
    changes[field] instanceof Date ? stamp(changes[field]) : present[field];
  const [shownAt, editedAt] = [stampOf('shownAt'), stampOf('editedAt')];
  const { status: _, ...rest } = present;
  return {
    ...rest,
    ...(plan.status ? { status: plan.status } : {}),
    ...(plan.screened === undefined ? {} : { screened: plan.screened }),
    ...(shownAt ? { shownAt } : {}),
    ...(editedAt ? { editedAt } : {}),
    mentions,
    depth,
    rootId,
  };
}

const stamp = (date: Date) => ({ toDate: () => date, toMillis: () => date.getTime() });

function changesOf(present: Comment, plan: CommentPlan, now: Date): Partial<Record<keyof Comment, unknown>> {
  const { status, screened, edited, shown } = plan;
  return {
    ...(status === present.status ? {} : { status: status ?? absent }),
    ...(screened === present.screened ? {} : { screened: screened ?? absent }),
    ...(edited ? { editedAt: now } : {}),
    ...(shown === (present.shownAt !== undefined) ? {} : { shownAt: shown ? now : absent }),
  };
}

const activityOf = (authorId: string, { contentId, commentId }: CommentId) =>
  activityAt(authorId, `comment~${contentId}~${commentId}`);

/** What a visible comment gives rise to; the same again whenever it is looked at, with the same ids. */
async function newsOf(
  ctx: Needs,
  { contentId, commentId }: CommentId,
  present: Comment,
  content: Content,
  { handle, displayName }: User,
): Promise<OutgoingEvent[]> {
  const { authorId, text, parentId, mentions = [], createdAt, editedAt, shownAt, depth = 0, rootId } = present;
  const parent = parentId === undefined ? undefined : await ctx.documents.get(commentAt(contentId, parentId));
  const card: CommentCard = {
    contentId,
    ownerId: content.ownerId,
    commentId,
    authorId,
    author: { handle, displayName },
    text,
    ...(parentId === undefined ? {} : { parentId }),
    ...(parent ? { parentAuthorId: parent.authorId } : {}),
    rootId: rootId ?? commentId,
    depth,
    mentions,
    createdAt: createdAt.toDate().toISOString(),
    ...(editedAt ? { editedAt: editedAt.toDate().toISOString() } : {}),
  };
  const shownAtMs = shownAt?.toMillis() ?? 0;
  const isEdit = editedAt !== undefined && editedAt.toMillis() > shownAtMs;
  const about = `${contentId} ${commentId}`;
  const at = ctx.now();
  return [
    // Also of an edit: whoever was to tell of the comment itself may have died before the edit came.
    eventOf(socialCommented, { cause: `${about} ${shownAtMs}`, at, data: card }),
    ...(isEdit
      ? [eventOf(socialCommentEdited, { cause: `${about} ${editedAt.toMillis()} ${hashOfText(text)}`, at, data: card })]
      : []),
    ...(mentions.length === 0
      ? []
      : [
          eventOf(socialMentioned, {
            cause: `${about} ${mentions.join()}`,
            at,
            data: { contentId, commentId, byUid: authorId, uids: mentions },
          }),
        ]),
  ];
}

/** Where a comment hangs, as far up as it takes to find somebody who knows. */
async function findPlace(
  ctx: Needs,
  { contentId, commentId }: CommentId,
  parentId: string | undefined,
): Promise<Place> {
  const ancestors: Parameters<typeof placeOf>[1][number][] = [];
  for (let next = parentId; next !== undefined && ancestors.length < COMMENT_DEPTH_MAX;) {
    const above = await ctx.documents.get(commentAt(contentId, next));
    const { rootId, depth } = above ?? {};
    const place = rootId === undefined || depth === undefined ? undefined : { rootId, depth };
    ancestors.push({ id: next, place, parentId: above?.parentId });
    if (place || ancestors.some(({ id }) => id === above?.parentId)) break;
    next = above?.parentId;
  }
  return placeOf(commentId, ancestors);
}

type Needs = Pick<Context, 'documents' | 'publish' | 'now'>;
