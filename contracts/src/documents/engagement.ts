import { z } from 'zod';
import { documentId, uid } from '../text.ts';
import type { DocumentRef } from './document.ts';
import { timestamp } from './timestamp.ts';

/**
 * `content/{contentId}/likes/{uid}`: the user writes `createdAt`. Functions add the rest when it takes effect, since among
 * all likes only a field can be searched.
 */
export const like = z.object({
  createdAt: timestamp,
  userId: uid.optional(),
  /** Of the content. */
  ownerId: uid.optional(),
  /** When it took effect: it was charged to the user's budget once, then. */
  takenAt: timestamp.optional(),
});
export type Like = z.infer<typeof like>;

/** Where a content is shared to: by its link, to one's followers, or through another platform. */
export const shareTarget = z.enum([
  'link',
  'repost',
  'x',
  'facebook',
  'whatsapp',
  'telegram',
  'reddit',
  'linkedin',
  'pinterest',
  'email',
]);
export type ShareTarget = z.infer<typeof shareTarget>;

/** `content/{contentId}/shares/{shareId}`: the user writes who and where to; functions add the link and what came of it. */
export const share = z.object({
  userId: uid,
  target: shareTarget,
  createdAt: timestamp,
  /** Names the share in its link. */
  code: z.string().max(64).optional(),
  /** Ready to open: the link itself, or the platform's own address with the link in it. */
  url: z.string().optional(),
  opens: z.number().int().nonnegative().optional(),
  /** Distinct viewers. */
  reach: z.number().int().nonnegative().optional(),
  /** Relative standard error of `reach`; 0 while it is exact. */
  reachError: z.number().nonnegative().optional(),
  /** Of the content. */
  ownerId: uid.optional(),
  /** When it took effect: it was charged to the user's budget once, then. */
  takenAt: timestamp.optional(),
});
export type Share = z.infer<typeof share>;

/** `shareCodes/{code}`: which share a link speaks of. It outlives the share by as long as it takes to clear up after it. */
export const shareCode = z.object({
  contentId: documentId,
  shareId: documentId,
  userId: uid,
  target: shareTarget,
  /** Of the content. */
  ownerId: uid,
});
export type ShareCode = z.infer<typeof shareCode>;

/**
 * `content/{contentId}/views/{uid}`: somebody has looked at a content. Written by functions alone and once, however often they
 * look and whatever becomes of their right to, so that a number of views is a number of people, and can be counted anew. The
 * owner's own looks are none, nor are those of accounts without a profile.
 */
export const view = z.object({
  /** Of whoever looked: among all views only a field can be searched. */
  userId: uid,
  /** The first time that came through, as the viewer's app says. */
  viewedAt: timestamp,
});
export type View = z.infer<typeof view>;

/** `counterDrift/{id}`: a stored count that was not what its documents add up to, and was put right. */
export const drift = z.object({
  /** A document's path: `users/x`, `content/x`. */
  subject: z.string(),
  /** A dotted path: `counts.followers`, `stats.likes`. */
  field: z.string(),
  stored: z.number().int(),
  counted: z.number().int(),
  at: timestamp,
});
export type Drift = z.infer<typeof drift>;

export const likeAt = (contentId: string, userId: string): DocumentRef<Like> => ({
  path: `content/${contentId}/likes/${userId}`,
  shape: like,
});
export const shareAt = (contentId: string, shareId: string): DocumentRef<Share> => ({
  path: `content/${contentId}/shares/${shareId}`,
  shape: share,
});
export const viewAt = (contentId: string, userId: string): DocumentRef<View> => ({
  path: `content/${contentId}/views/${userId}`,
  shape: view,
});
export const shareCodeAt = (code: string): DocumentRef<ShareCode> => ({ path: `shareCodes/${code}`, shape: shareCode });
export const driftAt = (id: string): DocumentRef<Drift> => ({ path: `counterDrift/${id}`, shape: drift });
