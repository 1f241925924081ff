import { z } from 'zod';
import { documentId, text, uid } from '../text.ts';
import type { DocumentRef } from './document.ts';
import { timestamp } from './timestamp.ts';

export const COMMENT_MAX = 2000;
/** People that one text can mention; further ones are text. */
export const MENTIONS_MAX = 20;
/** How deep a thread is shown; what answers deeper hangs here. */
export const COMMENT_DEPTH_MAX = 50;

export const commentStatus = z.enum(['visible', 'held', 'removed']);
export type CommentStatus = z.infer<typeof commentStatus>;

/** What screening says of a comment's words; `held` waits for a person. */
export const commentVerdict = z.enum(['approved', 'held', 'removed']);
export type CommentVerdict = z.infer<typeof commentVerdict>;

/** `content/{contentId}/comments/{commentId}`: the author writes `text` and `parentId`; functions do the rest. */
export const comment = z.object({
  authorId: uid,
  text: text(COMMENT_MAX).min(1),
  /** The comment that it answers, of the same content. */
  parentId: documentId.optional(),
  createdAt: timestamp,
  /** Missing until the words have been screened: until then the author, the content's owner and moderators see it. */
  status: commentStatus.optional(),
  mentions: z.array(uid).max(MENTIONS_MAX).optional(),
  /** SHA-256, hex, of the words that `mentions` are of. */
  mentionsOf: z.string().optional(),
  editedAt: timestamp.optional(),
  /** 0 for what answers the content itself. */
  depth: z.number().int().min(0).max(COMMENT_DEPTH_MAX).optional(),
  /** The comment at depth 0 that it hangs below: its own id there. */
  rootId: documentId.optional(),
  /** Of the content, so that a block finds what somebody wrote below the blocker's contents. */
  ownerId: uid.optional(),
  /** SHA-256, hex, of the words that `status` is about: other words have not been screened. */
  screened: z.string().optional(),
  /** When it took effect: it was charged to the author's budget once, then. */
  takenAt: timestamp.optional(),
  /** When it was first seen, or seen again after it was held or removed. */
  shownAt: timestamp.optional(),
  /** When the content's owner blocked the author: it stays removed, also when the block is taken back. */
  withdrawnAt: timestamp.optional(),
});
export type Comment = z.infer<typeof comment>;

export const commentAt = (contentId: string, commentId: string): DocumentRef<Comment> => ({
  path: `content/${contentId}/comments/${commentId}`,
  shape: comment,
});
