import {
  type FeedState,
  contentAt,
  documentId,
  feedItemAt,
  feedStateAt,
  feedback,
  feedbackAt,
} from '@playnite/contracts/documents';
import { socialFeedbackGiven } from '@playnite/contracts/events';
import { z } from 'zod';
import type { Context } from '../platform/context.ts';
import { serverTime } from '../platform/documents.ts';
import { Refusal } from '../platform/errors.ts';
import { eventOf } from '../platform/publisher.ts';
import { mayRead } from './feed.ts';

/** Contents that a reader's state remembers as unwanted; an older one is far down in any feed. */
const HIDDEN_MAX = 500;

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
  if (!content || !(await mayRead(ctx, uid, content))) {
    throw new Refusal('not-found', 'no-such-content', 'There is no such content.');
  }
  const { ownerId, tags } = content;
  await ctx.documents.transact(async (tx) => {
    const state = await tx.get(feedStateAt(uid));
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

const withHidden = (state: FeedState | undefined, contentId: string): string[] =>
  [...(state?.hidden ?? []).filter((id) => id !== contentId), contentId].slice(-HIDDEN_MAX);

type Needs = Pick<Context, 'documents' | 'publish' | 'now'>;
