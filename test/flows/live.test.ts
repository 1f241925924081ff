import { describe, expect, test } from '@jest/globals';
import { Centrifuge } from 'centrifuge';
import { getAuth } from 'firebase-admin/auth';
import { MODERATION_QUEUE, OPS_HEALTH, PUBLIC_FEED, userChannel } from '@playnite/contracts/realtime';
import { db } from '../support/backstage.ts';
import { person, stranger, target } from '../support/platform.ts';

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token as nobody signed it; the Auth emulator's own tokens are unsigned too, so its claims are what is judged. */
const forged = (claims: Record<string, unknown>) => {
  const seconds = Math.floor(Date.now() / 1000);
  const project = target.projectId;
  const payload = {
    iss: `https://securetoken.google.com/${project}`,
    aud: project,
    sub: 'ann',
    user_id: 'ann',
    iat: seconds,
    exp: seconds + 3600,
    ...claims,
  };
  return `${base64({ alg: 'none', typ: 'JWT' })}.${base64(payload)}.`;
};

/** The code with which a connection ends for good, or that of the error which it meets first. */
async function refusal(token: string): Promise<number> {
  const client = new Centrifuge(`ws://${target.addresses.realtime}/connection/websocket`, { token });
  try {
    return await new Promise((resolve) => {
      client.once('disconnected', ({ code }) => resolve(code));
      client.once('error', ({ error }) => resolve(error.code));
      client.once('connected', () => resolve(0));
      client.connect();
    });
  } finally {
    client.disconnect();
  }
}

describe('the live stream refuses a token', () => {
  test.each<[what: string, token: string]>([
    ['that is none', 'nonsense'],
    ['of another project', forged({ aud: 'demo-other', iss: 'https://securetoken.google.com/demo-other' })],
    ['of a user who does not exist', forged({ sub: 'ghost', user_id: 'ghost' })],
    ['without a user', forged({ sub: '' })],
  ])('%s', async (_, token) => {
    expect(await refusal(token)).toBe(3500);
  });

  test('that has expired, so that the client fetches another', async () => {
    const past = Math.floor(Date.now() / 1000) - 7200;
    // Without a way to fetch another, the stock client gives up: code 1 is its own "unauthorized".
    expect([109, 1]).toContain(await refusal(forged({ iat: past, auth_time: past, exp: past + 3600 })));
  });

  test('of a user who has been disabled', async () => {
    const ann = await stranger('ann');
    const token = (await ann.auth.currentUser?.getIdToken()) ?? '';
    expect(await refusal(token)).toBe(0);
    await getAuth().updateUser(ann.uid, { disabled: true });
    expect(await refusal(token)).toBe(3500);
  });
});

describe('a channel is for whom the rules let read what is behind it', () => {
  test('one’s own, the public feed, and not another’s', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    await bob.subscribe(PUBLIC_FEED);
    for (const channel of [userChannel(ann.uid), MODERATION_QUEUE, OPS_HEALTH, 'content:nosuchthing']) {
      await expect(bob.subscribe(channel)).rejects.toMatchObject({ code: 103 });
    }
    for (const channel of [
      'user:a/b',
      'user:..',
      'content:x?y=z',
      'content:a/../../users/b',
      'elsewhere',
      `content:${'c'.repeat(200)}`,
    ]) {
      await expect(bob.subscribe(channel)).rejects.toMatchObject({ code: 102 });
    }
  });

  test.each([
    ['moderator', [MODERATION_QUEUE], [OPS_HEALTH]],
    ['admin', [MODERATION_QUEUE, OPS_HEALTH], []],
  ])('a %s', async (role, allowed, denied) => {
    await db.doc('ops/health').set({ status: 'ok' });
    const mo = await person('mo');
    await getAuth().setCustomUserClaims(mo.uid, { role });
    // The new role is in the next token; the connection must present it.
    mo.live.disconnect();
    mo.live.setToken((await mo.auth.currentUser?.getIdToken(true)) ?? '');
    mo.live.connect();
    const codes = await Promise.all(
      [...allowed, ...denied].map((channel) =>
        mo.subscribe(channel).then(
          () => 'allowed',
          (error: { code: unknown }) => error.code,
        ),
      ),
    );
    expect(codes).toEqual([...allowed.map(() => 'allowed'), ...denied.map(() => 103)]);
  });
});
