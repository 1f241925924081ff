import { z } from 'zod';
import { uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** Somebody asks a private account to be let in. */
export const socialFollowRequested = defineEvent({
  name: 'social.follow-requested',
  version: 1,
  audience: 'services',
  data: z.object({ followerUid: uid, targetUid: uid }),
  orderingKey: (data) => `user:${data.targetUid}`,
});
