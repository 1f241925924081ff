import type { Content, FollowEdge, Mute } from '@playnite/contracts/documents';
import type { Row } from './feed-page.ts';

/** What a reader has said, and how they stand to whom a row is from: all that decides whether it is shown. */
export interface Facts {
  readerUid: string;
  /** By user: whether the reader follows them. */
  follows: ReadonlyMap<string, FollowEdge | undefined>;
  mutes: ReadonlyMap<string, Mute | undefined>;
  /** Users with a block between them and the reader, whoever set it. */
  blocked: ReadonlySet<string>;
  words: readonly string[];
  hidden: ReadonlySet<string>;
}

/** Whether a reader is shown a row: may see the content, wants to, and has it from somebody they still follow. */
export function isShown(row: Row, content: Content | undefined, facts: Facts): content is Content {
  if (content?.status !== 'published' || content.ownerId === facts.readerUid) return false;
  const { ownerId, visibility } = content;
  const { repostedBy } = row;
  const followsOwner = facts.follows.get(ownerId) !== undefined;
  const mayRead = visibility === 'public' || (visibility === 'followers' && followsOwner);
  const isFromSomebody =
    repostedBy === undefined
      ? row.reason !== 'following' || followsOwner
      : visibility === 'public' && facts.follows.get(repostedBy) !== undefined;
  return mayRead && isFromSomebody && !isUnwanted(row, content, facts);
}

/** Whether a reader has said, of the content or of who it is from, not to want it. */
function isUnwanted({ contentId, repostedBy }: Row, content: Content, facts: Facts): boolean {
  const { ownerId, title, caption, tags } = content;
  const ownersMute = facts.mutes.get(ownerId);
  return (
    facts.hidden.has(contentId) ||
    facts.blocked.has(ownerId) ||
    (ownersMute !== undefined && ownersMute.only === undefined) ||
    (repostedBy !== undefined && (facts.blocked.has(repostedBy) || facts.mutes.get(repostedBy) !== undefined)) ||
    saysAny([title, caption, ...tags], facts.words)
  );
}

/** Letters of one kind in all the ways to write them, and of either case. */
const plain = (text: string): string => text.normalize('NFKC').toLowerCase();
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`);

/** Whether any of the texts holds one of the words, as a word or a row of words of its own. */
export function saysAny(texts: readonly string[], words: readonly string[]): boolean {
  const wanted = words.map((word) => plain(word).trim()).filter((word) => word !== '');
  if (wanted.length === 0) return false;
  const any = new RegExp(`(?<![\\p{L}\\p{N}_])(?:${wanted.map(escaped).join('|')})(?![\\p{L}\\p{N}_])`, 'u');
  return texts.some((text) => any.test(plain(text)));
}
