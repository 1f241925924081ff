import { z } from 'zod';
import { uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A follow took effect: both edges and both counts stand. */
export const socialFollowed = defineEvent({
  name: 'social.followed',
  version: 1,
  audience: 'services',
  data: z.object({ followerUid: uid, targetUid: uid }),
  orderingKey: (data) => `user:${data.targetUid}`,
});
