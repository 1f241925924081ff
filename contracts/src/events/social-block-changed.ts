import { z } from 'zod';
import { uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** Somebody blocked somebody or took that back; which of the two, the block itself tells. */
export const socialBlockChanged = defineEvent({
  name: 'social.block-changed',
  version: 1,
  audience: 'services',
  data: z.object({ blockerUid: uid, blockedUid: uid }),
  orderingKey: (data) => `user:${data.blockerUid}`,
});
