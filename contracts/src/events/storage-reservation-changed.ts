import { z } from 'zod';
import { documentId } from '../text.ts';
import { defineEvent } from './define-event.ts';

/** An upload got its room in the owner's quota, or did not: see `reservations/{uploadId}`. */
export const storageReservationChanged = defineEvent({
  name: 'storage.reservation-changed',
  version: 1,
  audience: 'services',
  data: z.object({ uploadId: documentId, version: z.string() }),
  orderingKey: (data) => `content:${data.uploadId}`,
});
