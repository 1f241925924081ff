import {
  type FeedState,
  contentAt,
  deletionAt,
  deletionId,
  documentId,
  feedItemAt,
  feedState,
  feedStateAt,
  feedback,
  feedbackAt,
} from '@playnite/contracts/documents';
import { socialFeedbackGiven } from '@playnite/contracts/events';
import { z } from 'zod';
import type { Context } from '../platform/context.ts';
import { excluding, serverTime } from '../platform/documents.ts';
import { erasePaged, inGroups } from '../platform/erasure.ts';
import { Refusal } from '../platform/errors.ts';
import { eventOf } from '../platform/publisher.ts';
import { mayRead } from './feed.ts';

/** Contents that a reader's state remembers as unwanted; an older one is far down in any feed. */
const HIDDEN_MAX = 500;
/** States of readers that something is taken out of: in one page, and at the same time. */
const STATES_PAGE = 300;
const STATES_AT_ONCE = 20;

export const feedbackRequest = z.object({ contentId: documentId, signal: feedback.shape.signal });

/**
 * Takes a content out of a reader's sight, in both feeds, and remembers what it was like.
 *
 * @throws {Refusal} `no-such-content` for one that the reader may not see as well
 */
export async function giveFeedback(
  ctx: Needs,
  uid: string,
  { contentId, signal }: z.infer<typeof feedbackRequest>,
): Promise<void> {
  const content = await ctx.documents.get(contentAt(contentId));
  if (!content || !(await mayRead(ctx, uid, content))) throw noSuchContent();
  const { ownerId, tags } = content;
  await ctx.documents.transact(async (tx) => {
    const [state, ...erased] = await Promise.all([
      tx.get(feedStateAt(uid)),
      tx.get(deletionAt(deletionId('content', contentId))),
      tx.get(deletionAt(deletionId('account', uid))),
    ]);
    // Whoever erases the content, or what the reader leaves, may have looked here before.
    if (erased.some((deletion) => deletion !== undefined)) throw noSuchContent();
    tx.set(feedbackAt(uid, contentId), { contentId, signal, ownerId, tags, at: serverTime });
    tx.delete(feedItemAt(uid, contentId));
    const hidden = withHidden(state, contentId);
    if (state) tx.update(feedStateAt(uid), { hidden });
    else tx.create(feedStateAt(uid), { activeAt: serverTime, hidden });
  });
  const at = ctx.now();
  await ctx.publish([
    eventOf(socialFeedbackGiven, {
      cause: `${uid} ${contentId} ${signal}`,
      at,
      data: { uid, contentId, signal },
    }),
  ]);
}

const noSuchContent = () => new Refusal('not-found', 'no-such-content', 'There is no such content.');

/**
 * Takes what was erased out of the states of all readers: a content that they did not want to see, or an author who is looked up
 * for them. Returns how many there were.
 *
 * @throws {PlatformError} `erasing-continues`, transient
 */
export async function forgetInStates(
  ctx: Pick<Needs, 'documents'>,
  field: 'hidden' | 'pulled',
  id: string,
): Promise<number> {
  return erasePaged('feedStates', async () => {
    const where = [[field, 'array-contains', id]] as const;
    const paths = await ctx.documents.paths({ collection: 'feedStates', where, limit: STATES_PAGE });
    await inGroups(paths, STATES_AT_ONCE, (path) =>
      ctx.documents.transact(async (tx) => {
        const ref = { path, shape: feedState };
        if (await tx.get(ref)) tx.update(ref, { [field]: excluding(id) });
      }),
    );
    return paths.length;
  });
}

const withHidden = (state: FeedState | undefined, contentId: string): string[] =>
  [...(state?.hidden ?? []).filter((id) => id !== contentId), contentId].slice(-HIDDEN_MAX);

type Needs = Pick<Context, 'documents' | 'publish' | 'now'>;
