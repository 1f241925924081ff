import { z } from 'zod';
import { uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** An account's strikes changed what it may do: see `accountStandings/{uid}`. */
export const moderationAccountChanged = defineEvent({
  name: 'moderation.account-changed',
  version: 1,
  audience: 'services',
  data: z.object({ uid }),
  orderingKey: (data) => `user:${data.uid}`,
});
