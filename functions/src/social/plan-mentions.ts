import { MENTIONS_MAX, type Visibility } from '@playnite/contracts/documents';

/**
 * A name behind an at sign that stands at the beginning of a word: not the one in an e-mail address, in a link, or in
 * another platform's `@name@host`.
 */
const MENTION = /(?<![\p{L}\p{N}_@./])@([a-z0-9_]{3,20})(?![\p{L}\p{N}_@])/giu;

/** The handles that texts mention, in the order of their first mention, each once; those beyond twenty are text. */
export function mentionedHandles(...texts: readonly string[]): string[] {
  const found = new Set<string>();
  for (const text of texts) {
    for (const [, name = ''] of text.matchAll(MENTION)) {
      found.add(name.toLowerCase());
      if (found.size === MENTIONS_MAX) return [...found];
    }
  }
  return [...found];
}

/** Somebody who is mentioned, and what stands between them and whoever mentions them. */
export interface Mentionable {
  uid: string;
  /** Either blocks the other. */
  blocked: boolean;
  /** Follows the content's owner. */
  follows: boolean;
}

/**
 * Whom a mention reaches: nobody that is blocked or blocks, nobody that may not read the content, and not oneself. They are
 * left out without a word, so that a mention does not tell who blocks whom.
 */
export function reachable(
  candidates: readonly Mentionable[],
  { authorId, ownerId, visibility }: { authorId: string; ownerId: string; visibility: Visibility },
): string[] {
  const mayRead = ({ uid, follows }: Mentionable) =>
    uid === ownerId || visibility === 'public' || (visibility === 'followers' && follows);
  return candidates.filter((each) => each.uid !== authorId && !each.blocked && mayRead(each)).map(({ uid }) => uid);
}
