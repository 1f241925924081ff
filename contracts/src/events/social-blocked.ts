import { z } from 'zod';
import { uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A block stands; what either side still hears of the other has to be asked about again. No client hears of it. */
export const socialBlocked = defineEvent({
  name: 'social.blocked',
  version: 1,
  audience: 'both',
  data: z.object({ blockerUid: uid, blockedUid: uid }),
  orderingKey: (data) => `user:${data.blockerUid}`,
});
