import { describe, expect, test } from '@jest/globals';
import type { Client } from '@playnite/emulators/client';
import { deleteDoc, doc, serverTimestamp, setDoc, updateDoc } from 'firebase/firestore';
import { db } from '../support/backstage.ts';
import { becomes } from '../support/faults.ts';
import { counts, person } from '../support/platform.ts';
import { seedContent } from '../support/seed-social.ts';

/** Starts of cold functions included. */
const TEST_MAX_MS = 120_000;

interface Page {
  items: {
    contentId: string;
    reason: string;
    liked: boolean;
    owner: { uid: string };
    repostedBy?: string;
    because?: unknown;
  }[];
  cursor: string | null;
}

const pageOf = async (client: Client, cursor: string | null = null, limit = 20, name = 'social-feed'): Promise<Page> =>
  (await client.call(name, { cursor, limit })) as unknown as Page;
/** A list of this realm, as a comparison wants it: what `fetch` parses is of another. */
const idsOf = ({ items }: Page) => Array.from(items, ({ contentId }) => contentId);
const feedOf = async (client: Client): Promise<string[]> => idsOf(await pageOf(client, null, 50));
const refusal = (code: string) => ({ details: expect.objectContaining({ code }) as unknown });

async function pair() {
  const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
  return { ann, bob };
}
async function follows(reader: Client, author: Client): Promise<void> {
  await reader.follow(author.uid);
  await author.sees(`users/${author.uid}/followers/${reader.uid}`, () => true);
}
const hasRow = (reader: Client, contentId: string, fits: Record<string, unknown> = {}) =>
  reader.sees(`users/${reader.uid}/feed/${contentId}`, (row) =>
    Object.entries(fits).every(([field, value]) => row[field] === value),
  );
const lacksRow = (reader: Client, contentId: string) => reader.misses(`users/${reader.uid}/feed/${contentId}`);
const write = (client: Client, path: string, data: object = {}) =>
  setDoc(doc(client.firestore, path), { ...data, createdAt: serverTimestamp() });

describe('the home feed', () => {
  test(
    'begins with a follow, ends with an unfollow, and comes in pages that neither repeat nor lose anything',
    async () => {
      const { ann, bob } = await pair();
      const contents: string[] = [];
      for (let each = 0; each < 24; each += 1) {
        contents.unshift(await seedContent(ann.uid, { publishedAt: new Date(Date.now() - (60 - each) * 1000) }));
      }
      await follows(bob, ann);
      // The newest twenty are there from the beginning.
      await hasRow(bob, contents[19] ?? '');
      const isBackFilled = async () => (await db.collection(`users/${bob.uid}/feed`).get()).size >= 20;
      await becomes(isBackFilled, true);
      const latest = await seedContent(ann.uid);
      await hasRow(bob, latest, { reason: 'following' });
      await write(bob, `content/${latest}/likes/${bob.uid}`);

      const first = await pageOf(bob, null, 8);
      const [top] = first.items;
      expect(top).toMatchObject({ contentId: latest, liked: true, reason: 'following', owner: { uid: ann.uid } });
      const second = await pageOf(bob, first.cursor, 8);
      expect(await pageOf(bob, first.cursor, 8)).toEqual(second);
      const third = await pageOf(bob, second.cursor, 20);
      const shown = [first, second, third].flatMap(idsOf);
      expect(new Set(shown).size).toBe(shown.length);
      expect(shown.slice(0, 21)).toEqual([latest, ...contents.slice(0, 20)]);
      expect(third.cursor).toBeNull();

      await deleteDoc(doc(bob.firestore, `users/${bob.uid}/following/${ann.uid}`));
      await lacksRow(bob, latest);
      await becomes(() => feedOf(bob), []);
    },
    TEST_MAX_MS,
  );

  test(
    'follows takedown, visibility, mentions and reposts',
    async () => {
      const [ann, bob, cleo] = await Promise.all([person('ann'), person('bob'), person('cleo')]);
      await Promise.all([follows(bob, cleo), follows(cleo, ann)]);
      const plain = await seedContent(ann.uid);
      const handle = String((await db.doc(`users/${bob.uid}`).get()).get('handle'));
      const naming = await seedContent(ann.uid, { caption: `With @${handle}` });
      await hasRow(cleo, plain);
      await hasRow(bob, naming, { reason: 'mention' });

      await write(cleo, `content/${plain}/shares/again`, { userId: cleo.uid, target: 'repost' });
      const row = await hasRow(bob, plain, { repostedBy: cleo.uid, reason: 'following' });
      expect(row).toMatchObject({ ownerId: ann.uid });
      expect((await pageOf(bob)).items).toEqual([
        expect.objectContaining({ contentId: plain, repostedBy: cleo.uid }),
        expect.objectContaining({ contentId: naming, reason: 'mention' }),
      ]);
      await deleteDoc(doc(cleo.firestore, `content/${plain}/shares/again`));
      await lacksRow(bob, plain);

      // To followers only: the reader who was mentioned does not follow.
      await updateDoc(doc(ann.firestore, `content/${naming}`), { visibility: 'followers' });
      await lacksRow(bob, naming);
      await hasRow(cleo, naming);
      await updateDoc(doc(ann.firestore, `content/${naming}`), { visibility: 'private' });
      await lacksRow(cleo, naming);
      await updateDoc(doc(ann.firestore, `content/${naming}`), { visibility: 'public' });
      await Promise.all([hasRow(cleo, naming), hasRow(bob, naming, { reason: 'mention' })]);
      await db.doc(`content/${naming}`).update({ status: 'removed' });
      await Promise.all([lacksRow(cleo, naming), lacksRow(bob, naming)]);
    },
    TEST_MAX_MS,
  );

  test(
    'leaves out what is muted, blocked, or not wanted',
    async () => {
      const [ann, bob, cleo] = await Promise.all([person('ann'), person('bob'), person('cleo')]);
      await Promise.all([follows(bob, ann), follows(bob, cleo)]);
      const contents = await Promise.all([
        seedContent(ann.uid, { title: 'A spider', publishedAt: new Date(Date.now() - 3000) }),
        seedContent(ann.uid, { title: 'A lake', publishedAt: new Date(Date.now() - 2000) }),
        seedContent(cleo.uid, { title: 'A hill', publishedAt: new Date(Date.now() - 1000) }),
      ]);
      const [spider, lake, hill] = contents;
      await Promise.all(contents.map((each) => hasRow(bob, each)));
      expect(await feedOf(bob)).toEqual([hill, lake, spider]);

      await setDoc(doc(bob.firestore, `users/${bob.uid}/settings/mutes`), { words: ['Spider'] });
      expect(await feedOf(bob)).toEqual([hill, lake]);
      await write(bob, `users/${bob.uid}/mutes/${cleo.uid}`);
      expect(await feedOf(bob)).toEqual([lake]);
      await deleteDoc(doc(bob.firestore, `users/${bob.uid}/mutes/${cleo.uid}`));
      await bob.call('social-feedback', { contentId: hill, signal: 'not-interested' });
      expect(await feedOf(bob)).toEqual([lake]);
      await write(ann, `users/${ann.uid}/blocks/${bob.uid}`);
      await lacksRow(bob, lake);
      await becomes(() => feedOf(bob), []);
      await expect(bob.call('social-feedback', { contentId: lake, signal: 'not-interested' })).rejects.toMatchObject(
        refusal('no-such-content'),
      );
      await expect(bob.call('social-feed', { cursor: 'nonsense' })).rejects.toMatchObject(refusal('malformed-cursor'));
    },
    TEST_MAX_MS,
  );

  test(
    'looks up an author whom too many follow',
    async () => {
      const { ann, bob } = await pair();
      await follows(bob, ann);
      await ann.sees(`users/${ann.uid}`, counts('followers', 1));
      const before = await seedContent(ann.uid);
      await hasRow(bob, before);
      await db.doc(`users/${ann.uid}`).update({ 'counts.followers': 10_001 });
      const after = await seedContent(ann.uid);
      await becomes(async () => (await db.doc(`feedStates/${bob.uid}`).get()).get('pulled') as unknown, [ann.uid]);
      expect(await feedOf(bob)).toEqual([after, before]);
      expect((await db.doc(`users/${bob.uid}/feed/${after}`).get()).exists).toBe(false);
      const first = await pageOf(bob, null, 1);
      expect(idsOf(await pageOf(bob, first.cursor, 1))).toEqual([before]);

      const cleo = await person('cleo');
      await follows(cleo, ann);
      await becomes(() => feedOf(cleo), [after, before]);
      await deleteDoc(doc(bob.firestore, `users/${bob.uid}/following/${ann.uid}`));
      await becomes(() => feedOf(bob), []);
    },
    TEST_MAX_MS,
  );

  test(
    'is not written for who is away, and is whole when they return',
    async () => {
      const { ann, bob } = await pair();
      await follows(bob, ann);
      const old = await seedContent(ann.uid, { publishedAt: new Date(Date.now() - 60 * 86_400_000) });
      await hasRow(bob, old);
      const away = new Date(Date.now() - 50 * 86_400_000);
      await db.doc(`feedStates/${bob.uid}`).set({ activeAt: away }, { merge: true });
      const dan = await person('dan');
      await follows(dan, ann);
      const missed: string[] = [];
      for (let each = 0; each < 5; each += 1) missed.unshift(await seedContent(ann.uid));
      await hasRow(dan, missed[0] ?? '');
      expect((await db.collection(`users/${bob.uid}/feed`).get()).docs.map(({ id }) => id)).toEqual([old]);
      expect(await feedOf(bob)).toEqual([...missed, old]);
      await hasRow(bob, missed[4] ?? '');
      // Back again: from now on the feed is written.
      const next = await seedContent(ann.uid);
      await hasRow(bob, next);
    },
    TEST_MAX_MS,
  );
});

describe('the discovery feed', () => {
  test(
    'shows whom one’s people follow, and tags that one follows, with the reason; and learns what is not wanted',
    async () => {
      const [bob, friend, near, stranger] = await Promise.all([
        person('bob'),
        person('friend'),
        person('near'),
        person('stranger'),
      ]);
      await Promise.all([follows(bob, friend), follows(friend, near)]);
      const tag = `tag${Date.now()}`;
      const [byNear, tagged, ofFriend, hidden] = await Promise.all([
        seedContent(near.uid),
        seedContent(stranger.uid, { tags: [tag] }),
        seedContent(friend.uid, { tags: [tag] }),
        seedContent(stranger.uid, { tags: [tag], visibility: 'followers' }),
      ]);
      await write(bob, `users/${bob.uid}/followedTags/${tag}`);
      const page = await pageOf(bob, null, 50, 'social-discover');
      const reasons = new Map(page.items.map(({ contentId, because }) => [contentId, because]));
      expect(reasons.get(byNear)).toEqual({ kind: 'second-degree' });
      expect(reasons.get(tagged)).toEqual({ kind: 'tag', tag });
      expect([ofFriend, hidden].filter((id) => reasons.has(id))).toEqual([]);
      expect(new Set(page.items.map(({ reason }) => reason))).toEqual(new Set(['recommended']));

      await bob.call('social-feedback', { contentId: tagged, signal: 'not-interested' });
      expect(idsOf(await pageOf(bob, null, 50, 'social-discover'))).not.toContain(tagged);
      const given = await db.doc(`users/${bob.uid}/feedback/${tagged}`).get();
      expect(given.data()).toMatchObject({
        contentId: tagged,
        signal: 'not-interested',
        ownerId: stranger.uid,
        tags: [tag],
      });
    },
    TEST_MAX_MS,
  );
});
