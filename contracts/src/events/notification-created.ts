import { notification } from '../documents/notification.ts';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A person has a new notification in the app. */
export const notificationCreated = defineEvent({
  name: 'notification.created',
  version: 1,
  audience: 'live',
  data: notification
    .pick({ type: true, groupKey: true, actors: true, actorCount: true, contentId: true, title: true, body: true })
    .extend({ uid, notificationId: documentId }),
  orderingKey: (data) => `user:${data.uid}`,
});
