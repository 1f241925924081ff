/**
 * Social documents in numbers that nobody wants to wait for, written as the functions would have left them. The tests and the
 * benches make theirs here.
 */
import { readFile } from 'node:fs/promises';
import type { Visibility } from '@playnite/contracts/documents';
import type { Firestore } from 'firebase-admin/firestore';
import { z } from 'zod';

let count = 0;

export interface SeededContent {
  title?: string;
  caption?: string;
  tags?: string[];
  visibility?: Visibility;
  mentions?: string[];
  publishedAt?: Date;
}

/** Publishes a content without a file behind it; all who hear of contents hear of it. */
export async function writeContent(db: Firestore, ownerId: string, more: SeededContent = {}): Promise<string> {
  const contentId = `seeded-${process.pid.toString(36)}-${(count += 1)}-${Date.now().toString(36)}`;
  const rendition = (side: number) => ({
    url: `https://media.example/${contentId}/${side}.webp`,
    path: `media/${contentId}/${side}.webp`,
    width: side,
    height: side,
  });
  const publishedAt = more.publishedAt ?? new Date();
  await db.doc(`content/${contentId}`).set({
    ownerId,
    owner: { handle: 'seeded', displayName: 'Seeded' },
    kind: 'image',
    title: `Seeded ${count}`,
    caption: '',
    tags: [],
    mentions: [],
    visibility: 'public',
    status: 'published',
    media: {
      width: 1600,
      height: 1600,
      bytes: 1,
      sha256: contentId,
      thumbhash: '',
      preview: rendition(1600),
      thumbnail: rendition(320),
    },
    stats: { likes: 0, comments: 0, shares: 0, views: 0 },
    updatedAt: publishedAt,
    ...more,
    publishedAt,
  });
  return contentId;
}

/** Follower ids, spread as those of Firebase Authentication are. */
export const followerIds = (prefix: string, howMany: number): string[] => {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  return Array.from({ length: howMany }, (_, at) => `${letters[at % 62] ?? ''}${prefix}${at}`);
};

const runConfig = z.object({ emulators: z.object({ hub: z.object({ host: z.string(), port: z.number() }) }) });

/** Does the work while no function hears of what is written. */
export async function whileUnheard<T>(run: string, work: () => Promise<T>): Promise<T> {
  const file = new URL(`../../.cache/runs/${run}/firebase.json`, import.meta.url);
  const { hub } = runConfig.parse(JSON.parse(await readFile(file, 'utf8'))).emulators;
  const tell = async (what: 'disable' | 'enable') => {
    const response = await fetch(`http://${hub.host}:${hub.port}/functions/${what}BackgroundTriggers`, {
      method: 'PUT',
    });
    if (!response.ok) throw new Error(`the hub answered ${response.status}: ${await response.text()}`);
  };
  await tell('disable');
  try {
    return await work();
  } finally {
    await tell('enable');
  }
}

/** Has so many follow somebody, by mirrors alone, as if they had for long. */
export async function writeFollowers(db: Firestore, authorUid: string, uids: readonly string[]): Promise<void> {
  const writer = db.bulkWriter();
  const createdAt = new Date(Date.now() - 86_400_000);
  for (const followerUid of uids) {
    void writer.set(db.doc(`users/${authorUid}/followers/${followerUid}`), { createdAt, followerUid });
  }
  void writer.set(db.doc(`users/${authorUid}`), { counts: { followers: uids.length } }, { merge: true });
  await writer.close();
}

/** Profiles without accounts behind them, that nobody hears of. */
export async function writeProfiles(db: Firestore, uids: readonly string[]): Promise<void> {
  const writer = db.bulkWriter();
  uids.forEach((uid, at) => {
    void writer.set(db.doc(`users/${uid}`), {
      handle: `bench_${at}`,
      displayName: 'Bench',
      bio: '',
      createdAt: new Date(),
      counts: { followers: 0, following: 0, content: 0 },
      status: 'active',
    });
  });
  await writer.close();
}
