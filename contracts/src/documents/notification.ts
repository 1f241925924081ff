import { z } from 'zod';
import { documentId, uid } from '../text.ts';
import type { DocumentRef } from './document.ts';
import { timestamp } from './timestamp.ts';

export const notificationType = z.enum([
  'new-content',
  'new-follower',
  'follow-request',
  'like',
  'comment',
  'mention',
  'moderation-decision',
  'report-outcome',
]);
export type NotificationType = z.infer<typeof notificationType>;

const actor = z.object({ uid, handle: z.string(), displayName: z.string() });
export type Actor = z.infer<typeof actor>;

/** `users/{uid}/notifications/{id}`: functions write it; the owner sets `readAt` and `seenAt`, and deletes. */
export const notification = z.object({
  type: notificationType,
  /** Notifications of one key are one thing that happened to the reader, told once. */
  groupKey: z.string(),
  actors: z.array(actor),
  /** Of the actors named, so that what an account left with others can be found. */
  actorIds: z.array(uid),
  actorCount: z.number().int().nonnegative(),
  contentId: documentId.optional(),
  title: z.string(),
  body: z.string(),
  createdAt: timestamp,
  updatedAt: timestamp,
  readAt: timestamp.nullable(),
  seenAt: timestamp.nullable(),
});

const channels = z.object({ inApp: z.boolean(), push: z.boolean(), email: z.boolean() }).partial();

export type Notification = z.infer<typeof notification>;

/** `users/{uid}/settings/notifications`: what is missing means "yes, in the app". */
export const notificationSettings = z
  .object({ channels, types: z.partialRecord(notificationType, channels).catch({}) })
  .partial();
export type NotificationSettings = z.infer<typeof notificationSettings>;

export const notificationAt = (userId: string, notificationId: string): DocumentRef<Notification> => ({
  path: `users/${userId}/notifications/${notificationId}`,
  shape: notification,
});
export const notificationSettingsAt = (userId: string): DocumentRef<NotificationSettings> => ({
  path: `users/${userId}/settings/notifications`,
  shape: notificationSettings,
});
