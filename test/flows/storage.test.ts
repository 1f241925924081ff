import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { type Client, WAIT_MAX_MS } from '@playnite/emulators/client';
import { deleteUser, signOut } from 'firebase/auth';
import { type DocumentData, doc, getDocFromServer, updateDoc } from 'firebase/firestore';
import { getBytes, ref } from 'firebase/storage';
import { bucket, db, fireSchedule, tracesOf } from '../support/backstage.ts';
import { PLAIN_TEXT, photo } from '../support/files.ts';
import { counts, person, stranger } from '../support/platform.ts';

const jpeg = { contentType: 'image/jpeg' };
/** Photos from 30000 on are this file's. */
let variant = 30_000;
const newPhoto = () => photo({ variant: (variant += 1) });

const NOTHING = { originals: 0, renditions: 0, published: false };
const FOR_EVER = 'public, max-age=31536000, immutable';
const POLL_MS = 150;

const refusal = (code: string) => ({ details: expect.objectContaining({ code }) as unknown });
const status = (expected: string) => (data: DocumentData) => data['status'] === expected;
const sums = (usedBytes: number, reservedBytes: number) => (quota: DocumentData) =>
  quota['usedBytes'] === usedBytes && quota['reservedBytes'] === reservedBytes;

/** What `read` answers when it first fits: for what no client may listen to. */
async function eventually<T>(what: string, read: () => Promise<T>, fits: (value: T) => boolean): Promise<T> {
  let latest: T | undefined;
  for (const end = Date.now() + WAIT_MAX_MS; Date.now() < end;) {
    latest = await read();
    if (fits(latest)) return latest;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`waited ${WAIT_MAX_MS} ms for ${what}, which is ${JSON.stringify(latest)}`);
}

/** Those of the documents that are there. */
async function present(paths: readonly string[]): Promise<string[]> {
  const snapshots = await db.getAll(...paths.map((path) => db.doc(path)));
  return snapshots.filter(({ exists }) => exists).map(({ ref: { path } }) => path);
}

/** The end of a deletion, and the places where its last look still found something. */
async function proofOf(deletionId: string) {
  const read = async () => (await db.doc(`deletions/${deletionId}`).get()).data();
  const proof = await eventually(`the proof ${deletionId}`, read, (data) => data?.['state'] === 'done');
  const remaining = Object.entries((proof?.['remaining'] ?? {}) as Record<string, number>);
  return { looked: remaining.map(([place]) => place), left: remaining.filter(([, count]) => count !== 0) };
}

async function followed(owner: Client, follower: Client): Promise<void> {
  await follower.follow(owner.uid);
  await owner.sees(`users/${owner.uid}`, counts('followers', 1));
}

const previewOf = (content: DocumentData) => (content['media'] as { preview: { url: string; path: string } }).preview;

const statusOf = async (url: string): Promise<number> => {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.status;
};

describe('the room in an account’s quota', () => {
  test('is reserved by an open ticket, given back by one that ends, and used by what is published', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    const quota = `quotas/${ann.uid}`;
    const bytes = await newPhoto();
    const ticket = await ann.openTicket({ bytes, ...jpeg, title: 'Thought better of' });
    await ann.sees(quota, sums(0, bytes.length));
    await updateDoc(doc(ann.firestore, 'uploads', ticket), { status: 'cancelled' });
    await ann.sees(quota, sums(0, 0));

    const refused = await ann.upload({ bytes: PLAIN_TEXT, ...jpeg, title: 'No picture' });
    expect(refused.ticket['rejection']).toMatchObject({ code: 'mismatch' });
    await ann.sees(quota, sums(0, 0));

    const kept = await ann.upload({ bytes, ...jpeg, title: 'Kept' });
    expect(kept.ticket['status']).toBe('published');
    await ann.sees(quota, sums(bytes.length, 0));
    await expect(bob.sees(quota, () => true)).rejects.toMatchObject({ code: 'permission-denied' });
    await expect(updateDoc(doc(ann.firestore, quota), { limitBytes: 9e15 })).rejects.toMatchObject({
      code: 'permission-denied',
    });
  }, 120_000);

  test('refuses a ticket that does not fit before a byte moves, and takes one that fits to the byte', async () => {
    const ann = await person('ann');
    const quota = `quotas/${ann.uid}`;
    const bytes = await newPhoto();
    await db.doc(quota).set({ usedBytes: 0, reservedBytes: 0, limitBytes: bytes.length - 1 });
    const uploadId = await ann.openTicket({ bytes, ...jpeg, title: 'One byte too many' });
    const ticket = await ann.sees(`uploads/${uploadId}`, status('rejected'));
    expect(ticket['rejection']).toMatchObject({ code: 'quota-exceeded' });
    await expect(ann.putFile(uploadId, { bytes, ...jpeg })).rejects.toMatchObject({ code: 'storage/unauthorized' });
    expect(await tracesOf(ann.uid, uploadId)).toEqual(NOTHING);
    await ann.sees(quota, sums(0, 0));

    await db.doc(quota).update({ limitBytes: bytes.length });
    const fitting = await ann.upload({ bytes, ...jpeg, title: 'To the byte' });
    expect(fitting.ticket['status']).toBe('published');
    await ann.sees(quota, sums(bytes.length, 0));
  });

  test('is given to as many tickets of one moment as fit, and to no more', async () => {
    const ann = await person('ann');
    const quota = `quotas/${ann.uid}`;
    const [tickets, size] = [8, 400];
    await db.doc(quota).set({ usedBytes: 0, reservedBytes: 0, limitBytes: 2.5 * size });
    const open = () => ann.openTicket({ bytes: new Uint8Array(size), ...jpeg, title: 'At once' });
    const uploadIds = await Promise.all(Array.from({ length: tickets }, open));
    const statesOf = async () => {
      const all = await db.collection('uploads').where('ownerId', '==', ann.uid).get();
      return all.docs.map((each) => String(each.get('status')));
    };
    const refused = (states: string[]) => states.filter((state) => state === 'rejected').length;
    await eventually('the tickets that do not fit', statesOf, (states) => refused(states) === tickets - 2);
    await ann.sees(quota, sums(0, 2 * size));
    expect(await statesOf()).toHaveLength(uploadIds.length);
    expect(refused(await statesOf())).toBe(tickets - 2);
  });

  test('is added up anew when its sums have drifted', async () => {
    const ann = await person('ann');
    const quota = `quotas/${ann.uid}`;
    await ann.openTicket({ bytes: new Uint8Array(700), ...jpeg, title: 'Open' });
    await ann.sees(quota, sums(0, 700));
    await db.doc(quota).update({ usedBytes: 12_345, reservedBytes: -1 });
    const reconciled = async () => {
      expect(await fireSchedule('storage-reconcileQuotas')).toBeLessThan(300);
      return (await db.doc(quota).get()).data() ?? {};
    };
    // Each run takes one page of all accounts, so that more than one may be needed.
    await eventually('sums that are right', reconciled, sums(0, 700));
  });
});

describe('a content that its owner removes', () => {
  test('is gone everywhere, as its proof says, and may be published again', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    await followed(ann, bob);
    const bytes = await newPhoto();
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const { uploadId } = await ann.upload({ bytes, ...jpeg, title: 'Regretted' });
    const path = `content/${uploadId}`;
    const told = [`users/${bob.uid}/feed/${uploadId}`, `users/${bob.uid}/notifications/new-content:${uploadId}`];
    const [content] = await Promise.all([path, ...told].map((each) => bob.sees(each, () => true)));
    const preview = previewOf(content ?? {});
    expect(await statusOf(preview.url)).toBe(200);
    await ann.sees(`users/${ann.uid}`, counts('content', 1));
    await ann.sees(`quotas/${ann.uid}`, sums(bytes.length, 0));
    const said = [`${path}/likes/${bob.uid}`, `${path}/comments/first`];
    await db.doc(said[0] ?? '').set({ createdAt: new Date() });
    await db.doc(said[1] ?? '').set({ authorId: bob.uid, text: 'Nice', createdAt: new Date(), status: 'visible' });
    const kept = ['uploads', 'uploadRuns', 'screenings', 'reservations', 'fingerprints'].map(
      (collection) => `${collection}/${uploadId}`,
    );
    const documents = [path, `hashes/${sha256}`, ...told, ...said, ...kept];
    expect(await present(documents)).toEqual(documents);
    await bob.subscribe(`content:${uploadId}`);

    const deletionId = `content~${uploadId}`;
    const removal = await ann.call('content-remove', { contentId: uploadId });
    expect(removal).toEqual({ contentId: uploadId, deletionId, state: 'running' });
    // Out of sight from the answer on, whether its traces are erased yet or not.
    expect([403, 404]).toContain(await statusOf(preview.url));
    await bob.hears('that it went', ({ publication }) => publication.type === 'content.removed');
    await Promise.all(told.map((each) => bob.misses(each)));
    await ann.sees(`deletions/${deletionId}`, (deletion) => deletion['state'] === 'done');
    const { looked, left } = await proofOf(deletionId);
    expect(left).toEqual([]);
    expect(looked).toEqual(expect.arrayContaining(['content', 'likes', 'comments', 'feed', 'hashes', 'mediaObjects']));
    // The proof is not taken at its word.
    await bob.misses(path);
    expect(await present(documents)).toEqual([]);
    expect(await tracesOf(ann.uid, uploadId)).toEqual(NOTHING);
    await expect(getBytes(ref(ann.storage, preview.path))).rejects.toMatchObject({
      code: expect.stringMatching(/^storage\/(object-not-found|unauthorized)$/) as unknown,
    });
    await ann.sees(`quotas/${ann.uid}`, sums(0, 0));
    await ann.sees(`users/${ann.uid}`, counts('content', 0));
    await expect(bob.sees(`deletions/${deletionId}`, () => true)).rejects.toMatchObject({ code: 'permission-denied' });

    expect(await ann.call('content-remove', { contentId: uploadId })).toEqual({ ...removal, state: 'done' });
    const again = await ann.upload({ bytes, ...jpeg, title: 'Not regretted any more' });
    expect(again.ticket['status']).toBe('published');
    expect(await present([path])).toEqual([]);
  }, 120_000);

  test('is removed by nobody else, and refusals say why', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    const { uploadId: contentId } = await ann.upload({ bytes: await newPhoto(), ...jpeg, title: 'Mine' });
    const remove = (data: unknown) => bob.call('content-remove', data);
    await expect(remove({ contentId })).rejects.toMatchObject(refusal('not-yours'));
    await expect(remove({ contentId: 'never-heard-of' })).rejects.toMatchObject(refusal('no-such-content'));
    await expect(remove({ contentId: '../users' })).rejects.toMatchObject(refusal('malformed'));
    await signOut(bob.auth);
    await expect(remove({ contentId })).rejects.toMatchObject(refusal('unauthenticated'));
    expect(await ann.sees(`content/${contentId}`, () => true)).toMatchObject({ status: 'published' });
  });
});

describe('an account that is deleted', () => {
  test('leaves nothing behind, neither its own nor with others, and its handle to whoever comes', async () => {
    const [ann, bob, cat, zoe] = await Promise.all([person('ann'), person('bob'), person('cat'), stranger('zoe')]);
    await followed(ann, bob);
    await followed(cat, ann);
    const profile = await ann.sees(`users/${ann.uid}`, counts('following', 1));
    const handle = String(profile['handle']);
    const { uploadId } = await ann.upload({ bytes: await newPhoto(), ...jpeg, title: 'Soon gone' });
    const openId = await ann.openTicket({ bytes: new Uint8Array(9), ...jpeg, title: 'Never sent' });
    await ann.sees(`quotas/${ann.uid}`, (quota) => Number(quota['usedBytes']) > 0 && quota['reservedBytes'] === 9);
    const withOthers = [
      `users/${bob.uid}/following/${ann.uid}`,
      `users/${bob.uid}/feed/${uploadId}`,
      `users/${bob.uid}/notifications/new-content:${uploadId}`,
      `users/${cat.uid}/notifications/new-follower:${ann.uid}`,
    ];
    await Promise.all(withOthers.map((path) => (path.includes(cat.uid) ? cat : bob).sees(path, () => true)));
    const { url } = previewOf(await bob.sees(`content/${uploadId}`, () => true));

    const user = ann.auth.currentUser;
    if (!user) throw new Error('nobody is signed in');
    await deleteUser(user);
    const proof = await proofOf(`account~${ann.uid}`);
    expect(proof.left).toEqual([]);
    expect(proof.looked).toEqual(expect.arrayContaining(['users', 'handles', 'followers', 'content', 'quotas']));
    expect((await proofOf(`content~${uploadId}`)).left).toEqual([]);
    const own = [`users/${ann.uid}`, `handles/${handle}`, `quotas/${ann.uid}`, `content/${uploadId}`];
    const ofUploads = [uploadId, openId].flatMap((id) => [`uploads/${id}`, `uploadRuns/${id}`, `reservations/${id}`]);
    const mirrored = [`users/${cat.uid}/followers/${ann.uid}`, `users/${ann.uid}/followers/${bob.uid}`];
    expect(await present([...own, ...ofUploads, ...mirrored, ...withOthers])).toEqual([]);
    expect(await tracesOf(ann.uid, uploadId)).toEqual(NOTHING);
    expect([403, 404]).toContain(await statusOf(url));
    await bob.sees(`users/${bob.uid}`, counts('following', 0));
    await cat.sees(`users/${cat.uid}`, counts('followers', 0));
    await zoe.createProfile(handle, 'Zoe');
    await zoe.sees(`users/${zoe.uid}`, (data) => data['handle'] === handle);
  }, 120_000);
});

describe('a content whose visibility is edited', () => {
  test('closes its renditions and leaves the feeds when it turns private, and comes back when it turns public', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    await followed(ann, bob);
    const { uploadId } = await ann.upload({ bytes: await newPhoto(), ...jpeg, title: 'In and out' });
    const feedItem = `users/${bob.uid}/feed/${uploadId}`;
    await bob.sees(feedItem, () => true);
    const preview = previewOf(await bob.sees(`content/${uploadId}`, () => true));
    const document = doc(ann.firestore, 'content', uploadId);
    const cachingOf = async () => String((await bucket.file(preview.path).getMetadata())[0].cacheControl);
    expect(await statusOf(preview.url)).toBe(200);
    expect(await cachingOf()).toBe(FOR_EVER);

    await updateDoc(document, { visibility: 'private' });
    expect(await statusOf(preview.url)).toBe(403);
    await bob.misses(feedItem);
    await eventually('the caching of what is private', cachingOf, (caching) => caching.startsWith('private'));
    // From the server: what a phone has read it may remember.
    const ofBob = doc(bob.firestore, 'content', uploadId);
    await expect(getDocFromServer(ofBob)).rejects.toMatchObject({ code: 'permission-denied' });
    expect((await getBytes(ref(ann.storage, preview.path))).byteLength).toBeGreaterThan(100);

    await updateDoc(document, { visibility: 'public' });
    expect(await statusOf(preview.url)).toBe(200);
    await bob.sees(feedItem, () => true);
    await eventually('the caching of what is public', cachingOf, (caching) => caching === FOR_EVER);
  }, 120_000);
});

describe('the sweep through the bucket', () => {
  test('takes neither what is published nor what is too young to be nobody’s', async () => {
    const ann = await person('ann');
    const { uploadId } = await ann.upload({ bytes: await newPhoto(), ...jpeg, title: 'Stays' });
    // Its age is the bucket's to say: how an older one is judged is tried without a bucket.
    const orphan = bucket.file(`media/nobody-${uploadId}/orphan.webp`);
    await orphan.save(Buffer.from('orphan'), { contentType: 'image/webp', resumable: false });
    expect(await fireSchedule('storage-sweepOrphans')).toBeLessThan(300);
    expect(await orphan.exists()).toEqual([true]);
    expect(await tracesOf(ann.uid, uploadId)).toEqual({ originals: 0, renditions: 2, published: true });
    await orphan.delete();
  });
});
