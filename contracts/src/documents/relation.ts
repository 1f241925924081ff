import { z } from 'zod';
import { documentId, text, uid } from '../text.ts';
import type { DocumentRef } from './document.ts';
import { timestamp } from './timestamp.ts';
import { TAG_MAX } from './upload.ts';

export const MUTED_WORDS_MAX = 100;
export const MUTED_WORD_MAX = 50;

/**
 * `users/{uid}/followRequests/{followerUid}`: somebody's wish to follow a private account. Functions create it and take it
 * away; the account sets `status` to `accepted` or `declined`.
 */
export const followRequest = z.object({
  createdAt: timestamp,
  status: z.enum(['pending', 'accepted', 'declined']),
});
export type FollowRequest = z.infer<typeof followRequest>;

/** `users/{uid}/blocks/{targetUid}` */
export const block = z.object({ createdAt: timestamp });
export type Block = z.infer<typeof block>;

/** `users/{uid}/mutes/{targetUid}`: all that somebody publishes, or `only` what they repost. */
export const mute = z.object({ createdAt: timestamp, only: z.enum(['reposts']).optional() });
export type Mute = z.infer<typeof mute>;

/** `users/{uid}/mutedThreads/{contentId}`: no news of what happens below a content. */
export const mutedThread = z.object({ createdAt: timestamp });
export type MutedThread = z.infer<typeof mutedThread>;

/** `users/{uid}/settings/mutes` */
export const muteSettings = z.object({ words: z.array(text(MUTED_WORD_MAX).min(1)).max(MUTED_WORDS_MAX) });
export type MuteSettings = z.infer<typeof muteSettings>;

/** `users/{uid}/followedTags/{tag}` */
export const followedTag = z.object({ createdAt: timestamp });
export type FollowedTag = z.infer<typeof followedTag>;
/** A tag as the id of a document: a tag with a slash cannot be followed. */
export const followableTag = documentId.and(text(TAG_MAX));

export const activityType = z.enum(['publish', 'follow', 'like', 'comment', 'share', 'block']);
export type ActivityType = z.infer<typeof activityType>;

/** `users/{uid}/activity/{id}`: what somebody did, for their own eyes; gone when it is taken back. */
export const activity = z.object({
  type: activityType,
  actorId: uid,
  /** A document's path: `users/x`, `content/x`, `content/x/comments/y`. */
  subject: z.string(),
  at: timestamp,
});
export type Activity = z.infer<typeof activity>;

export const followRequestAt = (targetUid: string, followerUid: string): DocumentRef<FollowRequest> => ({
  path: `users/${targetUid}/followRequests/${followerUid}`,
  shape: followRequest,
});
export const blockAt = (blockerUid: string, blockedUid: string): DocumentRef<Block> => ({
  path: `users/${blockerUid}/blocks/${blockedUid}`,
  shape: block,
});
export const muteAt = (userId: string, targetUid: string): DocumentRef<Mute> => ({
  path: `users/${userId}/mutes/${targetUid}`,
  shape: mute,
});
export const mutedThreadAt = (userId: string, contentId: string): DocumentRef<MutedThread> => ({
  path: `users/${userId}/mutedThreads/${contentId}`,
  shape: mutedThread,
});
export const muteSettingsAt = (userId: string): DocumentRef<MuteSettings> => ({
  path: `users/${userId}/settings/mutes`,
  shape: muteSettings,
});
export const followedTagAt = (userId: string, tag: string): DocumentRef<FollowedTag> => ({
  path: `users/${userId}/followedTags/${tag}`,
  shape: followedTag,
});
export const activityAt = (userId: string, id: string): DocumentRef<Activity> => ({
  path: `users/${userId}/activity/${id}`,
  shape: activity,
});
