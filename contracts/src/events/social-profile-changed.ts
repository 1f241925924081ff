import { z } from 'zod';
import { uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A profile was created or edited. */
export const socialProfileChanged = defineEvent({
  name: 'social.profile-changed',
  version: 1,
  audience: 'services',
  data: z.object({ uid }),
  orderingKey: (data) => `user:${data.uid}`,
});
