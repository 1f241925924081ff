import {
  type Actor,
  type ModerationAction,
  type NotificationSettings,
  type NotificationType,
  notificationAt,
  notificationSettingsAt,
} from '@playnite/contracts/documents';
import {
  type EventEnvelope,
  type moderationDecided,
  type moderationReportResolved,
  notificationCreated,
  type socialContentDistributed,
} from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { serverTime } from '../platform/documents.ts';
import { notErased } from '../platform/erasure.ts';
import { eventOf } from '../platform/publisher.ts';

/** What is to be told, the same to everybody it concerns. */
export interface Message {
  /** Names the notification's document: telling the same thing twice writes one document. */
  id: string;
  type: NotificationType;
  groupKey: string;
  /** Who did it; nobody where the platform itself did. */
  actor?: Actor;
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

/** What an owner is told of a decision; nothing of those that change nothing for them. */
const DECISION_TITLES: Partial<Record<ModerationAction, string>> = {
  hold: 'is being looked at before it is shown',
  approve: 'was approved',
  release: 'is shown again',
  reject: 'was refused',
  remove: 'was taken down',
  restore: 'is back',
  uphold: 'stays as decided: your appeal was turned down',
};

/** Tells an owner what moderation decided. */
export async function notifyOfDecision(
  ctx: Needs,
  { data: { entryId, subject, ownerId, action, reason } }: EventEnvelope<Decided>,
): Promise<void> {
  const title = DECISION_TITLES[action];
  if (!title) return;
  const [root, contentId, below] = subject.split('/');
  const what = root === 'uploads' ? 'Your upload' : below === 'comments' ? 'Your comment' : 'Your post';
  await notify(ctx, [ownerId], {
    id: `moderation-decision:${entryId}`,
    type: 'moderation-decision',
    groupKey: `moderation-decision:${subject}`,
    ...(contentId === undefined ? {} : { contentId }),
    title: `${what} ${title}`,
    body: reason,
  });
}

/** Tells a reporter what came of a report, and nothing of whom it was about. */
export async function notifyOfReport(
  ctx: Needs,
  { data: { reportId, reporterId, outcome } }: EventEnvelope<Resolved>,
): Promise<void> {
  await notify(ctx, [reporterId], {
    id: `report-outcome:${reportId}`,
    type: 'report-outcome',
    groupKey: 'report-outcome',
    title: 'Thank you for your report',
    body:
      outcome === 'action-taken'
        ? 'We looked at it and took action.'
        : 'We looked at it and found nothing against the rules.',
  });
}

/**
 * Writes a notification for each of the people who want to hear of it, and tells their phones. Late news is not written to whom
 * is no longer there, and brings back nothing of a content that has been erased.
 */
export async function notify(ctx: Needs, concerned: readonly string[], message: Message): Promise<void> {
  const contentIds = message.contentId === undefined ? [] : [message.contentId];
  const [uids, standing] = await Promise.all([
    notErased(ctx, 'account', concerned),
    notErased(ctx, 'content', contentIds),
  ]);
  if (standing.length < contentIds.length) return;
  const settings = await ctx.documents.getAll(uids.map(notificationSettingsAt));
  const readers = uids.filter((_, index) => wantsInApp(settings[index], message.type));
  const { id, actor, ...shown } = message;
  const actors = actor ? [actor] : [];
  const fields = { ...shown, actors, actorCount: actors.length };
  await ctx.documents.createMissing(
    readers.map((uid) => [
      notificationAt(uid, id),
      {
        ...fields,
        actorIds: actors.map(({ uid }) => uid),
        createdAt: serverTime,
        updatedAt: serverTime,
        readAt: null,
        seenAt: null,
      },
    ]),
  );
  const at = ctx.now();
  await ctx.publish(
    readers.map((uid) =>
      eventOf(notificationCreated, { cause: `${uid} ${id}`, at, data: { ...fields, uid, notificationId: id } }),
    ),
  );
}

type Decided = ReturnType<(typeof moderationDecided)['data']['parse']>;
type Resolved = ReturnType<(typeof moderationReportResolved)['data']['parse']>;
type Distributed = ReturnType<(typeof socialContentDistributed)['data']['parse']>;
type Needs = Pick<Context, 'documents' | 'publish' | 'now'>;
