/** What people do to each other, as one write of a client each: what it writes, and whether the security rules take it. */
import { timestamp } from '@playnite/contracts/documents';
import { FieldValue } from 'firebase-admin/firestore';
import type { RecordedStore, Row } from './recorded-documents.ts';

export type Action = { by: string } & (
  | { kind: 'follow' | 'unfollow' | 'block' | 'unblock' | 'unmute'; whom: string }
  | { kind: 'mute'; whom: string; only: boolean }
  | { kind: 'answer'; whom: string; status: 'accepted' | 'declined' }
  | { kind: 'privacy'; isPrivate: boolean }
  | { kind: 'words'; words: string[] }
  | { kind: 'like' | 'unlike' | 'mute-thread' | 'unmute-thread'; contentId: string }
  | { kind: 'comment'; contentId: string; commentId: string; text: string; parentId?: string }
  | { kind: 'edit'; contentId: string; commentId: string; text: string }
  | { kind: 'delete'; contentId: string; commentId: string }
  | { kind: 'share'; contentId: string; shareId: string; target: 'link' | 'repost' }
  | { kind: 'unshare'; contentId: string; shareId: string }
  | { kind: 'publish'; contentId: string; visibility: 'public' | 'followers' }
);

export type Read = (path: string) => Row | undefined;
const text = (row: Row | undefined, field: string): string => {
  const value = row?.[field];
  return typeof value === 'string' ? value : '';
};

/** Words that the default policy has its doubts about. */
export const DOUBTFUL = 'this is fucking great';

/** Whether the security rules would take what an action writes, as things stand: see firestore.rules. */
export function mayDo(read: Read, action: Action): boolean {
  const { by } = action;
  const blocks = (x: string, y: string) => read(`users/${x}/blocks/${y}`) !== undefined;
  const isOpen = (contentId: string) => {
    const content = read(`content/${contentId}`);
    const ownerId = text(content, 'ownerId');
    if (!content || ownerId === by) return content !== undefined;
    const follows = read(`users/${ownerId}/followers/${by}`) !== undefined;
    return (content['visibility'] === 'public' || follows) && !blocks(ownerId, by) && !blocks(by, ownerId);
  };
  switch (action.kind) {
    case 'follow': {
      const { whom } = action;
      return whom !== by && !read(`users/${by}/following/${whom}`) && !blocks(whom, by) && !blocks(by, whom);
    }
    case 'unfollow':
      return read(`users/${by}/following/${action.whom}`) !== undefined;
    case 'answer':
      return read(`users/${by}/followRequests/${action.whom}`) !== undefined;
    case 'block':
      return action.whom !== by && !blocks(by, action.whom);
    case 'unblock':
      return blocks(by, action.whom);
    case 'mute':
      return action.whom !== by && !read(`users/${by}/mutes/${action.whom}`);
    case 'unmute':
      return read(`users/${by}/mutes/${action.whom}`) !== undefined;
    case 'mute-thread':
      return !read(`users/${by}/mutedThreads/${action.contentId}`);
    case 'unmute-thread':
      return read(`users/${by}/mutedThreads/${action.contentId}`) !== undefined;
    case 'privacy':
      return (read(`users/${by}`)?.['private'] ?? false) !== action.isPrivate;
    case 'words':
    case 'publish':
      return true;
    case 'like':
      return isOpen(action.contentId) && !read(`content/${action.contentId}/likes/${by}`);
    case 'unlike':
      return read(`content/${action.contentId}/likes/${by}`) !== undefined;
    case 'comment': {
      const { contentId, parentId } = action;
      const parent = parentId === undefined ? undefined : read(`content/${contentId}/comments/${parentId}`);
      return (
        isOpen(contentId) && (parentId === undefined || (parent !== undefined && !blocks(text(parent, 'authorId'), by)))
      );
    }
    case 'edit': {
      const comment = read(`content/${action.contentId}/comments/${action.commentId}`);
      return text(comment, 'authorId') === by && comment?.['status'] !== 'removed';
    }
    case 'delete': {
      const comment = read(`content/${action.contentId}/comments/${action.commentId}`);
      const ownerId = text(read(`content/${action.contentId}`), 'ownerId');
      return comment !== undefined && (comment['authorId'] === by || ownerId === by);
    }
    case 'share':
      return (
        isOpen(action.contentId) &&
        (action.target !== 'repost' || read(`content/${action.contentId}`)?.['visibility'] === 'public')
      );
    case 'unshare': {
      const share = read(`content/${action.contentId}/shares/${action.shareId}`);
      return share?.['userId'] === by && share['target'] === 'repost';
    }
  }
}

/**
 * Whether what was done before is to have taken effect first, since what it comes to depends on whether it was seen in between:
 * who unblocks before the block was seen has blocked nobody, and who is private for a moment may have let somebody in.
 */
export const waits = ({ kind }: Action): boolean => kind === 'unblock' || kind === 'privacy';

/** Writes what a client writes; returns the server's time for it, in milliseconds. */
export function write(store: RecordedStore, action: Action): Promise<number> {
  const { by } = action;
  const put = (path: string, fields: Record<string, unknown> = {}) => create(store, path, fields, 'createdAt');
  const change = (path: string, fields: Record<string, unknown>) => store.commit([{ kind: 'update', path, fields }]);
  const remove = (path: string) => store.commit([{ kind: 'delete', path }]);
  switch (action.kind) {
    case 'follow':
      return put(`users/${by}/following/${action.whom}`);
    case 'unfollow':
      return remove(`users/${by}/following/${action.whom}`);
    case 'answer':
      return change(`users/${by}/followRequests/${action.whom}`, { status: action.status });
    case 'privacy':
      return change(`users/${by}`, { private: action.isPrivate });
    case 'block':
      return put(`users/${by}/blocks/${action.whom}`);
    case 'unblock':
      return remove(`users/${by}/blocks/${action.whom}`);
    case 'mute':
      return put(`users/${by}/mutes/${action.whom}`, action.only ? { only: 'reposts' } : {});
    case 'unmute':
      return remove(`users/${by}/mutes/${action.whom}`);
    case 'mute-thread':
      return put(`users/${by}/mutedThreads/${action.contentId}`);
    case 'unmute-thread':
      return remove(`users/${by}/mutedThreads/${action.contentId}`);
    case 'words':
      return store.commit([{ kind: 'set', path: `users/${by}/settings/mutes`, fields: { words: action.words } }]);
    case 'like':
      return put(`content/${action.contentId}/likes/${by}`);
    case 'unlike':
      return remove(`content/${action.contentId}/likes/${by}`);
    case 'comment': {
      const { contentId, commentId, text, parentId } = action;
      return put(`content/${contentId}/comments/${commentId}`, { authorId: by, text, parentId });
    }
    case 'edit':
      return change(`content/${action.contentId}/comments/${action.commentId}`, { text: action.text });
    case 'delete':
      return remove(`content/${action.contentId}/comments/${action.commentId}`);
    case 'share':
      return put(`content/${action.contentId}/shares/${action.shareId}`, { userId: by, target: action.target });
    case 'unshare':
      return remove(`content/${action.contentId}/shares/${action.shareId}`);
    case 'publish':
      return publish(store, action);
  }
}

/** The server writes its time before it commits, some milliseconds earlier. */
async function create(
  store: RecordedStore,
  path: string,
  fields: Record<string, unknown>,
  stamped: string,
): Promise<number> {
  await store.commit([{ kind: 'set', path, fields: { ...fields, [stamped]: FieldValue.serverTimestamp() } }]);
  return timestamp.parse(store.read(path)?.[stamped]).toMillis();
}

function publish(
  store: RecordedStore,
  { by, contentId, visibility }: Extract<Action, { kind: 'publish' }>,
): Promise<number> {
  const rendition = { url: 'http://x/y', path: `media/${contentId}/y.webp`, width: 2, height: 1 };
  const fields = {
    ownerId: by,
    owner: { handle: by, displayName: by },
    kind: 'image',
    title: 'A photo',
    caption: '',
    tags: [],
    mentions: [],
    visibility,
    status: 'published',
    media: { width: 2, height: 1, bytes: 9, sha256: 'x', thumbhash: 'x', preview: rendition, thumbnail: rendition },
    stats: { likes: 0, comments: 0, shares: 0, views: 0 },
    updatedAt: FieldValue.serverTimestamp(),
  };
  return create(store, `content/${contentId}`, fields, 'publishedAt');
}
