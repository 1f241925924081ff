import { describe, expect, test } from '@jest/globals';
import { content } from '@playnite/contracts/documents';
import { cardOf, contentPublished, type EventEnvelope, socialContentDistributed } from '@playnite/contracts/events';
import {
  bucket,
  db,
  deliverEvent,
  deliverFinalized,
  dispatchTask,
  fireSchedule,
  tracesOf,
} from '../support/backstage.ts';
import { photo } from '../support/files.ts';
import { counts, person } from '../support/platform.ts';

let variant = 3000;
const newPhoto = (size = {}) => photo({ variant: (variant += 1), ...size });
const PUBLISHED = { originals: 0, renditions: 2, published: true };

async function publishedByFollowed() {
  const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
  await bob.follow(ann.uid);
  await ann.sees(`users/${ann.uid}`, counts('followers', 1));
  const { uploadId } = await ann.upload({ bytes: await newPhoto(), contentType: 'image/jpeg', title: 'Once' });
  await bob.sees(`users/${bob.uid}/notifications/new-content:${uploadId}`, () => true);
  await ann.sees(`users/${ann.uid}`, counts('content', 1));
  return { ann, bob, uploadId };
}

const envelope = <Data>(name: string, data: Data): EventEnvelope<Data> => ({
  id: `by-hand-${name}`,
  name,
  version: 1,
  at: new Date().toISOString(),
  data,
});

describe('an event that is delivered again', () => {
  test('takes effect once, whichever it is and however late', async () => {
    const { ann, bob, uploadId } = await publishedByFollowed();
    const notification = db.doc(`users/${bob.uid}/notifications/new-content:${uploadId}`);
    await notification.update({ readAt: new Date() });
    const before = await snapshotOf(ann.uid, bob.uid, uploadId);

    const card = cardOf(uploadId, content.parse((await db.doc(`content/${uploadId}`).get()).data()));
    const follow = { followerUid: bob.uid, targetUid: ann.uid };
    const run = (await db.doc(`uploadRuns/${uploadId}`).get()).get('object') as {
      path: string;
      generation: string;
      size: number;
      contentType: string;
    };
    const redeliveries = [
      () => deliverFinalized({ name: run.path, ...run }),
      () => dispatchTask('content-runPipeline', `${uploadId}-again`, { uploadId }),
      () => deliverEvent('social-onProfileChanged', envelope('social.profile-changed', { uid: ann.uid })),
      () => deliverEvent('social-onFollowChanged', envelope('social.follow-changed', follow)),
      () => deliverEvent('notification-onFollowed', envelope('social.followed', follow)),
      () => deliverEvent('social-onContentPublished', envelope(contentPublished.name, card)),
      () =>
        deliverEvent(
          'notification-onContentDistributed',
          envelope(socialContentDistributed.name, { content: card, reason: 'following', uids: [bob.uid] }),
        ),
    ];
    const answers = await Promise.all([...redeliveries, ...redeliveries].map((redeliver) => redeliver()));
    expect(answers.filter((status) => status >= 300)).toEqual([]);

    expect(await snapshotOf(ann.uid, bob.uid, uploadId)).toEqual(before);
    expect((await notification.get()).get('readAt')).not.toBeNull();
    expect(await tracesOf(ann.uid, uploadId)).toEqual(PUBLISHED);
  });

  test('of a follow that has been undone since changes nothing', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    const event = envelope('social.follow-changed', { followerUid: bob.uid, targetUid: ann.uid });
    expect(await deliverEvent('social-onFollowChanged', event)).toBe(200);
    expect((await db.doc(`users/${ann.uid}/followers/${bob.uid}`).get()).exists).toBe(false);
  });

  test('reaches the live stream once', async () => {
    const { ann, bob, uploadId } = await publishedByFollowed();
    const isNewsOf =
      (contentId: string) =>
      ({ publication }: (typeof bob.heard)[number]) =>
        publication.type === contentPublished.name && JSON.stringify(publication.data).includes(contentId);
    await bob.hears('the photo', isNewsOf(uploadId));
    const publishedEvent = envelope(
      contentPublished.name,
      cardOf(uploadId, content.parse((await db.doc(`content/${uploadId}`).get()).data())),
    );
    await deliverEvent('social-onContentPublished', publishedEvent);
    // When the next photo has come through, the redelivery has as well.
    const next = await ann.upload({ bytes: await newPhoto(), contentType: 'image/jpeg', title: 'Next' });
    await bob.hears('the next photo', isNewsOf(next.uploadId));
    expect(bob.heard.filter(isNewsOf(uploadId))).toHaveLength(1);
  });
});

describe('an event that cannot be read', () => {
  test.each(['not json', '{}', JSON.stringify(envelope('social.followed', { followerUid: 'a/b' }))])(
    'is put aside and acknowledged: %s',
    async (message) => {
      const before = (await db.collection('deadLetters').count().get()).data().count;
      expect(await deliverEvent('notification-onFollowed', message)).toBe(200);
      const letters = await db.collection('deadLetters').where('consumer', '==', 'notification-onFollowed').get();
      expect((await db.collection('deadLetters').count().get()).data().count).toBe(before + 1);
      expect(letters.docs.map((each) => (each.get('error') as { code: string }).code)).toContain('malformed');
    },
  );
});

describe('a pipeline that dies', () => {
  test('every time, is given up as failed, and leaves nothing', async () => {
    const ann = await person('ann');
    const uploadId = `worn-out-${Date.now()}`;
    const path = `uploads/${ann.uid}/${uploadId}`;
    const long = new Date(Date.now() - 3_600_000);
    await bucket.file(`media/${uploadId}/half.webp`).save('half a rendition', { resumable: false });
    await db.doc(`uploadRuns/${uploadId}`).set({
      ownerId: ann.uid,
      object: { path, generation: '1', size: 9, contentType: 'image/jpeg' },
      attempts: 6,
      lease: { holder: 'dead', until: long },
      expireAt: long,
    });
    await db.doc(`uploads/${uploadId}`).set({
      ownerId: ann.uid,
      contentType: 'image/jpeg',
      size: 9,
      title: 'Worn out',
      caption: '',
      tags: [],
      visibility: 'public',
      status: 'processing',
      step: 'rendering',
      progress: 0.45,
      createdAt: long,
      updatedAt: long,
    });
    expect(await fireSchedule('content-resumeUploads')).toBeLessThan(300);
    const end = await ann.sees(`uploads/${uploadId}`, ({ status }) => status === 'failed');
    expect(end['failure']).toMatchObject({ code: 'attempts-exhausted', retryable: true });
    expect(await tracesOf(ann.uid, uploadId)).toEqual({ originals: 0, renditions: 0, published: false });
  });
});

/** Everything that a redelivery could wrongly change. */
async function snapshotOf(creator: string, follower: string, uploadId: string) {
  const [users, followers, feed, notifications, published, letters] = await Promise.all([
    db.getAll(db.doc(`users/${creator}`), db.doc(`users/${follower}`)),
    db.collection(`users/${creator}/followers`).get(),
    db.collection(`users/${follower}/feed`).get(),
    Promise.all([creator, follower].map((uid) => db.collection(`users/${uid}/notifications`).get())),
    db.doc(`content/${uploadId}`).get(),
    db.collection('deadLetters').where('payload', '>=', uploadId).count().get(),
  ]);
  return {
    counts: users.map((user) => user.get('counts') as unknown),
    followers: followers.docs.map(({ id }) => id),
    feed: feed.docs.map((item) => item.data()),
    notifications: notifications.flatMap(({ docs }) => docs.map((each) => each.data())),
    content: published.data(),
    deadLetters: letters.data().count,
  };
}
