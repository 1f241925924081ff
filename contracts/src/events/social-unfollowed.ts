import { z } from 'zod';
import { uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A follow that stood is gone: taken back, refused after all, or cut by a block. The live stream asks again what the follower may hear. */
export const socialUnfollowed = defineEvent({
  name: 'social.unfollowed',
  version: 1,
  audience: 'both',
  data: z.object({ followerUid: uid, targetUid: uid }),
  orderingKey: (data) => `user:${data.targetUid}`,
});
