import { z } from 'zod';

/** What every Firebase SDK's Timestamp can do; contracts know no SDK, so they ask for no more than this. */
export interface Timestamp {
  toMillis(): number;
  toDate(): Date;
}

const isTimestamp = (value: unknown): value is Timestamp =>
  typeof value === 'object' && value !== null && 'toMillis' in value && typeof value.toMillis === 'function';

/** A Firestore timestamp as any of the SDKs represents it. */
export const timestamp = z.custom<Timestamp>(isTimestamp, { message: 'not a timestamp' });
