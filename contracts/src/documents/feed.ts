import { z } from 'zod';
import { documentId, uid } from '../text.ts';
import type { DocumentRef } from './document.ts';
import { timestamp } from './timestamp.ts';

/** `feedStates/{uid}`: whether somebody's feed is being written. Only functions see it. */
export const feedState = z.object({
  /** When the reader last asked for the feed. */
  activeAt: timestamp,
  /** When the feed was last built anew from whom the reader follows. */
  rebuiltAt: timestamp.optional(),
  /** Whom the reader follows whose contents are looked up when the feed is read, because too many follow them. */
  pulled: z.array(uid).optional(),
  /** What was published between these two times is not all in the feed yet: the reader was away. In milliseconds since 1970. */
  gap: z.object({ after: z.number(), before: z.number() }).optional(),
  /** Contents that the reader does not want to see again, the latest last. */
  hidden: z.array(documentId).optional(),
});
export type FeedState = z.infer<typeof feedState>;

/** `users/{uid}/feedback/{contentId}`: what a reader said a content is worth to them. */
export const feedback = z.object({
  /** The document's id once more: among all feedback only a field can be searched. */
  contentId: documentId,
  signal: z.enum(['not-interested']),
  /** Of the content. */
  ownerId: uid,
  tags: z.array(z.string()),
  at: timestamp,
});
export type Feedback = z.infer<typeof feedback>;

export const feedStateAt = (userId: string): DocumentRef<FeedState> => ({
  path: `feedStates/${userId}`,
  shape: feedState,
});
export const feedbackAt = (userId: string, contentId: string): DocumentRef<Feedback> => ({
  path: `users/${userId}/feedback/${contentId}`,
  shape: feedback,
});

/** `feedAuthors/{uid}`: so many follow this author that what is published is not written into each follower's feed. */
export const feedAuthor = z.object({
  since: timestamp,
  /** It is under way that each follower's state says so. */
  told: z.boolean().optional(),
});
export type FeedAuthor = z.infer<typeof feedAuthor>;

/** `reposts/{uid}~{contentId}`: what somebody reposted, findable among the reposts of many. */
export const repost = z.object({
  userId: uid,
  contentId: documentId,
  /** Of the content. */
  ownerId: uid,
  shareId: documentId,
  at: timestamp,
});
export type Repost = z.infer<typeof repost>;

export const feedAuthorAt = (userId: string): DocumentRef<FeedAuthor> => ({
  path: `feedAuthors/${userId}`,
  shape: feedAuthor,
});
export const repostAt = (userId: string, contentId: string): DocumentRef<Repost> => ({
  path: `reposts/${userId}~${contentId}`,
  shape: repost,
});
