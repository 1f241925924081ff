/**
 * How many uploads an account begins. Counted are its tickets by the times at which Firestore took them, up to and including
 * the one in question. A write is there milliseconds after its time, and the news of it comes far later: so of a burst exactly
 * the first get through, in whatever order they are heard of, however often, and no document is contended for.
 *
 * A ticket that failed, as those beyond the limit do, is no upload: who tries too often does not lock themselves out. One that goes
 * with its content, because its owner removes that, does not count any more either.
 *
 * The numbers are Mastodon's (config/initializers/rack_attack.rb).
 */
import { type UploadTicket, uploadStatus } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';

export const UPLOADS_WINDOW_MS = 30 * 60_000;
/** Uploads by one account within any such time. */
export const UPLOADS_MAX = 30;

const COUNTED = uploadStatus.exclude(['failed']).options;

/** Whether a ticket is one too many. Costs one count of as many tickets as the account has opened in that time. */
export async function isOneTooMany(
  ctx: Pick<Context, 'documents'>,
  uploadId: string,
  { ownerId, createdAt }: Pick<UploadTicket, 'ownerId' | 'createdAt'>,
): Promise<boolean> {
  const begun = await ctx.documents.count({
    collection: 'uploads',
    where: [
      ['ownerId', '==', ownerId],
      ['status', 'in', COUNTED],
      ['createdAt', '>', new Date(createdAt.toMillis() - UPLOADS_WINDOW_MS)],
    ],
    // Of several at the same moment, the one whose id comes first.
    through: { field: 'createdAt', value: createdAt, id: uploadId },
  });
  return begun > UPLOADS_MAX;
}
