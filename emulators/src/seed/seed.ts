/** Believable people and photos for an empty platform, made as clients make them: through the real pipeline. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, type Target, connectClient } from '../client/client.ts';
import { type SceneName, makePhoto } from '../photos/photos.ts';

interface Person {
  handle: string;
  name: string;
  bio: string;
  scenes: readonly SceneName[];
  follows: readonly string[];
}

const PEOPLE: readonly Person[] = [
  {
    handle: 'lena_outdoors',
    name: 'Lena Brandt',
    bio: 'Up early, boots wet.',
    scenes: ['lake', 'forest', 'lake'],
    follows: ['tomasz', 'aiko'],
  },
  {
    handle: 'tomasz',
    name: 'Tomasz Nowak',
    bio: 'Night buses and neon.',
    scenes: ['city', 'city'],
    follows: ['lena_outdoors'],
  },
  {
    handle: 'aiko',
    name: 'Aiko Mori',
    bio: 'The sea, mostly.',
    scenes: ['sea', 'sea'],
    follows: ['lena_outdoors', 'samir_k', 'tomasz'],
  },
  { handle: 'samir_k', name: 'Samir Khalil', bio: 'Wind, sand, light.', scenes: ['dunes', 'dunes'], follows: ['aiko'] },
  {
    handle: 'ingrid_n',
    name: 'Ingrid Nygård',
    bio: 'North of the trees.',
    scenes: ['aurora', 'forest'],
    follows: ['lena_outdoors', 'samir_k', 'aiko'],
  },
];

/** Smaller than a phone's photo: it is the number of them that fills a feed. */
const SIZE = { width: 1280, height: 960 };
const FOLLOW_SETTLE_MS = 500;

/**
 * Fills an empty platform; a person whose handle is taken already is left out, so running it twice adds nothing.
 *
 * @throws {Error} when an upload does not end as published
 */
export async function seed(
  target: Target,
  { log, signal }: { log: (line: string) => void; signal: AbortSignal },
): Promise<void> {
  log('making demo people and photos (npm start -- --no-seed leaves them out)');
  const clients = new Map<string, Client>();
  try {
    for (const { handle, name, bio } of PEOPLE) {
      signal.throwIfAborted();
      const client = await connectClient(target, handle);
      const isNew = await client.createProfile(handle, name, bio).then(
        () => true,
        () => false,
      );
      if (isNew) clients.set(handle, client);
      else await client.close();
    }
    for (const { handle, follows } of PEOPLE) {
      for (const followed of follows) {
        const uid = clients.get(followed)?.uid;
        if (uid !== undefined) await clients.get(handle)?.follow(uid);
      }
    }
    // Who follows before a photo is published finds it in the feed.
    await sleep(FOLLOW_SETTLE_MS, undefined, { signal });
    let made = 0;
    for (const [index, { handle, name, scenes }] of PEOPLE.entries()) {
      const client = clients.get(handle);
      if (!client) continue;
      for (const [nth, scene] of scenes.entries()) {
        signal.throwIfAborted();
        const photo = await makePhoto({ scene, seed: 1 + index * 10 + nth, ...SIZE });
        const { ticket } = await client.upload(photo);
        if (ticket['status'] !== 'published') throw new Error(`${photo.title}: ${JSON.stringify(ticket['rejection'])}`);
        made += 1;
        log(`${name}: “${photo.title}”`);
      }
    }
    log(`${clients.size} people and ${made} photos are there`);
  } finally {
    await Promise.all([...clients.values()].map((client) => client.close()));
  }
}
