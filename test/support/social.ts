/** What people do to each other's contents, each as one write of a stock client. */
import type { Client } from '@playnite/emulators/client';
import { deleteDoc, doc, serverTimestamp, setDoc, updateDoc } from 'firebase/firestore';
import { db } from './backstage.ts';

let nth = 0;
/** An id that no other test has. */
export const newId = (name: string): string => `${name}-${process.pid}-${Date.now().toString(36)}-${(nth += 1)}`;

/** Publishes without a file: what is under test begins where the pipeline ends. */
export async function publish(owner: Client, fields: Record<string, unknown> = {}): Promise<string> {
  const contentId = newId('photo');
  const rendition = { url: 'http://x/y', path: `media/${contentId}/y.webp`, width: 2, height: 1 };
  await db.doc(`content/${contentId}`).set({
    ownerId: owner.uid,
    owner: { handle: 'ann', displayName: 'Ann' },
    kind: 'image',
    title: 'A photo',
    caption: '',
    tags: [],
    mentions: [],
    visibility: 'public',
    status: 'published',
    media: { width: 2, height: 1, bytes: 9, sha256: 'x', thumbhash: 'x', preview: rendition, thumbnail: rendition },
    stats: { likes: 0, comments: 0, shares: 0, views: 0 },
    publishedAt: new Date(),
    updatedAt: new Date(),
    ...fields,
  });
  return contentId;
}

export const at = (client: Client, path: string) => doc(client.firestore, path);
export const createdNow = () => ({ createdAt: serverTimestamp() });

export const like = (who: Client, contentId: string) =>
  setDoc(at(who, `content/${contentId}/likes/${who.uid}`), createdNow());
export const unlike = (who: Client, contentId: string) => deleteDoc(at(who, `content/${contentId}/likes/${who.uid}`));
export const unfollow = (who: Client, target: string) => deleteDoc(at(who, `users/${who.uid}/following/${target}`));
export const block = (who: Client, target: string) =>
  setDoc(at(who, `users/${who.uid}/blocks/${target}`), createdNow());

/** Has somebody's app tell that they have looked at some contents. */
export const look = (who: Client, ...contentIds: readonly string[]) =>
  who.call('analytics-track', {
    events: contentIds.map((contentId) => ({
      name: 'content-viewed',
      at: new Date().toISOString(),
      properties: { contentId },
    })),
  });

/** Comments, and returns the comment's id. */
export async function write(author: Client, contentId: string, text: string, parentId?: string): Promise<string> {
  const commentId = newId('comment');
  await setDoc(at(author, `content/${contentId}/comments/${commentId}`), {
    authorId: author.uid,
    text,
    ...(parentId === undefined ? {} : { parentId }),
    ...createdNow(),
  });
  return commentId;
}

export const edit = (author: Client, path: string, text: string) => updateDoc(at(author, path), { text });

export const exists = async (path: string): Promise<boolean> => (await db.doc(path).get()).exists;
export const handleOf = async ({ uid }: Client): Promise<string> =>
  String((await db.doc(`users/${uid}`).get()).get('handle'));

export const status = (expected: string) => (data: Record<string, unknown>) => data['status'] === expected;
/** Whether a content shows so many. */
export const stat =
  (what: 'likes' | 'comments' | 'shares' | 'views', expected: number) => (data: Record<string, unknown>) =>
    (data['stats'] as Record<string, unknown>)[what] === expected;
