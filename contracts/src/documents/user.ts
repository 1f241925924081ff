import { z } from 'zod';
import { documentId, text, uid } from '../text.ts';
import type { DocumentRef } from './document.ts';
import { timestamp } from './timestamp.ts';

export const HANDLE_PATTERN = /^[a-z0-9_]{3,20}$/;
export const DISPLAY_NAME_MAX = 80;
export const BIO_MAX = 500;

/** What an account may do: `limited` reads but does not publish, `suspended` does neither. */
export const userStatus = z.enum(['active', 'limited', 'suspended']);

/** A count that was never written is zero: the first follow may come before the profile is complete. */
const count = z.number().int().default(0);

export const userCounts = z.object({ followers: count, following: count, content: count });

/** `users/{uid}`: the owner creates it together with `handles/{handle}`; functions add `counts` and `status`. */
export const user = z.object({
  handle: z.string().regex(HANDLE_PATTERN),
  displayName: text(DISPLAY_NAME_MAX),
  bio: text(BIO_MAX).default(''),
  avatarContentId: documentId.optional(),
  /** Who follows a private account has been let in by it. */
  private: z.boolean().optional(),
  createdAt: timestamp,
  counts: userCounts.optional(),
  status: userStatus.optional(),
});
export type User = z.infer<typeof user>;

/** `handles/{handle}`: unique by construction, since two documents cannot have one path. */
export const handle = z.object({ uid });
export type Handle = z.infer<typeof handle>;

/** `users/{uid}/following/{targetUid}` and its mirror `users/{uid}/followers/{followerUid}`. */
export const followEdge = z.object({
  createdAt: timestamp,
  /** In the mirror only: among all followers only a field can be searched. */
  followerUid: uid.optional(),
});
export type FollowEdge = z.infer<typeof followEdge>;

/** `users/{uid}/feed/{contentId}` */
export const feedItem = z.object({
  /** The document's id once more: among all feeds only a field can be searched. */
  contentId: documentId,
  ownerId: uid,
  /** Of a repost: when it was reposted, so that it stands where it came up. */
  publishedAt: timestamp,
  reason: z.enum(['following', 'mention', 'recommended']),
  /** Whom the reader follows, where that is not the owner. */
  repostedBy: uid.optional(),
  /** Dropped then, by a TTL policy. */
  expireAt: timestamp.optional(),
});
export type FeedItem = z.infer<typeof feedItem>;
export type FeedReason = FeedItem['reason'];

export const userAt = (userId: string): DocumentRef<User> => ({ path: `users/${userId}`, shape: user });
export const handleAt = (name: string): DocumentRef<Handle> => ({ path: `handles/${name}`, shape: handle });
export const followingAt = (followerUid: string, targetUid: string): DocumentRef<FollowEdge> => ({
  path: `users/${followerUid}/following/${targetUid}`,
  shape: followEdge,
});
export const followerAt = (targetUid: string, followerUid: string): DocumentRef<FollowEdge> => ({
  path: `users/${targetUid}/followers/${followerUid}`,
  shape: followEdge,
});
export const feedItemAt = (userId: string, contentId: string): DocumentRef<FeedItem> => ({
  path: `users/${userId}/feed/${contentId}`,
  shape: feedItem,
});
