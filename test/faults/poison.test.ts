/**
 * Messages that no try can help, among good ones: each ends as a dead letter that says why, and holds up nobody. Runs
 * among the faults, since the broken documents make letters that others would stumble over. `POISON_EVENTS` and `POISON_BAD` set
 * how many messages there are, and how many of them, 14 at least, are bad (20 of 1,000 take a minute or two).
 */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type EventEnvelope, socialFollowed } from '@playnite/contracts/events';
import type { Client } from '@playnite/emulators/client';
import { inGroups } from '../../functions/src/platform/erasure.ts';
import { db, deliverEvent, giveRole } from '../support/backstage.ts';
import { becomes } from '../support/faults.ts';
import { newHandle, person } from '../support/platform.ts';
import { seedFollowers, unheard } from '../support/seed-social.ts';
import { writeProfiles } from '../support/social-documents.ts';

const CONSUMER = 'notification-onFollowed';
const MESSAGES = Number(process.env['POISON_EVENTS'] ?? 60);
const POISON = Number(process.env['POISON_BAD'] ?? 20);
const GOOD = MESSAGES - POISON;
const TRIES_MAX = 5;
/** Deliveries under way at a time: the emulator runs a process for each. */
const AT_ONCE = 8;
/** In turns without poison and with it, so that a busy moment of the machine slows down both. */
const ROUNDS = 10;
const TEST_MAX_MS = 120_000 + MESSAGES * 300;
const REPLAY_MAX_MS = 30_000;
/** Characters: past what a dead letter keeps of a payload. */
const LONG = 600_000;
/** Levels: read by JSON.parse, too many for JSON.stringify. */
const DEEP = 50_000;

type Followed = EventEnvelope<{ followerUid: string; targetUid: string }>;

const followed = (followerUid: string, targetUid: string): Followed => ({
  id: `followed-${randomUUID()}`,
  name: socialFollowed.name,
  version: socialFollowed.version,
  at: new Date().toISOString(),
  data: { followerUid, targetUid },
});

const json = (value: unknown): string => JSON.stringify(value);
const refusal = (code: string) => ({ details: expect.objectContaining({ code }) as unknown });

/** Of whom the good messages tell among poison, and of whom without. */
let target: string;
let calmTarget: string;
/** Whose documents are broken: messages about them are well-formed, and every handling fails. */
let brokenUids: string[];
let goodUids: string[];
let malformed: string[];
let poison: string[];
beforeAll(async () => {
  const unique = randomUUID();
  const uids = (kind: string, count: number) => Array.from({ length: count }, (_, nth) => `${kind}-${nth}-${unique}`);
  target = `target-${unique}`;
  calmTarget = `calm-${unique}`;
  goodUids = uids('good', GOOD);
  const broken = (parts: object) => json({ ...followed(goodUids[0] ?? '', target), ...parts });
  malformed = [
    `not json ${unique}`,
    json([unique]),
    json({ id: unique }),
    broken({ id: '' }),
    broken({ name: 'social.follow-changed' }),
    broken({ version: 99 }),
    broken({ at: 'yesterday' }),
    broken({ data: { targetUid: target } }),
    json(followed(`a/${unique}`, target)),
    json(followed(`__${unique}__`, target)),
    json(followed(`half a pair \ud800 ${unique}`, target)),
    `{"id":"${unique}","data":${'['.repeat(DEEP)}${']'.repeat(DEEP)}}`,
  ];
  brokenUids = uids('broken', POISON - malformed.length);
  poison = [...malformed, ...brokenUids.map((uid) => json(followed(uid, target)))];
  // Nobody is told of a follow that does not stand; here they are to hear of it from the messages alone.
  await unheard(() =>
    Promise.all([
      writeProfiles(db, goodUids),
      seedFollowers(target, [...goodUids, ...brokenUids]),
      seedFollowers(calmTarget, goodUids),
      // What some other program has written, or an older version of this one.
      ...brokenUids.map((uid) => db.doc(`users/${uid}`).set({ ...profile(), displayName: 7 })),
    ]),
  );
}, TEST_MAX_MS);

const profile = () => ({ handle: newHandle('poison'), displayName: 'Poe', bio: '', createdAt: new Date() });

/** The letters of the function under test, but for those of other files. */
async function letters() {
  const found = await db.collection('deadLetters').where('consumer', '==', CONSUMER).get();
  const known = new Set(poison.map(payloadOf));
  return found.docs.filter((letter) => known.has(String(letter.get('payload'))));
}

/** How a letter keeps a message: as JSON, and as a JSON string what is none or nested too deep. */
function payloadOf(message: string): string {
  try {
    return json(JSON.parse(message));
  } catch {
    return json(message);
  }
}

async function letterOf(message: string): Promise<string> {
  const found = (await letters()).find((letter) => letter.get('payload') === payloadOf(message));
  if (!found) throw new Error(`no letter holds ${message.slice(0, 100)}`);
  return found.id;
}

const notified = async (uid: string): Promise<string[]> =>
  (await db.collection(`users/${uid}/notifications`).get()).docs.map(({ id }) => id).toSorted();

/** Delivers messages, all of which are acknowledged, so that none of them comes again and again. Returns how long it took. */
async function deliverAll(messages: readonly string[]): Promise<number> {
  const began = performance.now();
  const answers = new Set<number>();
  await inGroups(messages, AT_ONCE, async (message) => answers.add(await deliverEvent(CONSUMER, message)));
  expect(answers).toEqual(new Set([200]));
  return performance.now() - began;
}

/** One of so many parts of about the same length. */
const part = <T>(all: readonly T[], nth: number, parts: number): T[] =>
  all.slice(Math.round((nth / parts) * all.length), Math.round(((nth + 1) / parts) * all.length));

describe('poisonous messages among good ones', () => {
  test(
    'end as dead letters that say why, while the good ones take effect',
    async () => {
      const calm = goodUids.map((uid) => json(followed(uid, calmTarget)));
      const good = goodUids.map((uid) => json(followed(uid, target)));
      const mixed = poison.flatMap((bad, nth) => [bad, ...part(good, nth, poison.length)]);
      expect(mixed).toHaveLength(MESSAGES);
      // Processes are started before anything is timed.
      await deliverAll(calm.slice(0, AT_ONCE));
      let [calmMs, mixedMs] = [0, 0];
      for (let round = 0; round < ROUNDS; round += 1) {
        calmMs += await deliverAll(part(calm, round, ROUNDS));
        mixedMs += await deliverAll(part(mixed, round, ROUNDS));
      }
      const expected = goodUids.map((uid) => `new-follower:${uid}`).toSorted();
      expect(await notified(calmTarget)).toEqual(expected);
      expect(await notified(target)).toEqual(expected);

      const left = await letters();
      expect(left.map((letter) => String(letter.get('payload'))).toSorted()).toEqual(poison.map(payloadOf).toSorted());
      for (const letter of left) {
        const isBroken = brokenUids.some((uid) => String(letter.get('payload')).includes(uid));
        expect(letter.data()).toMatchObject({
          kind: 'event',
          state: 'parked',
          truncated: false,
          error: { code: isBroken ? 'malformed-document' : 'malformed', message: expect.any(String) as unknown },
        });
        expect(letter.get('attempts')).toBeGreaterThanOrEqual(1);
        expect(letter.get('attempts')).toBeLessThanOrEqual(TRIES_MAX);
      }
      const mostTries = Math.max(...left.map((letter) => Number(letter.get('attempts'))));
      const seconds = (ms: number) => (ms / 1000).toFixed(1);
      console.log(
        `${GOOD} good messages: ${seconds(calmMs)} s alone, ${seconds(mixedMs)} s with ${POISON} poisonous ones among them (x ${(mixedMs / calmMs).toFixed(2)}), each of which was tried ${mostTries} times at most`,
      );
    },
    TEST_MAX_MS,
  );

  test('are one letter each, however often they come', async () => {
    const before = (await letters()).length;
    const again = json(followed(brokenUids[0] ?? '', target));
    poison.push(again);
    expect(await Promise.all([1, 2, 3].map(() => deliverEvent(CONSUMER, again)))).toEqual([200, 200, 200]);
    expect(await letters()).toHaveLength(before + 1);
  });
});

describe('a dead letter', () => {
  let admin: Client;
  const replay = (letterId: string) => admin.call('operations-replay', { letterId });

  test('is sent again by an admin when its cause is mended, and then takes effect', async () => {
    admin = await person('ada');
    await giveRole(admin, 'admin');
    const [uid = ''] = brokenUids;
    const letterId = await letterOf(poison.find((message) => message.includes(uid)) ?? '');
    await db.doc(`users/${uid}`).set(profile());
    expect(await replay(letterId)).toEqual({ letterId });
    await becomes(async () => (await notified(target)).includes(`new-follower:${uid}`), true, REPLAY_MAX_MS);
    expect((await db.doc(`deadLetters/${letterId}`).get()).data()).toMatchObject({ state: 'replayed', replays: 1 });
  });

  test('comes back when its cause is not mended', async () => {
    admin = await person('ada');
    await giveRole(admin, 'admin');
    const letterId = await letterOf(poison.find((message) => message.includes(brokenUids[1] ?? '')) ?? '');
    const letter = db.doc(`deadLetters/${letterId}`);
    expect(await replay(letterId)).toEqual({ letterId });
    const again = async () => {
      const { state, replays, attempts } = (await letter.get()).data() ?? {};
      return { state: state as unknown, replays: replays as unknown, attempts: attempts as unknown };
    };
    await becomes(again, { state: 'parked', replays: 1, attempts: 2 }, REPLAY_MAX_MS);
  });

  test('that holds no event, or not all of it, is not sent again, nor is one that is not there', async () => {
    admin = await person('ada');
    await giveRole(admin, 'admin');
    await expect(replay(await letterOf(malformed[0] ?? ''))).rejects.toMatchObject(refusal('not-replayable'));
    await expect(replay(randomUUID())).rejects.toMatchObject(refusal('no-such-letter'));

    const id = `long-${randomUUID()}`;
    const long = { ...followed('x', target), id, data: 'x'.repeat(LONG) };
    expect(await deliverEvent(CONSUMER, json(long))).toBe(200);
    const cut = await db.collection('deadLetters').where('eventId', '==', id).get();
    expect(cut.docs.map((letter) => letter.get('truncated') as unknown)).toEqual([true]);
    await expect(replay(cut.docs[0]?.id ?? '')).rejects.toMatchObject(refusal('not-replayable'));
  });

  test('is nobody’s to send but an admin’s', async () => {
    const ann = await person('ann');
    await giveRole(ann, 'moderator');
    const letterId = await letterOf(poison.at(-1) ?? '');
    await expect(ann.call('operations-replay', { letterId })).rejects.toMatchObject(refusal('role-required'));
  });
});
