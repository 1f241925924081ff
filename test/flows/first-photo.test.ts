import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { collection, getDocs, limit, orderBy, query } from 'firebase/firestore';
import { getBytes, ref } from 'firebase/storage';
import { contentChannel, userChannel } from '@playnite/contracts/realtime';
import sharp from 'sharp';
import { photo } from '../support/files.ts';
import { counts, person } from '../support/platform.ts';

describe('the first photo', () => {
  test('goes from a creator’s ticket to the follower’s feed, notifications and live stream', async () => {
    const [creator, follower] = await Promise.all([person('ann'), person('bob')]);
    await follower.subscribe('public:feed');
    await follower.follow(creator.uid);
    await creator.sees(`users/${creator.uid}`, counts('followers', 1));

    const bytes = await photo({ variant: 1000, width: 2000, height: 1500 });
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const { uploadId, ticket } = await creator.upload({
      bytes,
      contentType: 'image/jpeg',
      title: 'Dusk',
      caption: 'At the lake',
      tags: ['lake', 'dusk'],
      sha256,
    });
    expect(ticket).toMatchObject({ status: 'published', step: 'done', progress: 1, contentId: uploadId });

    const content = await follower.sees(`content/${uploadId}`, () => true);
    expect(content).toMatchObject({
      ownerId: creator.uid,
      owner: { displayName: 'Ann' },
      kind: 'image',
      title: 'Dusk',
      caption: 'At the lake',
      tags: ['lake', 'dusk'],
      mentions: [],
      visibility: 'public',
      status: 'published',
      media: { width: 2000, height: 1500, bytes: bytes.length, sha256 },
      stats: { likes: 0, comments: 0, shares: 0, views: 0 },
    });

    const item = await follower.sees(`users/${follower.uid}/feed/${uploadId}`, () => true);
    expect(item).toMatchObject({ ownerId: creator.uid, reason: 'following' });
    expect(item['publishedAt']).toEqual(content['publishedAt']);
    await follower.sees(`users/${follower.uid}/notifications/new-content:${uploadId}`, () => true);
    const notifications = await getDocs(
      query(collection(follower.firestore, 'users', follower.uid, 'notifications'), orderBy('createdAt'), limit(10)),
    );
    expect(notifications.docs.map((each) => each.data())).toEqual([
      expect.objectContaining({
        type: 'new-content',
        contentId: uploadId,
        title: 'Ann published “Dusk”',
        actorCount: 1,
        readAt: null,
        seenAt: null,
      }),
    ]);
    await creator.sees(`users/${creator.uid}/notifications/new-follower:${follower.uid}`, () => true);
    await creator.sees(`users/${creator.uid}`, counts('content', 1));

    const published = ({ publication }: (typeof creator.heard)[number]) =>
      publication.type === 'content.published' && (publication.data as { contentId?: string }).contentId === uploadId;
    const inFeed = await follower.hears(
      'the photo in the feed',
      (heard) => heard.channel === userChannel(follower.uid) && published(heard),
    );
    expect(inFeed.publication.data).toMatchObject({ title: 'Dusk', reason: 'following', ownerId: creator.uid });
    await follower.hears('the public feed', (heard) => heard.channel === 'public:feed' && published(heard));
    await follower.hears('the notification', ({ publication }) => publication.type === 'notification.created');

    await creator.hears('the end of the upload', ({ publication }) => {
      const { status, uploadId: id } = publication.data as { status?: string; uploadId?: string };
      return publication.type === 'content.upload-progressed' && id === uploadId && status === 'published';
    });
    const progress = creator.heard
      .filter(({ publication }) => publication.type === 'content.upload-progressed')
      .map(({ publication }) => publication.data as { step: string; progress: number });
    // At least once: under load the platform may run a step again, so a step counts from when it is first heard of.
    expect([...new Set(progress.map(({ step }) => step))]).toEqual([
      'received',
      'checking-bytes',
      'checking-duplicates',
      'screening',
      'rendering',
      'cleaning-up',
      'done',
    ]);
    const firsts = progress.filter(({ step }, index) => progress.findIndex((each) => each.step === step) === index);
    expect(firsts.every((each, index) => each.progress > (firsts[index - 1]?.progress ?? 0))).toBe(true);
  });

  test('leaves the original and serves the renditions, cacheable for ever', async () => {
    const [creator, other] = await Promise.all([person('ann'), person('eve')]);
    const { uploadId } = await creator.upload({
      bytes: await photo({ variant: 1001, width: 2000, height: 1500 }),
      contentType: 'image/jpeg',
      title: 'Renditions',
    });
    await expect(getBytes(ref(creator.storage, `uploads/${creator.uid}/${uploadId}`))).rejects.toMatchObject({
      code: 'storage/object-not-found',
    });
    const content = await other.sees(`content/${uploadId}`, () => true);
    const { preview, thumbnail } = content['media'] as Record<'preview' | 'thumbnail', Rendition>;
    for (const [rendition, width, height] of [
      [preview, 1600, 1200],
      [thumbnail, 320, 240],
    ] as const) {
      expect(rendition).toMatchObject({ width, height });
      const response = await fetch(rendition.url);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('image/webp');
      expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect(await sharp(Buffer.from(await response.arrayBuffer())).metadata()).toMatchObject({ width, height });
      expect((await getBytes(ref(other.storage, rendition.path))).byteLength).toBeGreaterThan(100);
    }
  });

  test('is shown to followers only, or to nobody, when its owner says so', async () => {
    const [creator, follower, other] = await Promise.all([person('ann'), person('bob'), person('eve')]);
    await follower.follow(creator.uid);
    await creator.sees(`users/${creator.uid}`, counts('followers', 1));
    const [forFollowers, forNobody] = await Promise.all(
      (['followers', 'private'] as const).map(async (visibility, index) => {
        const bytes = await photo({ variant: 1010 + index });
        return creator.upload({ bytes, contentType: 'image/jpeg', title: visibility, visibility });
      }),
    );
    const path = `content/${forFollowers?.uploadId}`;
    const content = await follower.sees(path, () => true);
    const { preview } = content['media'] as Record<'preview', Rendition>;
    expect((await getBytes(ref(follower.storage, preview.path))).byteLength).toBeGreaterThan(100);
    await expect(other.sees(path, () => true)).rejects.toMatchObject({ code: 'permission-denied' });
    await expect(getBytes(ref(other.storage, preview.path))).rejects.toMatchObject({ code: 'storage/unauthorized' });
    expect((await fetch(preview.url)).status).toBe(403);
    await expect(other.subscribe(contentChannel(forFollowers?.uploadId ?? ''))).rejects.toMatchObject({ code: 103 });
    await follower.subscribe(contentChannel(forFollowers?.uploadId ?? ''));

    await creator.sees(`content/${forNobody?.uploadId}`, () => true);
    await expect(follower.sees(`content/${forNobody?.uploadId}`, () => true)).rejects.toMatchObject({
      code: 'permission-denied',
    });
  });
});

interface Rendition {
  url: string;
  path: string;
}
