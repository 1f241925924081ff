import { z } from 'zod';
import { documentId, text, uid } from '../text.ts';
import { timestamp } from './timestamp.ts';

export const HANDLE_PATTERN = /^[a-z0-9_]{3,20}$/;
export const DISPLAY_NAME_MAX = 80;
export const BIO_MAX = 500;

export const userPath = (userId: string) => `users/${userId}`;
export const handlePath = (handle: string) => `handles/${handle}`;
export const followingPath = (follower: string, target: string) => `users/${follower}/following/${target}`;
export const followerPath = (target: string, follower: string) => `users/${target}/followers/${follower}`;
export const feedItemPath = (userId: string, contentId: string) => `users/${userId}/feed/${contentId}`;

/** What an account may do: `limited` reads but does not publish, `suspended` does neither. */
export const userStatus = z.enum(['active', 'limited', 'suspended']);

export const userCounts = z.object({
  followers: z.number().int(),
  following: z.number().int(),
  content: z.number().int(),
});

/** `users/{uid}`: the owner creates it together with `handles/{handle}`; functions add `counts` and `status`. */
export const user = z.object({
  handle: z.string().regex(HANDLE_PATTERN),
  displayName: text(DISPLAY_NAME_MAX),
  bio: text(BIO_MAX),
  avatarContentId: documentId.optional(),
  createdAt: timestamp,
  counts: userCounts.optional(),
  status: userStatus.optional(),
});
export type User = z.infer<typeof user>;

/** `handles/{handle}`: unique by construction, since two documents cannot have one path. */
export const handle = z.object({ uid });

/** `users/{uid}/following/{targetUid}` and its mirror `users/{uid}/followers/{followerUid}`. */
export const followEdge = z.object({ createdAt: timestamp });

/** `users/{uid}/feed/{contentId}` */
export const feedItem = z.object({
  ownerId: uid,
  publishedAt: timestamp,
  reason: z.enum(['following', 'mention', 'recommended']),
});
export type FeedReason = z.infer<typeof feedItem>['reason'];
