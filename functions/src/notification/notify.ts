import {
  type Actor,
  type NotificationSettings,
  type NotificationType,
  notificationAt,
  notificationSettingsAt,
  userAt,
} from '@playnite/contracts/documents';
import { type EventEnvelope, notificationCreated, type socialContentDistributed } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { serverTime } from '../platform/documents.ts';
import { eventOf } from '../platform/publisher.ts';

/** What is to be told, the same to everybody it concerns. */
interface Message {
  /** Names the notification's document: telling the same thing twice writes one document. */
  id: string;
  type: NotificationType;
  groupKey: string;
  actor: Actor;
  contentId?: string;
  title: string;
  body: string;
}

/** Whether a person wants this type in the app; who said nothing wants everything. A type's own setting goes before the general one. */
export function wantsInApp(settings: NotificationSettings | undefined, type: NotificationType): boolean {
  return settings?.types?.[type]?.inApp ?? settings?.channels?.inApp ?? true;
}

/** Tells a page of followers of a new content. */
export async function notifyOfContent(
  ctx: Needs,
  { data: { content, uids } }: EventEnvelope<Distributed>,
): Promise<void> {
  const { contentId, ownerId, owner, title, caption } = content;
  await notify(ctx, uids, {
    id: `new-content:${contentId}`,
    type: 'new-content',
    groupKey: `new-content:${ownerId}`,
    actor: { uid: ownerId, ...owner },
    contentId,
    title: title ? `${owner.displayName} published “${title}”` : `${owner.displayName} published a photo`,
    body: caption,
  });
}

/** Tells a person of a new follower. */
export async function notifyOfFollow(
  ctx: Needs,
  { followerUid, targetUid }: { followerUid: string; targetUid: string },
): Promise<void> {
  const follower = await ctx.documents.get(userAt(followerUid));
  if (!follower) return;
  const { handle, displayName } = follower;
  await notify(ctx, [targetUid], {
    id: `new-follower:${followerUid}`,
    type: 'new-follower',
    groupKey: 'new-follower',
    actor: { uid: followerUid, handle, displayName },
    title: `${displayName} follows you`,
    body: `@${handle}`,
  });
}

async function notify(ctx: Needs, uids: readonly string[], message: Message): Promise<void> {
  const settings = await ctx.documents.getAll(uids.map(notificationSettingsAt));
  const readers = uids.filter((_, index) => wantsInApp(settings[index], message.type));
  const { id, actor, ...shown } = message;
  const fields = { ...shown, actors: [actor], actorCount: 1 };
  await ctx.documents.createMissing(
    readers.map((uid) => [
      notificationAt(uid, id),
      { ...fields, createdAt: serverTime, updatedAt: serverTime, readAt: null, seenAt: null },
    ]),
  );
  const at = ctx.now();
  await ctx.publish(
    readers.map((uid) =>
      eventOf(notificationCreated, { cause: `${uid} ${id}`, at, data: { ...fields, uid, notificationId: id } }),
    ),
  );
}

type Distributed = ReturnType<(typeof socialContentDistributed)['data']['parse']>;
type Needs = Pick<Context, 'documents' | 'publish' | 'now'>;
