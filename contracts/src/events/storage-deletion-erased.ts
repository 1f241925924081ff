import { z } from 'zod';
import { defineEvent } from './define-event.ts';

/** Every service has left its receipt: time to look whether anything is left. */
export const storageDeletionErased = defineEvent({
  name: 'storage.deletion-erased',
  version: 1,
  audience: 'services',
  data: z.object({ deletionId: z.string(), round: z.number().int() }),
  orderingKey: (data) => data.deletionId,
});
