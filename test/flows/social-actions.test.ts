import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Client } from '@playnite/emulators/client';
import { deleteUser } from 'firebase/auth';
import { deleteDoc, setDoc, updateDoc } from 'firebase/firestore';
import { db, fireSchedule, giveRole } from '../support/backstage.ts';
import { becomes } from '../support/faults.ts';
import { counts, newHandle, person } from '../support/platform.ts';
import {
  at,
  block,
  createdNow,
  edit,
  exists,
  handleOf,
  like,
  newId,
  publish,
  stat,
  status,
  unfollow,
  unlike,
  write,
} from '../support/social.ts';

/** Doubtful to the default policy. */
const DOUBTFUL = 'this is fucking great';
const DENIED = { code: 'permission-denied' };
const always = () => true;

describe('a like', () => {
  test('counts once, is told once, and stands in one’s own log until it is taken back', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    const contentId = await publish(ann);
    await bob.subscribe(`content:${contentId}`);
    await like(bob, contentId);
    await ann.sees(`content/${contentId}`, stat('likes', 1));
    const heard = await bob.hears('the number', ({ publication }) => publication.type === 'social.stats-changed');
    expect(heard.publication.data).toMatchObject({ contentId, stats: { likes: 1 } });
    await ann.sees(`users/${ann.uid}/notifications/like:${contentId}:${bob.uid}`, always);
    const entry = `users/${bob.uid}/activity/like~${contentId}`;
    expect(await bob.sees(entry, always)).toMatchObject({ type: 'like', subject: `content/${contentId}` });

    await unlike(bob, contentId);
    await ann.sees(`content/${contentId}`, stat('likes', 0));
    await bob.misses(entry);
    for (let time = 0; time < 10; time += 1) {
      await like(bob, contentId);
      await unlike(bob, contentId);
    }
    await like(bob, contentId);
    await ann.sees(`content/${contentId}`, stat('likes', 1));
    await bob.sees(entry, always);
    const told = await db.collection(`users/${ann.uid}/notifications`).where('type', '==', 'like').get();
    expect(told.size).toBe(1);
  });

  test('of more than three hundred people in one burst comes to the exact number', async () => {
    const ann = await person('ann');
    const contentId = await publish(ann);
    const crowd = Array.from({ length: 320 }, () => newId('fan'));
    const profiles = db.bulkWriter();
    for (const uid of crowd) {
      void profiles.create(db.doc(`users/${uid}`), {
        handle: newHandle('fan'),
        displayName: 'Fan',
        createdAt: new Date(),
        counts: { followers: 0, following: 0, content: 0 },
        status: 'active',
      });
    }
    await profiles.close();
    const likes = db.bulkWriter();
    for (const uid of crowd) {
      void likes.create(db.doc(`content/${contentId}/likes/${uid}`), { createdAt: new Date() });
    }
    await likes.close();
    await ann.sees(`content/${contentId}`, stat('likes', crowd.length));
    await Promise.all(crowd.slice(0, 20).map((uid) => db.doc(`content/${contentId}/likes/${uid}`).delete()));
    const rest = await ann.sees(`content/${contentId}`, stat('likes', crowd.length - 20));
    expect(rest['stats']).toMatchObject({ likes: (await db.collection(`content/${contentId}/likes`).get()).size });
  }, 180_000);

  test('of what one may not see, for somebody else, or of one’s own number is refused', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    const [followersOnly, removed] = await Promise.all([
      publish(ann, { visibility: 'followers' }),
      publish(ann, { status: 'removed' }),
    ]);
    await expect(like(bob, followersOnly)).rejects.toMatchObject(DENIED);
    await expect(like(bob, removed)).rejects.toMatchObject(DENIED);
    await expect(write(bob, removed, 'hello')).rejects.toMatchObject(DENIED);
    const contentId = await publish(ann);
    const forged = setDoc(at(bob, `content/${contentId}/likes/${ann.uid}`), createdNow());
    await expect(forged).rejects.toMatchObject(DENIED);
    await expect(updateDoc(at(ann, `content/${contentId}`), { 'stats.likes': 99 })).rejects.toMatchObject(DENIED);
    await expect(setDoc(at(bob, `users/${bob.uid}/following/${bob.uid}`), createdNow())).rejects.toMatchObject(DENIED);
    await expect(bob.follow('nobody-at-all')).rejects.toMatchObject(DENIED);
  });
});

describe('a follow', () => {
  test('toggled two hundred times at once ends as the last wish says, on both sides and in both numbers', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    const toggles = Array.from({ length: 200 }, (_, time) =>
      time % 2 === 0 ? bob.follow(ann.uid) : unfollow(bob, ann.uid),
    );
    await Promise.allSettled(toggles);
    await bob.follow(ann.uid);
    const look = async () => {
      const [follower, followed] = await Promise.all([bob, ann].map(({ uid }) => db.doc(`users/${uid}`).get()));
      return {
        edge: await exists(`users/${bob.uid}/following/${ann.uid}`),
        mirror: await exists(`users/${ann.uid}/followers/${bob.uid}`),
        logged: await exists(`users/${bob.uid}/activity/follow~${ann.uid}`),
        following: follower?.get('counts.following') as unknown,
        followers: followed?.get('counts.followers') as unknown,
        spent: (await db.doc(`budgets/${bob.uid}`).get()).get('following') as unknown,
      };
    };
    await becomes(look, { edge: true, mirror: true, logged: true, following: 1, followers: 1, spent: 1 });
    await unfollow(bob, ann.uid);
    await becomes(look, { edge: false, mirror: false, logged: false, following: 0, followers: 0, spent: 0 });
    expect((await look()).edge).toBe(false);
  }, 120_000);

  test('of a private account waits for its answer, and whoever waits is let in when it goes public', async () => {
    const [ann, bob, eve, joe] = await Promise.all([person('ann'), person('bob'), person('eve'), person('joe')]);
    const profile = at(ann, `users/${ann.uid}`);
    await updateDoc(profile, { private: true });
    await Promise.all([bob, eve, joe].map((each) => each.follow(ann.uid)));
    await Promise.all(
      [bob, eve, joe].map((each) => each.sees(`users/${ann.uid}/followRequests/${each.uid}`, status('pending'))),
    );
    await ann.sees(`users/${ann.uid}/notifications/follow-request:${bob.uid}`, always);
    expect(await exists(`users/${ann.uid}/followers/${bob.uid}`)).toBe(false);

    const answer = (to: Client, reply: string) =>
      updateDoc(at(ann, `users/${ann.uid}/followRequests/${to.uid}`), { status: reply });
    await answer(bob, 'accepted');
    await answer(eve, 'declined');
    await bob.sees(`users/${ann.uid}/followers/${bob.uid}`, always);
    await ann.sees(`users/${ann.uid}`, counts('followers', 1));
    await updateDoc(profile, { private: false });
    await joe.sees(`users/${ann.uid}/followers/${joe.uid}`, always);
    await ann.sees(`users/${ann.uid}`, counts('followers', 2));
    expect(await exists(`users/${ann.uid}/followers/${eve.uid}`)).toBe(false);

    await updateDoc(profile, { private: true });
    await answer(bob, 'declined');
    await bob.misses(`users/${ann.uid}/followers/${bob.uid}`);
    await ann.sees(`users/${ann.uid}`, counts('followers', 1));
    await unfollow(joe, ann.uid);
    await joe.misses(`users/${ann.uid}/followRequests/${joe.uid}`);
    await ann.sees(`users/${ann.uid}`, counts('followers', 0));
  }, 120_000);
});

describe('a comment', () => {
  let mo: Client;
  beforeAll(async () => {
    mo = await person('mo', 'stays');
    await giveRole(mo, 'moderator');
  });

  test('is shown once it is screened, and reaches the owner and whom it mentions', async () => {
    const [ann, bob, eve] = await Promise.all([person('ann'), person('bob'), person('eve')]);
    const contentId = await publish(ann);
    await ann.subscribe(`content:${contentId}`);
    const text = `look @${await handleOf(eve)}, and @nobody_at_all`;
    const commentId = await write(bob, contentId, text);
    const path = `content/${contentId}/comments/${commentId}`;
    await bob.sees(path, status('visible'));
    const shown = await eve.sees(path, always);
    expect(shown).toMatchObject({ mentions: [eve.uid], depth: 0, rootId: commentId, ownerId: ann.uid });
    const heard = await ann.hears('the comment', ({ publication }) => publication.type === 'social.commented');
    expect(heard.publication.data).toMatchObject({ commentId, authorId: bob.uid, text });
    await ann.sees(`content/${contentId}`, stat('comments', 1));
    await eve.sees(`users/${eve.uid}/notifications/mention:${contentId}:${commentId}`, always);
    await ann.sees(`users/${ann.uid}/notifications/comment:${contentId}:${commentId}`, always);

    const replyId = await write(ann, contentId, 'thank you', commentId);
    const reply = await ann.sees(`content/${contentId}/comments/${replyId}`, status('visible'));
    expect(reply).toMatchObject({ depth: 1, rootId: commentId });
    await bob.sees(`users/${bob.uid}/notifications/comment:${contentId}:${replyId}`, always);

    await edit(bob, path, 'look again');
    const edited = await bob.sees(path, (data) => data['status'] === 'visible' && data['editedAt'] !== undefined);
    expect(edited).toMatchObject({ text: 'look again', mentions: [] });
    await ann.hears('the edit', ({ publication }) => publication.type === 'social.comment-edited');
    await ann.sees(`content/${contentId}`, stat('comments', 2));

    await deleteDoc(at(bob, path));
    await ann.hears('that it went', ({ publication }) => publication.type === 'social.comment-removed');
    await ann.sees(`content/${contentId}`, stat('comments', 1));
    await bob.misses(`users/${bob.uid}/activity/comment~${contentId}~${commentId}`);
  }, 120_000);

  test('with doubtful words is held until a moderator has decided, and so is an edit into such words', async () => {
    const [ann, bob, eve] = await Promise.all([person('ann'), person('bob'), person('eve')]);
    const contentId = await publish(ann);
    const commentId = await write(bob, contentId, DOUBTFUL);
    const path = `content/${contentId}/comments/${commentId}`;
    await bob.sees(path, status('held'));
    await expect(eve.sees(path, always)).rejects.toMatchObject(DENIED);
    expect((await db.doc(`content/${contentId}`).get()).get('stats.comments')).toBe(0);
    const decide = async (decision: string) => {
      const cases = await db.collection('moderationCases').where('subject', '==', path).get();
      const open = cases.docs.find((each) => each.get('status') !== 'decided') ?? cases.docs[0];
      await mo.call('moderation-decide', { caseId: open?.id, decision, reason: 'because' });
    };
    await decide('approve');
    await bob.sees(path, status('visible'));
    await eve.sees(path, status('visible'));
    await ann.sees(`content/${contentId}`, stat('comments', 1));
    await decide('remove');
    await bob.sees(path, status('removed'));
    await ann.sees(`content/${contentId}`, stat('comments', 0));
    await bob.sees(`users/${bob.uid}/notifications/${await decisionAbout(path)}`, always);
    await decide('restore');
    await bob.sees(path, status('visible'));

    const cleanId = await write(bob, contentId, 'a clean one');
    const cleanPath = `content/${contentId}/comments/${cleanId}`;
    await bob.sees(cleanPath, status('visible'));
    await edit(bob, cleanPath, DOUBTFUL);
    await bob.sees(cleanPath, status('held'));
    await ann.sees(`content/${contentId}`, stat('comments', 1));
  }, 120_000);

  test('far down a thread hangs at the greatest depth, and one that answers nothing is refused', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    const contentId = await publish(ann);
    const deep = newId('deep');
    await db.doc(`content/${contentId}/comments/${deep}`).set({
      authorId: ann.uid,
      text: 'deep',
      createdAt: new Date(),
      depth: 50,
      rootId: 'the-root',
    });
    const replyId = await write(bob, contentId, 'deeper', deep);
    const reply = await bob.sees(`content/${contentId}/comments/${replyId}`, status('visible'));
    expect(reply).toMatchObject({ depth: 50, rootId: 'the-root' });
    await expect(write(bob, contentId, 'to whom?', 'no-such-comment')).rejects.toMatchObject(DENIED);
  });

  test('of a mention storm reaches twenty', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    const contentId = await publish(ann);
    const handles = Array.from({ length: 30 }, () => newHandle('many'));
    await Promise.all(handles.map((handle) => db.doc(`handles/${handle}`).set({ uid: `uid-of-${handle}` })));
    const commentId = await write(bob, contentId, handles.map((handle) => `@${handle}`).join(' '));
    const shown = await bob.sees(`content/${contentId}/comments/${commentId}`, status('visible'));
    expect(shown['mentions']).toHaveLength(20);
  });
});

/** The notification of the last decision about a subject. */
async function decisionAbout(subject: string): Promise<string> {
  const log = await db.collection('moderationLog').where('subject', '==', subject).get();
  const last = log.docs.toSorted((a, b) => Number(a.get('seq')) - Number(b.get('seq'))).at(-1);
  return `moderation-decision:${last?.id}`;
}

describe('a block', () => {
  test('cuts both follows and removes what the blocked wrote, and taking it back brings nothing back', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    const contentId = await publish(ann);
    await Promise.all([bob.follow(ann.uid), ann.follow(bob.uid)]);
    await ann.sees(`users/${ann.uid}`, counts('followers', 1));
    await bob.sees(`users/${bob.uid}`, counts('followers', 1));
    const commentId = await write(bob, contentId, 'hello');
    const path = `content/${contentId}/comments/${commentId}`;
    await ann.sees(path, status('visible'));

    await block(ann, bob.uid);
    await ann.misses(`users/${ann.uid}/followers/${bob.uid}`);
    await bob.misses(`users/${bob.uid}/following/${ann.uid}`);
    await ann.misses(`users/${ann.uid}/following/${bob.uid}`);
    await ann.sees(path, status('removed'));
    await ann.sees(`users/${ann.uid}`, counts('followers', 0));
    await bob.sees(`users/${bob.uid}`, counts('followers', 0));
    await expect(bob.follow(ann.uid)).rejects.toMatchObject(DENIED);
    await expect(like(bob, contentId)).rejects.toMatchObject(DENIED);
    await expect(write(bob, contentId, 'again')).rejects.toMatchObject(DENIED);

    const own = await publish(bob);
    const mention = await write(bob, own, `@${await handleOf(ann)}`);
    expect((await bob.sees(`content/${own}/comments/${mention}`, status('visible')))['mentions']).toEqual([]);
    await deleteDoc(at(ann, `users/${ann.uid}/blocks/${bob.uid}`));
    await ann.misses(`users/${ann.uid}/activity/block~${bob.uid}`);
    await bob.follow(ann.uid);
    await ann.sees(`users/${ann.uid}/followers/${bob.uid}`, always);
    expect((await db.doc(path).get()).get('status')).toBe('removed');
  }, 120_000);
});

describe('a budget', () => {
  test('that is spent refuses what is new, says so, and never what takes something back', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    const [first, second] = [await publish(ann), await publish(ann)];
    await like(bob, first);
    await bob.sees(`users/${bob.uid}/activity/like~${first}`, always);
    const hour = Math.floor(Date.now() / 3_600_000);
    const full = { points: 4_999, follows: 0 };
    await db.doc(`budgets/${bob.uid}`).set({ hours: { [hour]: full, [hour + 1]: full }, following: 0 });
    await like(bob, second);
    const limit = await bob.sees(`users/${bob.uid}/limits/social`, always);
    expect(limit).toMatchObject({ reason: 'points-per-hour' });
    await bob.misses(`content/${second}/likes/${bob.uid}`);
    await ann.sees(`content/${second}`, stat('likes', 0));
    await expect(like(bob, second)).rejects.toMatchObject(DENIED);
    await expect(bob.follow(ann.uid)).rejects.toMatchObject(DENIED);
    await expect(write(bob, second, 'hello')).rejects.toMatchObject(DENIED);
    await unlike(bob, first);
    await ann.sees(`content/${first}`, stat('likes', 0));
  });

  test('of follows that is spent refuses follows, and nothing else', async () => {
    const [ann, bob, eve] = await Promise.all([person('ann'), person('bob'), person('eve')]);
    const contentId = await publish(ann);
    await db.doc(`budgets/${bob.uid}`).set({ hours: {}, following: 7_500 });
    await bob.follow(ann.uid);
    const limit = await bob.sees(`users/${bob.uid}/limits/social`, always);
    expect(limit).toMatchObject({ reason: 'follows-in-all' });
    await bob.misses(`users/${bob.uid}/following/${ann.uid}`);
    await expect(bob.follow(eve.uid)).rejects.toMatchObject(DENIED);
    await like(bob, contentId);
    await ann.sees(`content/${contentId}`, stat('likes', 1));
    const commentId = await write(bob, contentId, 'hello');
    await bob.sees(`content/${contentId}/comments/${commentId}`, status('visible'));
  });
});

describe('a number that is wrong', () => {
  test('is put right, and written down once, though two runs overlap', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    const contentId = await publish(ann);
    await like(bob, contentId);
    await ann.sees(`content/${contentId}`, stat('likes', 1));
    await db.doc(`content/${contentId}`).update({ 'stats.likes': 7 });
    const runs = await Promise.all([1, 2].map(async () => fireSchedule('social-reconcileCounts')));
    expect(runs.filter((answer) => answer >= 300)).toEqual([]);
    await ann.sees(`content/${contentId}`, stat('likes', 1));
    const drift = await db.collection('counterDrift').where('subject', '==', `content/${contentId}`).get();
    expect(drift.docs.map((each) => each.data())).toEqual([
      expect.objectContaining({ field: 'stats.likes', stored: 7, counted: 1 }),
    ]);
  });
});

describe('an account that is deleted', () => {
  test('takes its likes, comments, requests and log with it, and the proof looks for them', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    const contentId = await publish(ann);
    await updateDoc(at(ann, `users/${ann.uid}`), { private: true });
    await bob.follow(ann.uid);
    await bob.sees(`users/${ann.uid}/followRequests/${bob.uid}`, status('pending'));
    await like(bob, contentId);
    await write(bob, contentId, 'hello');
    await ann.sees(`content/${contentId}`, (data) => stat('likes', 1)(data) && stat('comments', 1)(data));
    const user = bob.auth.currentUser;
    if (user) await deleteUser(user);
    await ann.sees(`content/${contentId}`, (data) => stat('likes', 0)(data) && stat('comments', 0)(data));
    const proof = async () => (await db.doc(`deletions/account~${bob.uid}`).get()).get('state') as unknown;
    await becomes(proof, 'done');
    const remaining = (await db.doc(`deletions/account~${bob.uid}`).get()).get('remaining') as Record<string, number>;
    expect(remaining).toMatchObject({ likes: 0, comments: 0, budgets: 0, activity: 0, limits: 0 });
    expect(await exists(`users/${ann.uid}/followRequests/${bob.uid}`)).toBe(false);
    expect((await db.collection(`users/${bob.uid}/activity`).get()).size).toBe(0);
  }, 120_000);
});
