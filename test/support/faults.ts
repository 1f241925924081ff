/** Faults that tests put the platform to, and what is there to be seen of an upload once it is over them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, expect } from '@jest/globals';
import type { Client } from '@playnite/emulators/client';
import { processesOf } from '@playnite/emulators/processes';
import { db, fireSchedule, tracesOf } from './backstage.ts';
import { counts, person, target } from './platform.ts';

/** The schedules that set going again what a fault has stopped. */
const RECOVERING = ['content-resumeUploads', 'operations-replayDeadLetters'];
/** Oftener than in the cloud, so that a test waits for the platform's own limits and not for the next minute. */
const FIRE_EVERY_MS = 2_000;
const LOOK_EVERY_MS = 250;
/** A lease, the schedule after it, and a cold start: past this nothing comes any more. Jest gives a test longer by itself. */
export const RECOVERY_MAX_MS = 150_000;

/** The processes in which a function runs; `functionTarget` is its name in index.ts (`content.runPipeline`). */
export const workersOf = (functionTarget: string): number[] =>
  processesOf(target.run, `FUNCTION_TARGET=${functionTarget} `).map(({ pid }) => pid);

/** Ends processes as a lack of memory does: at once, with no chance to put anything in order. Returns how many there were. */
export function kill(pids: readonly number[]): number {
  return pids.filter((pid) => signalled(pid, 'SIGKILL')).length;
}

/** Has processes take what they are sent, and do nothing about it. */
export function pause(pids: readonly number[]): void {
  for (const pid of pids) signalled(pid, 'SIGSTOP');
}

function signalled(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    // It has ended in the meantime.
    return false;
  }
}

/**
 * Has one of the suite's Java programs answer nobody for a while: it keeps its connections and its data, and goes on with what
 * has come in meanwhile.
 *
 * @throws {Error} when no program of the run has such a command
 */
export async function stall(program: RegExp, forMs: number): Promise<void> {
  const stalled = processesOf(target.run).filter(({ command }) => /^\S*java\s/.test(command) && program.test(command));
  if (stalled.length === 0) throw new Error(`no program of this run is ${program}`);
  try {
    for (const { pid } of stalled) signalled(pid, 'SIGSTOP');
    await sleep(forMs);
  } finally {
    for (const { pid } of stalled) signalled(pid, 'SIGCONT');
  }
}

/**
 * Keeps a document from being written while the work goes on: the emulator's transactions lock what they read, so whoever
 * commits a write of it waits.
 */
export async function holding<T>(path: string, work: () => Promise<T>): Promise<T> {
  return db.runTransaction(
    async (tx) => {
      await tx.get(db.doc(path));
      return work();
    },
    { maxAttempts: 1 },
  );
}

/** Does the work while the schedules fire that bring an upload over a fault. */
export async function whileRecovering<T>(work: () => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const firing = RECOVERING.map(async (name) => {
    while (!stop.signal.aborted) {
      await fireSchedule(name);
      await sleep(FIRE_EVERY_MS, undefined, { signal: stop.signal }).catch(() => {});
    }
  });
  try {
    return await work();
  } finally {
    stop.abort();
    await Promise.all(firing);
  }
}

/** The waits under way: each shows the difference that it waits for to end. */
const waits = new Set<() => void>();
// A test whose time is up while it waits would not say otherwise what it saw.
afterEach(() => {
  const unfinished = [...waits];
  waits.clear();
  for (const show of unfinished) show();
});

/** Looks until what is seen is as expected, and shows the difference when it is not by then, or by the end of the test. */
export async function becomes<T>(look: () => Promise<T>, expected: T, withinMs = RECOVERY_MAX_MS): Promise<void> {
  const end = Date.now() + withinMs;
  let seen: T | undefined;
  const show = () => expect(seen).toEqual(expected);
  waits.add(show);
  try {
    seen = await look();
    while (!isDeepStrictEqual(seen, expected) && Date.now() < end && waits.has(show)) {
      await sleep(LOOK_EVERY_MS);
      seen = await look();
    }
  } finally {
    waits.delete(show);
  }
  show();
}

/** Somebody who uploads, and a follower whose feed, notifications and live stream show what came of it. */
export interface Pair {
  owner: Client;
  follower: Client;
}

export async function followedPair(): Promise<Pair> {
  const [owner, follower] = await Promise.all([person('ann'), person('bob')]);
  await follower.follow(owner.uid);
  await owner.sees(`users/${owner.uid}`, counts('followers', 1));
  return { owner, follower };
}

/** Everything by which an upload that met a fault could differ from one that did not. */
export async function effectsOf({ owner, follower }: Pair, uploadId: string) {
  const [ticket, run, reservation, quota, screening, fingerprint, contents, feeds, notifications, traces, profile] =
    await Promise.all([
      db.doc(`uploads/${uploadId}`).get(),
      db.doc(`uploadRuns/${uploadId}`).get(),
      db.doc(`reservations/${uploadId}`).get(),
      db.doc(`quotas/${owner.uid}`).get(),
      db.doc(`screenings/${uploadId}`).get(),
      db.doc(`fingerprints/${uploadId}`).get(),
      db.collection('content').where('ownerId', '==', owner.uid).get(),
      db.collectionGroup('feed').where('contentId', '==', uploadId).get(),
      db.collection(`users/${follower.uid}/notifications`).get(),
      tracesOf(owner.uid, uploadId),
      db.doc(`users/${owner.uid}`).get(),
    ]);
  return {
    ticket: ['status', 'step', 'progress', 'failure', 'rejection'].map((field) => ticket.get(field) as unknown),
    isLeased: run.get('lease') !== undefined,
    reservation: reservation.get('state') as unknown,
    quota: {
      beyondThisFile: Number(quota.get('usedBytes')) - Number(ticket.get('size')),
      reservedBytes: quota.get('reservedBytes') as unknown,
    },
    screening: screening.get('verdict') as unknown,
    fingerprint: fingerprint.get('state') as unknown,
    isOnlyContent: contents.size === 1 && contents.docs[0]?.id === uploadId,
    counts: profile.get('counts') as unknown,
    feeds: feeds.docs.map(({ ref }) => ref.parent.parent?.id === follower.uid),
    notifications: notifications.docs.map(({ id }) => id.replace(uploadId, 'this upload')),
    heard: follower.heard
      .filter(({ publication }) => JSON.stringify(publication.data).includes(uploadId))
      .map(({ channel, publication }) => `${publication.type} on ${channel.replace(follower.uid, 'follower')}`)
      .toSorted(),
    traces,
    lettersLeft: (await lettersAbout(uploadId)).filter(({ state }) => state !== 'replayed').length,
  };
}

export type Effects = Awaited<ReturnType<typeof effectsOf>>;

interface Letter {
  consumer: string;
  state: string;
}

async function lettersAbout(text: string): Promise<Letter[]> {
  const letters = await db.collection('deadLetters').get();
  return letters.docs
    .filter((letter) => String(letter.get('payload')).includes(text))
    .map((letter) => ({ consumer: String(letter.get('consumer')), state: String(letter.get('state')) }));
}

/** An upload that nothing disturbs, and its effects once they are all there. */
export async function quietUpload(bytes: Uint8Array): Promise<{ pair: Pair; uploadId: string; effects: Effects }> {
  const pair = await followedPair();
  const { uploadId } = await pair.owner.upload({ bytes, contentType: 'image/jpeg', title: 'Quiet' });
  const isTold = ({ publication: { type, data } }: Client['heard'][number]) =>
    type === 'notification.created' && JSON.stringify(data).includes(uploadId);
  await pair.follower.hears('the notification', isTold);
  await pair.owner.sees(`users/${pair.owner.uid}`, counts('content', 1));
  const settled = async () => {
    const { reservation, fingerprint } = await effectsOf(pair, uploadId);
    return [reservation, fingerprint];
  };
  await becomes(settled, ['used', 'published']);
  return { pair, uploadId, effects: await effectsOf(pair, uploadId) };
}
