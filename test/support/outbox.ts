/**
 * The functions that publish what documents say, as the cloud runs them: a delivery that fails is made again until it succeeds,
 * while their processes are killed. The functions emulator delivers each write once, and forgets one whose process dies.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Timestamp } from 'firebase-admin/firestore';
import { type WrittenDocument, db, deliverWritten } from './backstage.ts';
import { kill, workersOf } from './faults.ts';

const AT_ONCE = 4;
/** The cloud waits longer; what matters is that it comes again. */
const AGAIN_AFTER_MS = 100;
const SLOWED_BY_MS = 400;
/** A delivery takes some tens of milliseconds: a process that is killed so long after one began is mostly in the middle of it. */
const KILLED_WITHIN_MS = 20;
const LOOK_WITHIN_MS = 300;
/**
 * A process is up so long after it was first seen, also on a busy machine. One that is killed before would leave the emulator
 * waiting for it, and with it every trigger behind the one for which it was started.
 */
const UP_AFTER_MS = 4_000;
const TRIES_MAX = 50;
/** The emulator never answers a request for which it starts a process that dies before it is up, should there be one all the same. */
const ANSWER_MAX_MS = 15_000;

/** To the nanosecond, as in JSON. */
const timeOf = (time: Timestamp): string =>
  `${new Date(time.seconds * 1000).toISOString().slice(0, 19)}.${String(time.nanoseconds).padStart(9, '0')}Z`;

/** Likes a content, and returns what the cloud tells of that. */
export async function committedLike(contentId: string, uid: string): Promise<WrittenDocument> {
  const path = `content/${contentId}/likes/${uid}`;
  const createdAt = Timestamp.now();
  const time = timeOf((await db.doc(path).create({ createdAt })).writeTime);
  const value = { fields: { createdAt: { timestampValue: timeOf(createdAt) } }, createTime: time, updateTime: time };
  return { id: `liked ${path}`, path, time, value };
}

/** Takes back a like, and returns what the cloud tells of that. */
export async function committedUnlike({ path, value }: WrittenDocument): Promise<WrittenDocument> {
  const { writeTime } = await db.doc(path).delete();
  return { id: `unliked ${path}`, path, time: timeOf(writeTime), ...(value ? { oldValue: value } : {}) };
}

interface Killing {
  /** The function, as emulators name it (`social-onLikeWritten`). */
  functionName: string;
  kills: number;
  random: () => number;
}

interface Delivered {
  /** Processes that were killed. */
  kills: number;
  /** Deliveries that failed, and were made again. */
  failures: number;
}

/**
 * Delivers every write until its delivery succeeds, and kills one of the function's processes now and then. Deliveries come
 * slower while there is none to be killed that is up, so that there is something under way when it is.
 */
export async function deliverWhileKilling(
  writes: readonly WrittenDocument[],
  { functionName, kills, random }: Killing,
): Promise<Delivered> {
  const functionTarget = functionName.replace('-', '.');
  const waiting = [...writes];
  const done: Delivered = { kills: 0, failures: 0 };
  let begun = 0;
  let succeeded = 0;
  let delivering = true;
  const isAhead = () => succeeded * kills > done.kills * writes.length;

  async function deliver(): Promise<void> {
    for (let write = waiting.pop(); write; write = waiting.pop()) {
      if (isAhead()) await sleep(random() * SLOWED_BY_MS);
      for (let tries = 1; ; tries += 1) {
        begun += 1;
        // An end of the connection tells no more than an answer that says "failed".
        const status = await deliverWritten(functionName, write, ANSWER_MAX_MS).catch(() => 0);
        if (status >= 200 && status < 300) break;
        done.failures += 1;
        if (tries === TRIES_MAX) throw new Error(`${write.id} failed ${tries} times, the last time with ${status}`);
        await sleep(AGAIN_AFTER_MS);
      }
      succeeded += 1;
    }
  }

  const seenSince = new Map<number, number>();
  async function killing(): Promise<void> {
    while (delivering && done.kills < kills) {
      await sleep(random() * LOOK_WITHIN_MS);
      if (!isAhead()) continue;
      const now = performance.now();
      const workers = workersOf(functionTarget);
      for (const pid of workers) if (!seenSince.has(pid)) seenSince.set(pid, now);
      const isUp = (pid: number) => now - (seenSince.get(pid) ?? now) > UP_AFTER_MS;
      const victim = workers.find(isUp);
      if (victim === undefined) continue;
      const before = begun;
      while (begun === before && delivering) await sleep(1);
      await sleep(random() * KILLED_WITHIN_MS);
      done.kills += kill([victim]);
    }
  }

  const nemesis = killing();
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, deliver));
  } finally {
    delivering = false;
    await nemesis;
  }
  return done;
}
