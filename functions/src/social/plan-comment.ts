/** What a comment has to look like; pure functions of everything that it depends on. */
import { COMMENT_DEPTH_MAX, type Comment, type CommentStatus, type Standing } from '@playnite/contracts/documents';
import { hashOfText } from '../platform/hash-of-text.ts';

/** What functions know of a comment. */
export type CommentState = Pick<Comment, 'text' | 'status' | 'screened'> & {
  /** Whether it has been shown since it was last held or removed. */
  shown: boolean;
  /** The content's owner blocked the author, now or at any time since the comment was written. */
  withdrawn: boolean;
  /** How it stands with moderation. */
  standing: Standing;
  /** Of words that screening has just answered for, whatever the answer: it shows in the standing. */
  screenedNow?: string | undefined;
};

export interface CommentPlan {
  status: CommentStatus | undefined;
  /** Of the words that have been screened, where those are the present ones. */
  screened: string | undefined;
  /** The words are others than those that were screened, and nobody has noticed before. */
  edited: boolean;
  shown: boolean;
}

/**
 * A comment can be seen when its present words have been screened and nothing stands against it. What is held or removed
 * stays so whatever its author makes of it, until a person decides.
 */
export function planComment(state: CommentState): CommentPlan {
  const { text, screened, standing, withdrawn, screenedNow } = state;
  const hash = hashOfText(text);
  const isScreened = screened === hash || screenedNow === hash;
  const status =
    withdrawn || standing === 'removed' ? 'removed' : standing === 'held' ? 'held' : isScreened ? 'visible' : undefined;
  return {
    status,
    screened: isScreened ? hash : undefined,
    edited: screened !== undefined && screened !== hash,
    // While changed words wait to be screened, the comment is still the one that was shown.
    shown: status === 'visible' || (status === undefined && state.shown),
  };
}

/** Where a comment hangs: at depth 0 below itself. */
export interface Place {
  depth: number;
  rootId: string;
}

/**
 * The place of a comment, given the comment it answers and, where that has no place yet, its ancestors, the nearest first.
 * What answers deeper than {@link COMMENT_DEPTH_MAX} hangs there. Of an ancestor that is gone, what is left begins the thread.
 */
export function placeOf(
  commentId: string,
  ancestors: readonly { id: string; place: Place | undefined; parentId: string | undefined }[],
): Place {
  const chain: string[] = [];
  for (const { id, place } of ancestors) {
    if (place) return { depth: Math.min(COMMENT_DEPTH_MAX, place.depth + chain.length + 1), rootId: place.rootId };
    chain.push(id);
  }
  return { depth: Math.min(COMMENT_DEPTH_MAX, chain.length), rootId: chain.at(-1) ?? commentId };
}
