/**
 * Calls with an idempotency key, of a function that would act each time without one: a dead letter that is sent again counts
 * how often it was.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Client } from '@playnite/emulators/client';
import { timestamp } from '@playnite/contracts/documents';
import { deleteUser } from 'firebase/auth';
import { z } from 'zod';
import { db, giveRole } from '../support/backstage.ts';
import { becomes, holding, kill, workersOf } from '../support/faults.ts';
import { person } from '../support/platform.ts';

const REPLAY = 'operations.replay';
const PARALLEL = 50;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Put in place of the end of a lease, which is longer than a test should be. */
const LONG_AGO = new Date(0);
/** What has been sent to a program of this machine is there by then, however busy the machine. */
const ARRIVES_WITHIN_MS = 1_000;

let ada: Client;
beforeAll(async () => {
  ada = await admin('ada', 'stays');
});

async function admin(name: string, until?: 'stays'): Promise<Client> {
  const somebody = await person(name, until);
  await giveRole(somebody, 'admin');
  return somebody;
}

const EVENT = { id: 'e', name: 'nobody.hears', version: 1, at: new Date().toISOString(), data: {} };
const letterOf = (letterId: string) => db.doc(`deadLetters/${letterId}`);

/** A dead letter that waits for a person. */
async function putLetter(letterId: string = randomUUID(), fields: object = {}): Promise<string> {
  await letterOf(letterId).set({
    consumer: 'nobody',
    kind: 'event',
    eventId: letterId,
    payload: JSON.stringify(EVENT),
    truncated: false,
    error: { code: 'by-hand', message: 'by hand' },
    attempts: 1,
    state: 'parked',
    replays: 0,
    at: new Date(),
    ...fields,
  });
  return letterId;
}

const replaysOf = async (letterId: string): Promise<unknown> => (await letterOf(letterId).get()).get('replays');

const replay = (who: Client, letterId: string, idempotencyKey?: unknown) =>
  who.call('operations-replay', { letterId, idempotencyKey });

const refusal = (code: string, { retryable = false } = {}) => ({ details: { code, retryable } });

const recordsOf = ({ uid }: Client) => db.collection('idempotencyKeys').where('uid', '==', uid).get();

/** The record of the one call with a key that somebody has made; undefined before it is there. */
const recordOf = async (who: Client) => (await recordsOf(who)).docs[0];

describe('calls with one key', () => {
  test('take effect once, fifty at once, and all get the answer', async () => {
    const [letterId, key] = [await putLetter(), randomUUID()];
    const answers = await Promise.all(Array.from({ length: PARALLEL }, () => replay(ada, letterId, key)));
    expect(answers).toEqual(Array.from({ length: PARALLEL }, () => ({ letterId })));
    expect(await replaysOf(letterId)).toBe(1);
    // Without a key, or with one of their own, they would not.
    await replay(ada, letterId);
    await replay(ada, letterId, randomUUID());
    expect(await replaysOf(letterId)).toBe(3);
  });

  test('are others when somebody else sends them', async () => {
    const [alf, letterId, key] = [await admin('alf'), await putLetter(), randomUUID()];
    await replay(ada, letterId, key);
    await replay(alf, letterId, key);
    expect(await replaysOf(letterId)).toBe(2);
  });

  test('are refused when they say something else, and when the key is none', async () => {
    const [letterId, otherId, key] = [await putLetter(), await putLetter(), randomUUID()];
    await replay(ada, letterId, key);
    await expect(replay(ada, otherId, key)).rejects.toMatchObject({
      code: 'functions/failed-precondition',
      ...refusal('idempotency-key-reused'),
    });
    for (const none of ['', 'a/b', 'k'.repeat(129), 7]) {
      await expect(replay(ada, otherId, none)).rejects.toMatchObject(refusal('malformed'));
    }
    expect(await replaysOf(otherId)).toBe(0);
  });

  test('are answered by a new process as by the one that has ended, for a day', async () => {
    const [alf, letterId] = [await admin('alf'), await putLetter()];
    await replay(alf, letterId, 'k');
    expect(kill(workersOf(REPLAY))).toBeGreaterThan(0);
    // The emulator hands calls to a process until it has heard of its end.
    await sleep(ARRIVES_WITHIN_MS);
    expect(await replay(alf, letterId, 'k')).toEqual({ letterId });
    expect(await replaysOf(letterId)).toBe(1);

    const record = await recordOf(alf);
    const { expireAt } = z.object({ expireAt: timestamp }).parse(record?.data());
    expect(Math.abs(expireAt.toMillis() - Date.now() - DAY_MS)).toBeLessThan(MINUTE_MS);
    await record?.ref.update({ expireAt: new Date() });
    expect(await replay(alf, letterId, 'k')).toEqual({ letterId });
    expect(await replaysOf(letterId)).toBe(2);
  });

  test('are all refused as the first was, even when its reason has gone', async () => {
    const [letterId, key] = [randomUUID(), randomUUID()];
    const noSuchLetter = { code: 'functions/not-found', ...refusal('no-such-letter') };
    await expect(replay(ada, letterId, key)).rejects.toMatchObject(noSuchLetter);
    await putLetter(letterId);
    await expect(replay(ada, letterId, key)).rejects.toMatchObject(noSuchLetter);
    expect(await replaysOf(letterId)).toBe(0);
  });
});

describe('a call that failed for the moment', () => {
  test('runs when it is sent again with its key', async () => {
    const task = { functionName: 'nobody-isHome', id: 't', data: {} };
    const [letterId, key] = [await putLetter(undefined, { kind: 'task', payload: JSON.stringify(task) }), randomUUID()];
    await expect(replay(ada, letterId, key)).rejects.toMatchObject(refusal('internal', { retryable: true }));
    expect(await replaysOf(letterId)).toBe(0);
    await putLetter(letterId);
    expect(await replay(ada, letterId, key)).toEqual({ letterId });
    expect(await replaysOf(letterId)).toBe(1);
  });
});

describe('a call whose process was killed', () => {
  test('is under way until its lease has expired, then runs again, and stays answered', async () => {
    const [alf, letterId] = [await admin('alf'), await putLetter()];
    const killed = replay(alf, letterId, 'k').catch((error: unknown) => error);
    await holding(`deadLetters/${letterId}`, async () => {
      await becomes(async () => (await recordOf(alf)) !== undefined, true);
      await sleep(ARRIVES_WITHIN_MS);
      expect(kill(workersOf(REPLAY))).toBeGreaterThan(0);
    });
    expect(await killed).toMatchObject({ code: 'functions/internal' });
    await expect(replay(alf, letterId, 'k')).rejects.toMatchObject({
      code: 'functions/aborted',
      ...refusal('call-in-progress', { retryable: true }),
    });

    await (await recordOf(alf))?.ref.update({ leaseUntil: LONG_AGO });
    expect(await replay(alf, letterId, 'k')).toEqual({ letterId });
    const replays = await replaysOf(letterId);
    expect(replays).toBeGreaterThan(0);
    expect(await replay(alf, letterId, 'k')).toEqual({ letterId });
    expect(await replaysOf(letterId)).toBe(replays);
  }, 120_000);
});

test('what is remembered of an account’s calls goes with the account', async () => {
  const eve = await person('eve');
  await expect(eve.call('content-remove', { contentId: 'none', idempotencyKey: 'k' })).rejects.toMatchObject(
    refusal('no-such-content'),
  );
  expect((await recordsOf(eve)).size).toBe(1);
  const user = eve.auth.currentUser;
  if (!user) throw new Error('nobody is signed in');
  await deleteUser(user);
  const proof = async () => (await db.doc(`deletions/account~${eve.uid}`).get()).get('state') as unknown;
  await becomes(proof, 'done');
  expect((await recordsOf(eve)).size).toBe(0);
}, 180_000);
