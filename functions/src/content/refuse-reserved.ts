import type { Reservation } from '@playnite/contracts/documents';
import type { Verdict } from './upload-run.ts';

/** How an upload ends that is not published. */
export type Refused = Exclude<Verdict, { status: 'published' }>;

/** How an upload ends whose reservation was refused; undefined for one that was not. */
export function refusedBy({ state, refusal }: Pick<Reservation, 'state' | 'refusal'>): Refused | undefined {
  if (state !== 'refused') return undefined;
  if (refusal === 'too-many-uploads') {
    const message = 'Too many uploads in a short time; this one can be sent again later.';
    return { status: 'failed', failure: { code: 'too-many-uploads', message, retryable: true } };
  }
  const message = 'There is no room for this file in the account’s quota.';
  return { status: 'rejected', rejection: { code: 'quota-exceeded', message } };
}
