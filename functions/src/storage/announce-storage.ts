import { type Deletion, ERASING_SERVICES, type Reservation } from '@playnite/contracts/documents';
import { storageDeletionErased, storageDeletionRequested, storageReservationChanged } from '@playnite/contracts/events';
import type { Announcement, DocumentChange } from '../platform/on-document.ts';
import { eventOf } from '../platform/publisher.ts';

/** Tells the pipeline that an upload got its room, lost it or was refused. */
export function announceReservation({ params, before, after, at, version }: DocumentChange<Reservation>): Announcement {
  const uploadId = params['uploadId'];
  if (!uploadId || !after || after.state === before?.state) return {};
  return {
    events: [eventOf(storageReservationChanged, { cause: `${uploadId} ${version}`, at, data: { uploadId, version } })],
  };
}

/** Whether every service has left its receipt for the present round. */
export const isErased = ({ round, receipts }: Pick<Deletion, 'round' | 'receipts'>): boolean =>
  ERASING_SERVICES.every((service) => receipts[service]?.round === round);

/**
 * Starts each round of a deletion, and its end once the last receipt is there. Only the write that brings the last receipt
 * counts: the look that follows writes to the same document, and must not start itself again.
 */
export function announceDeletion({ params, before, after, at }: DocumentChange<Deletion>): Announcement {
  const id = params['deletionId'];
  if (!id || after?.state !== 'running') return {};
  const { kind, targetId, ownerId, round } = after;
  const cause = `${id} ${round} ${after.requestedAt.toMillis()}`;
  const isNewRound = round > (before?.round ?? 0);
  if (isNewRound) {
    const data = { deletionId: id, kind, targetId, ownerId, round };
    return { events: [eventOf(storageDeletionRequested, { cause, at, data })] };
  }
  if (!isErased(after) || (before && isErased(before))) return {};
  return { events: [eventOf(storageDeletionErased, { cause, at, data: { deletionId: id, round } })] };
}
