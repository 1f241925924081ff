/**
 * When things are counted.
 *
 * A count is not kept by adding and taking away: each like, follow, comment, share and view is a document of its own, and the
 * number that a content or a profile shows is what a count of those documents says. Whoever writes one has its subject
 * counted at the end of the slot of time in which it was written, by a task whose id names subject, kind and slot: a
 * thousand likes in one slot are one task, one count and one write. A task that runs after the end of its slot sees all
 * that was written in it, so news that comes late, twice or in another order changes nothing.
 */
import { createHash } from 'node:crypto';

/** Length of a slot: no number of a subject is written oftener. */
export const ROLL_UP_SLOT_MS = 2_000;
/** Waited after the end of a slot, for clocks that do not agree. */
export const ROLL_UP_GRACE_MS = 500;
/** Firestore reads a thousand entries of an index for the price of one document; at this pace a count costs 50 a second. */
const COUNTED_PER_SECOND = 50_000;

/** What is counted, by what shows the number. */
export const CONTENT_COUNTS = ['likes', 'comments', 'shares', 'views'] as const;
export const USER_COUNTS = ['followers', 'following', 'content'] as const;
export type CountKind = (typeof CONTENT_COUNTS)[number] | (typeof USER_COUNTS)[number];

/** One number of one content or profile. */
export interface Counted {
  /** `content/{contentId}` or `users/{uid}`. */
  subject: string;
  kind: CountKind;
}

/** The number of the slot in which a moment lies. */
export const slotOf = (at: Date): number => Math.floor(at.getTime() / ROLL_UP_SLOT_MS);

/** When all that belongs to a slot can be counted. */
export const dueAt = (slot: number): Date => new Date((slot + 1) * ROLL_UP_SLOT_MS + ROLL_UP_GRACE_MS);

/**
 * The slot at whose end a number of this size is to be counted, for something written in `slot`: the same slot for
 * what is small, the last of several for what takes long to count.
 */
export function slotToCount(slot: number, size: number): number {
  const slots = Math.max(1, Math.ceil(((size / COUNTED_PER_SECOND) * 1000) / ROLL_UP_SLOT_MS));
  return Math.ceil((slot + 1) / slots) * slots - 1;
}

/** A task's id: the same for all that is written in one slot. Begins with a hash, since Cloud Tasks is slow with ids in a row. */
export function rollUpId({ subject, kind }: Counted, slot: number): string {
  const name = createHash('sha256').update(`${subject} ${kind}`).digest('base64url').slice(0, 22);
  return `${name}-${slot}`;
}
