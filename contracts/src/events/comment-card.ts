import { z } from 'zod';
import { COMMENT_DEPTH_MAX, COMMENT_MAX } from '../documents/comment.ts';
import { contentOwner } from '../documents/content.ts';
import { documentId, text, uid } from '../text.ts';

/** What it takes to show a comment without reading anything. */
export const commentCard = z.object({
  contentId: documentId,
  /** Of the content. */
  ownerId: uid,
  commentId: documentId,
  authorId: uid,
  author: contentOwner,
  text: text(COMMENT_MAX),
  parentId: documentId.optional(),
  /** Whose comment it answers. */
  parentAuthorId: uid.optional(),
  rootId: documentId,
  depth: z.number().int().min(0).max(COMMENT_DEPTH_MAX),
  mentions: z.array(uid),
  createdAt: z.iso.datetime(),
  editedAt: z.iso.datetime().optional(),
});
export type CommentCard = z.infer<typeof commentCard>;
