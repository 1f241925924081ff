/**
 * What the functions of the social service make of things that change under their hands, and of news that comes late. They are
 * called here as such, on a database of their own of which the platform's functions do not hear, so that the moment at which
 * something changes is the test's to choose.
 */
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Documents } from '../../functions/src/platform/documents.ts';
import type { OutgoingEvent } from '../../functions/src/platform/publisher.ts';
import { distributeContent } from '../../functions/src/social/distribute-content.ts';
import { notifyOfComment, notifyOfMention } from '../../functions/src/notification/notify-of-actions.ts';
import { startFanOut } from '../../functions/src/social/feed-fan-out.ts';
import { reconcileFeed } from '../../functions/src/social/feed-follow.ts';
import { OLD_ROW_KEPT_MS, ROW_KEPT_MS, withdrawReposted } from '../../functions/src/social/feed-rows.ts';
import { hashOfText } from '../../functions/src/platform/hash-of-text.ts';
import { reconcileComment } from '../../functions/src/social/reconcile-comment.ts';
import { reconcileFollow } from '../../functions/src/social/reconcile-follow.ts';
import { requestAccountDeletion } from '../../functions/src/storage/request-account-deletion.ts';
import { RecordedStore } from '../support/recorded-documents.ts';
import { write } from '../support/social-actions.ts';
import { millis } from '../support/social-model.ts';

const PEOPLE = ['ann', 'bob', 'cleo', 'dan', 'eve'];
const ID = { contentId: 'photo', commentId: 'c' };
const COMMENT = 'content/photo/comments/c';

let nth = 0;
let store: RecordedStore;
let documents: Documents;
let published: OutgoingEvent[];
const closing: RecordedStore[] = [];
afterAll(() => Promise.all(closing.map((each) => each.close())));

beforeEach(async () => {
  store = new RecordedStore(`demo-races-${process.pid}-${(nth += 1)}`, () => {});
  closing.push(store);
  documents = store.documents(
    (work) => work(),
    () => false,
  );
  published = [];
  await store.commit(
    PEOPLE.flatMap((uid) => [
      { kind: 'set', path: `users/${uid}`, fields: { handle: uid, displayName: uid, createdAt: new Date() } },
      { kind: 'set', path: `handles/${uid}`, fields: { uid } },
    ]),
  );
  await write(store, { kind: 'publish', by: 'ann', contentId: 'photo', visibility: 'public' });
});

const contextWith = (some: Partial<Documents> = {}) => ({
  documents: { ...documents, ...some },
  now: () => new Date(),
  publish: (events: readonly OutgoingEvent[]) => Promise.resolve(void published.push(...events)),
  enqueue: () => Promise.resolve(),
});
const put = (path: string, fields: Record<string, unknown>) => store.commit([{ kind: 'set', path, fields }]);
const change = (path: string, fields: Record<string, unknown>) => store.commit([{ kind: 'update', path, fields }]);
const remove = (path: string) => store.commit([{ kind: 'delete', path }]);
const namesOf = (events: readonly OutgoingEvent[]) => events.map(({ envelope }) => envelope.name).toSorted();

describe('a follow', () => {
  test('of an account that goes private in the middle of it waits to be let in', async () => {
    await write(store, { kind: 'follow', by: 'bob', whom: 'ann' });
    const goesPrivate: Documents['transact'] = async (work) => {
      await change('users/ann', { private: true });
      return documents.transact(work);
    };
    await reconcileFollow(contextWith({ transact: goesPrivate }), { followerUid: 'bob', targetUid: 'ann' });
    expect(store.read('users/ann/followers/bob')).toBeUndefined();
    expect(store.read('users/ann/followRequests/bob')).toMatchObject({ status: 'pending' });
  });
});

describe('a comment', () => {
  const says = async (text: string) => {
    await write(store, { kind: 'comment', by: 'bob', ...ID, text });
    await reconcileComment(contextWith(), ID);
    await reconcileComment(contextWith(), ID, hashOfText(text));
  };
  const notificationOf = (type: string, uid: string) => store.read(`users/${uid}/notifications/${type}:photo:c`);
  const mention = { ...ID, byUid: 'bob', uids: ['eve'] };

  test('that is edited tells nobody of the new words before they are screened', async () => {
    await says('hello @eve');
    expect(namesOf(published)).toEqual(['social.commented', 'social.mentioned']);
    await write(store, { kind: 'edit', by: 'bob', ...ID, text: 'something else, @eve' });
    published = [];
    // The news of a mention and of the comment come late, and then that of the edit.
    await notifyOfMention(contextWith(), mention);
    expect([notificationOf('mention', 'eve'), published]).toEqual([undefined, []]);
    await reconcileComment(contextWith(), ID);
    expect(store.read(COMMENT)).not.toHaveProperty('status');
    expect(published).toEqual([]);
    await reconcileComment(contextWith(), ID, hashOfText('something else, @eve'));
    expect(namesOf(published)).toEqual(['social.comment-edited', 'social.commented', 'social.mentioned']);
    await notifyOfMention(contextWith(), mention);
    expect(notificationOf('mention', 'eve')).toMatchObject({ body: 'something else, @eve' });
  });

  test('mentions whom it mentioned when it was written, however late and often its news comes', async () => {
    await says('hello @eve and @dan');
    // Another person takes the handle, one goes, and one blocks: none of it is news of this comment.
    await put('handles/eve', { uid: 'cleo' });
    await put('users/dan/blocks/bob', { createdAt: new Date() });
    published = [];
    await reconcileComment(contextWith(), ID, hashOfText('hello @eve and @dan'));
    expect(store.read(COMMENT)).toMatchObject({ mentions: ['eve', 'dan'] });
    const [told] = published.filter(({ envelope }) => envelope.name === 'social.mentioned');
    expect(told?.envelope.data).toMatchObject({ uids: ['eve', 'dan'] });
    await notifyOfMention(contextWith(), { ...mention, uids: ['dan'] });
    expect(notificationOf('mention', 'dan')).toBeUndefined();
  });

  test('that mentions somebody no more, or has gone, notifies nobody when its news comes late', async () => {
    await says('hello @eve');
    const commented = published.find(({ envelope }) => envelope.name === 'social.commented');
    await write(store, { kind: 'edit', by: 'bob', ...ID, text: 'hello all' });
    await reconcileComment(contextWith(), ID, hashOfText('hello all'));
    expect(store.read(COMMENT)).toMatchObject({ status: 'visible', mentions: [] });
    await notifyOfMention(contextWith(), mention);
    expect(notificationOf('mention', 'eve')).toBeUndefined();
    await remove(COMMENT);
    await notifyOfComment(contextWith(), commented?.envelope.data as Parameters<typeof notifyOfComment>[1]);
    expect(notificationOf('comment', 'ann')).toBeUndefined();
  });
});

describe('a row of a feed', () => {
  const ROW = 'users/bob/feed/photo';
  const follow = (by: string, whom: string) =>
    put(`users/${whom}/followers/${by}`, { createdAt: new Date(), followerUid: by });
  const repostedAt = new Date(Date.now() + 60_000);
  const isReposted = (by: string) =>
    put(`reposts/${by}~photo`, { userId: by, contentId: 'photo', ownerId: 'ann', shareId: by, at: repostedAt });
  const row = (fields: Record<string, unknown> = {}) =>
    put(ROW, { contentId: 'photo', ownerId: 'ann', publishedAt: new Date(), reason: 'following', ...fields });
  const unfollow = async (whom: string) => {
    await remove(`users/${whom}/followers/bob`);
    await reconcileFeed(contextWith(), { followerUid: 'bob', targetUid: whom });
  };

  test('stays by a repost when the owner is no longer followed, and goes with the last who passed it on', async () => {
    await Promise.all([follow('bob', 'ann'), follow('bob', 'cleo'), isReposted('cleo'), isReposted('dan'), row()]);
    await unfollow('ann');
    expect(store.read(ROW)).toMatchObject({ reason: 'following', repostedBy: 'cleo' });
    expect(millis(store.read(ROW)?.['publishedAt'])).toBe(repostedAt.getTime());
    await unfollow('cleo');
    expect(store.read(ROW)).toBeUndefined();
  });

  test('stays by its owner, or by another repost, when a repost is undone', async () => {
    await Promise.all([follow('bob', 'ann'), follow('bob', 'cleo'), follow('bob', 'dan'), row({ repostedBy: 'cleo' })]);
    await put('users/eve/feed/photo', { ...store.read(ROW) });
    expect(await withdrawReposted(contextWith(), 'cleo', 'photo')).toBe(2);
    expect(store.read(ROW)).not.toHaveProperty('repostedBy');
    expect(store.read('users/eve/feed/photo')).toBeUndefined();
    await Promise.all([remove('users/ann/followers/bob'), isReposted('dan'), row({ repostedBy: 'cleo' })]);
    await withdrawReposted(contextWith(), 'cleo', 'photo');
    expect(store.read(ROW)).toMatchObject({ repostedBy: 'dan' });
  });

  test('does not stay for a repost that is undone at that moment, nor for what followers alone may see', async () => {
    await Promise.all([follow('bob', 'cleo'), isReposted('cleo'), row()]);
    const undoes: Documents['list'] = async (options) => {
      const found = await documents.list(options);
      if (options.collection === 'reposts') await remove('reposts/cleo~photo');
      return found;
    };
    await remove('users/ann/followers/bob');
    await reconcileFeed(contextWith({ list: undoes }), { followerUid: 'bob', targetUid: 'ann' });
    expect(store.read(ROW)).toBeUndefined();
    await Promise.all([isReposted('cleo'), row(), change('content/photo', { visibility: 'followers' })]);
    await unfollow('ann');
    expect(store.read(ROW)).toBeUndefined();
  });

  test('by its owner outlives a repost that is undone while it is being passed on', async () => {
    await Promise.all([follow('bob', 'ann'), follow('bob', 'cleo'), follow('eve', 'cleo'), isReposted('cleo'), row()]);
    const undoes: Documents['createMissing'] = async (rows) => {
      await documents.createMissing(rows);
      await remove('reposts/cleo~photo');
    };
    const job = { kind: 'repost', voiceUid: 'cleo', contentId: 'photo' } as const;
    await startFanOut(contextWith({ createMissing: undoes }), job, 'cause');
    expect(store.read(ROW)).toMatchObject({ reason: 'following' });
    expect(store.read('users/eve/feed/photo')).toBeUndefined();
  });

  /** A store in which something happens at the moment between the look at the contents and the rows that come of it. */
  const whileWriting = (work: () => Promise<unknown>): Partial<Documents> => ({
    setAll: async (rows) => {
      await work();
      await documents.setAll(rows);
    },
  });
  const leaves = (uid: string) => requestAccountDeletion(contextWith(), uid);
  const follows = (ctx: ReturnType<typeof contextWith>) => reconcileFeed(ctx, { followerUid: 'bob', targetUid: 'ann' });

  test('is not written for good of a content that goes, or is hidden, while a follow fills the feed', async () => {
    await follow('bob', 'ann');
    await follows(contextWith(whileWriting(() => change('content/photo', { visibility: 'private' }))));
    expect(store.read(ROW)).toBeUndefined();
    await change('content/photo', { visibility: 'public' });
    await follows(contextWith());
    expect(store.read(ROW)).toMatchObject({ ownerId: 'ann' });
    await follows(contextWith(whileWriting(() => Promise.all([remove('content/photo'), remove(ROW)]))));
    expect(store.read(ROW)).toBeUndefined();
  });

  test('is not written for good for a reader who leaves at that moment, whatever it is there for', async () => {
    await Promise.all([follow('bob', 'ann'), change('content/photo', { mentions: ['bob'] })]);
    const left = whileWriting(() => Promise.all([leaves('bob'), remove('users/ann/followers/bob')]));
    await follows(contextWith(left));
    expect(store.read(ROW)).toBeUndefined();
    await distributeContent(contextWith(whileWriting(() => remove('deletions/account~bob'))), 'photo', 'cause');
    expect(store.read(ROW)).toMatchObject({ reason: 'mention' });
    await distributeContent(contextWith(whileWriting(() => leaves('bob'))), 'photo', 'cause again');
    expect(store.read(ROW)).toBeUndefined();
  });

  test('says when it will have been there for long enough', async () => {
    await follow('bob', 'ann');
    await reconcileFeed(contextWith(), { followerUid: 'bob', targetUid: 'ann' });
    const { publishedAt, expireAt } = store.read(ROW) ?? {};
    const expected = Math.max(millis(publishedAt) + ROW_KEPT_MS, Date.now() + OLD_ROW_KEPT_MS);
    expect(Math.abs(millis(expireAt) - expected)).toBeLessThan(60_000);
  });
});
