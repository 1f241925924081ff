import type { Tally } from '@playnite/contracts/documents';
import type { storageDeletionRequested } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { eraseAll, leaveReceipt } from '../platform/erasure.ts';

/**
 * Erases all notifications of a content; or those of an account, its settings and devices, and what others were told of it.
 *
 * @throws {PlatformError} `erasing-continues`, transient
 */
export async function eraseNotifications(ctx: Needs, { deletionId, kind, targetId, round }: Requested): Promise<void> {
  const erased = kind === 'content' ? await ofContent(ctx, targetId) : await ofAccount(ctx, targetId);
  await leaveReceipt(ctx, deletionId, 'notification', round, erased);
}

async function ofContent(ctx: Needs, contentId: string): Promise<Tally> {
  const where = [['contentId', '==', contentId]] as const;
  return { notifications: await eraseAll(ctx, { collection: 'notifications', everywhere: true, where }) };
}

async function ofAccount(ctx: Needs, uid: string): Promise<Tally> {
  const below = (name: string) => eraseAll(ctx, { collection: `users/${uid}/${name}` });
  const [notifications, settings, devices, notificationsOfOthers] = await Promise.all([
    below('notifications'),
    below('settings'),
    below('devices'),
    eraseAll(ctx, { collection: 'notifications', everywhere: true, where: [['actorIds', 'array-contains', uid]] }),
  ]);
  return { notifications, settings, devices, notificationsOfOthers };
}

type Requested = ReturnType<(typeof storageDeletionRequested)['data']['parse']>;
type Needs = Pick<Context, 'documents'>;
