/** What people do to each other, as one write of a client or one call each: what it writes, and whether it is let through. */
import { deletionAt, deletionId, moderationSubjectAt, timestamp } from '@playnite/contracts/documents';
import { CONTENT_VIEWED } from '@playnite/contracts/events';
import { FieldValue } from 'firebase-admin/firestore';
import { trackEvents } from '../../functions/src/analytics/track-events.ts';
import { removeContent } from '../../functions/src/content/remove-content.ts';
import { decideCase } from '../../functions/src/moderation/decide-case.ts';
import type { Context } from '../../functions/src/platform/context.ts';
import { giveFeedback } from '../../functions/src/social/feed-feedback.ts';
import { requestAccountDeletion } from '../../functions/src/storage/request-account-deletion.ts';
import type { RecordedStore, Row } from './recorded-documents.ts';

export type Action = { by: string } & (
  | { kind: 'follow' | 'unfollow' | 'block' | 'unblock' | 'unmute'; whom: string }
  | { kind: 'mute'; whom: string; only: boolean }
  | { kind: 'answer'; whom: string; status: 'accepted' | 'declined' }
  | { kind: 'privacy'; isPrivate: boolean }
  | { kind: 'words'; words: string[] }
  | { kind: 'like' | 'unlike' | 'view' | 'mute-thread' | 'unmute-thread'; contentId: string }
  | { kind: 'comment'; contentId: string; commentId: string; text: string; parentId?: string }
  | { kind: 'edit'; contentId: string; commentId: string; text: string }
  | { kind: 'delete'; contentId: string; commentId: string }
  | { kind: 'share'; contentId: string; shareId: string; target: 'link' | 'repost' }
  | { kind: 'unshare'; contentId: string; shareId: string }
  | { kind: 'publish'; contentId: string; visibility: 'public' | 'followers' }
  | { kind: 'visibility'; contentId: string; visibility: 'public' | 'followers' | 'private' }
  | { kind: 'gate'; contentId: string; replies: 'everyone' | 'followers' | 'mentioned' | 'nobody' }
  | { kind: 'feedback' | 'remove'; contentId: string }
  | { kind: 'report'; reportId: string; subject: string }
  | { kind: 'decide'; caseId: string; subject: string; decision: 'remove' | 'restore' }
  | { kind: 'leave' }
);

/** Decides cases; does nothing else, and has no profile. */
export const MODERATOR = 'moderator';
/** Of so many reports by one person, none makes a record that weighs. */
export const REPORTS_EACH = 2;

export type Read = (path: string) => Row | undefined;
const text = (row: Row | undefined, field: string): string => {
  const value = row?.[field];
  return typeof value === 'string' ? value : '';
};

/** A profile that is not complete yet has no status; it is as good as active. Undefined where there is no profile. */
const statusOf = (user: Row | undefined): string | undefined => user && (text(user, 'status') || 'active');

/** What a suspended account may do as well: it reads, takes back, and is left alone. */
const ENDS = new Set<Action['kind']>([
  'unfollow',
  'unlike',
  'unshare',
  'delete',
  'block',
  'unblock',
  'mute',
  'unmute',
  'mute-thread',
  'unmute-thread',
  'words',
  'view',
  'remove',
  'leave',
]);
/** What a limited account may not. */
const PUBLISHES = new Set<Action['kind']>(['comment', 'edit', 'share', 'publish']);

/** Words that the default policy has its doubts about. */
export const DOUBTFUL = 'this is fucking great';

/** Whether the security rules would take what an action writes, as things stand: see firestore.rules. */
export function mayDo(read: Read, action: Action): boolean {
  const { by } = action;
  const status = by === MODERATOR ? 'active' : statusOf(read(`users/${by}`));
  if (!status || (status !== 'active' && !ENDS.has(action.kind))) return false;
  if (status === 'limited' && PUBLISHES.has(action.kind)) return false;
  const blocks = (x: string, y: string) => read(`users/${x}/blocks/${y}`) !== undefined;
  const follows = (ownerId: string) => read(`users/${ownerId}/followers/${by}`) !== undefined;
  const isOpen = (contentId: string) => {
    const content = read(`content/${contentId}`);
    const ownerId = text(content, 'ownerId');
    if (content?.['status'] !== 'published') return false;
    if (ownerId === by) return true;
    const { visibility } = content;
    const mayRead = visibility === 'public' || (visibility === 'followers' && follows(ownerId));
    return mayRead && !blocks(ownerId, by) && !blocks(by, ownerId);
  };
  const mayReply = (contentId: string) => {
    const { ownerId, replies = 'everyone', mentions } = read(`content/${contentId}`) ?? {};
    if (ownerId === by || replies === 'everyone') return true;
    if (replies === 'followers') return follows(String(ownerId));
    return replies === 'mentioned' && Array.isArray(mentions) && mentions.includes(by);
  };
  const owns = (contentId: string) => text(read(`content/${contentId}`), 'ownerId') === by;
  switch (action.kind) {
    case 'follow': {
      const { whom } = action;
      const isThere = read(`users/${whom}`) !== undefined;
      return whom !== by && isThere && !read(`users/${by}/following/${whom}`) && !blocks(whom, by) && !blocks(by, whom);
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
        isOpen(contentId) &&
        mayReply(contentId) &&
        (parentId === undefined || (parent !== undefined && !blocks(text(parent, 'authorId'), by)))
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
    case 'visibility':
      return owns(action.contentId) && read(`content/${action.contentId}`)?.['visibility'] !== action.visibility;
    case 'gate':
      return owns(action.contentId) && read(`content/${action.contentId}`)?.['replies'] !== action.replies;
    case 'remove':
      return owns(action.contentId) && !read(deletionAt(deletionId('content', action.contentId)).path);
    case 'view':
    case 'feedback':
      return isOpen(action.contentId) && !owns(action.contentId);
    case 'report':
      return read(action.subject) !== undefined;
    case 'decide': {
      const standing = text(read(moderationSubjectAt(action.subject).path), 'standing') || 'clear';
      return read(action.subject) !== undefined && standing !== (action.decision === 'remove' ? 'removed' : 'clear');
    }
    case 'leave':
      return !read(deletionAt(deletionId('account', by)).path);
  }
}

/**
 * Whether what was done before is to have taken effect first, since what it comes to depends on whether it was seen in between:
 * who unblocks before the block was seen has blocked nobody, who is private for a moment may have let somebody in, and what is
 * passed before its last words were screened may be held once more.
 */
export const waits = (action: Action): boolean =>
  action.kind === 'unblock' ||
  action.kind === 'privacy' ||
  (action.kind === 'decide' && action.subject.includes('/comments/'));

/** Answers what a client calls. */
type Call = (work: (ctx: Context) => Promise<unknown>) => Promise<void>;
const nobodyAnswers: Call = () => Promise.reject(new Error('nobody answers calls here'));

/** Does what a client does; returns the server's time for it, in milliseconds. */
export function write(store: RecordedStore, action: Action, call = nobodyAnswers): Promise<number> {
  const { by } = action;
  const calling = async (work: (ctx: Context) => Promise<unknown>) => {
    const at = Date.now();
    await call(work);
    return at;
  };
  const caller = { uid: by, role: undefined };
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
    case 'view': {
      const event = { name: CONTENT_VIEWED, at: new Date().toISOString(), properties: { contentId: action.contentId } };
      return calling((ctx) => trackEvents(ctx, { events: [event] }, caller));
    }
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
    case 'visibility':
      return change(`content/${action.contentId}`, { visibility: action.visibility });
    case 'gate':
      return change(`content/${action.contentId}`, { replies: action.replies });
    case 'report':
      return put(`reports/${action.reportId}`, { reporterId: by, subject: action.subject, reason: 'spam' });
    case 'feedback':
      return calling((ctx) => giveFeedback(ctx, by, { contentId: action.contentId, signal: 'not-interested' }));
    case 'decide': {
      const { caseId, decision } = action;
      return calling((ctx) => decideCase(ctx, { caseId, decision, reason: 'Looked at it.' }, caller));
    }
    case 'remove':
      return calling((ctx) => removeContent(ctx, { contentId: action.contentId }, caller));
    case 'leave':
      return calling((ctx) => requestAccountDeletion(ctx, by));
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

/** Some of the contents are loud, which not everybody wants. */
export const titleOf = (contentId: string): string => (contentId.endsWith('1') ? 'A loud photo' : 'A photo');

function publish(
  store: RecordedStore,
  { by, contentId, visibility }: Extract<Action, { kind: 'publish' }>,
): Promise<number> {
  const rendition = { url: 'http://x/y', path: `media/${contentId}/y.webp`, width: 2, height: 1 };
  const fields = {
    ownerId: by,
    owner: { handle: by, displayName: by },
    kind: 'image',
    title: titleOf(contentId),
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
