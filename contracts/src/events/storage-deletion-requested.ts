import { z } from 'zod';
import { deletion } from '../documents/storage.ts';
import { uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** A content or an account is to be erased: each service erases what it holds and leaves a receipt for the round. */
export const storageDeletionRequested = defineEvent({
  name: 'storage.deletion-requested',
  version: 1,
  audience: 'services',
  data: deletion.pick({ kind: true, targetId: true, round: true }).extend({ deletionId: z.string(), ownerId: uid }),
  orderingKey: (data) => data.deletionId,
});
