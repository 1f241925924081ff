import { z } from 'zod';
import { uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** Somebody followed or unfollowed; which of the two, the edge itself tells. */
export const socialFollowChanged = defineEvent({
  name: 'social.follow-changed',
  version: 1,
  audience: 'services',
  data: z.object({ followerUid: uid, targetUid: uid }),
  orderingKey: (data) => `user:${data.followerUid}`,
});
