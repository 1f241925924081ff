import { afterEach, describe, expect, test } from '@jest/globals';
import { DISCONNECTS, MODERATION_QUEUE } from '@playnite/contracts/realtime';
import { Centrifuge } from 'centrifuge';
import type { Authorize, Permission, Standing } from '../../../realtime-server/src/authority.ts';
import { keepVerdicts } from '../../../realtime-server/src/authorize.ts';
import type { RightsChange } from '../../../realtime-server/src/broker/broker.ts';
import type { Limits } from '../../../realtime-server/src/limits.ts';
import { routeMessage } from '../../../realtime-server/src/routes.ts';
import { identityOf, publicationOf, serveRealtime } from '../../support/realtime.ts';

const CHANNEL = 'content:c1';

const opened: AsyncDisposable[] = [];
const closers: (() => void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
});

const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
};
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A server whose tokens are user ids, and which is told by the test who may hear what. */
async function serve({ limits = {}, authorize }: { limits?: Partial<Limits>; authorize: Authorize }) {
  /** Of accounts that are not as they were at the start; undefined for one that is gone. */
  const standings = new Map<string, Standing | undefined>();
  let isAnswering = true;
  const { server, endpoint } = await serveRealtime({
    limits,
    authority: {
      authenticate: async (token) => identityOf(token, token === 'moderator' ? { role: 'moderator' } : {}),
      authorize,
      standings: async (uids) => {
        if (!isAnswering) throw new Error('no answer');
        return new Map(
          uids.flatMap((uid) => {
            const usual = { signedInSince: 0, ...(uid === 'moderator' ? { role: uid } : {}) };
            const standing = standings.has(uid) ? standings.get(uid) : usual;
            return standing ? [[uid, standing] as const] : [];
          }),
        );
      },
    },
  });
  opened.push(server);
  const publish = (id: string, rights?: RightsChange) =>
    server.publish([{ channel: CHANNEL, publication: publicationOf(id), ...(rights ? { rights } : {}) }]);

  /** A stock client, subscribed; `story` is what it heard and what became of its subscription, in order. */
  const watcher = async (token: string, channel = CHANNEL) => {
    const client = new Centrifuge(endpoint, { token, minReconnectDelay: 10 });
    closers.push(() => client.disconnect());
    const story: (string | number)[] = [];
    client.on('disconnected', ({ code }) => story.push(code));
    const subscription = client.newSubscription(channel, { minResubscribeDelay: 10 });
    subscription.on('publication', ({ data }) => story.push((data as { id: string }).id));
    subscription.on('subscribing', ({ code }) => code > 0 && story.push(code));
    subscription.on('unsubscribed', ({ code }) => story.push(code));
    subscription.subscribe();
    client.connect();
    await subscription.ready(5_000);
    return { story, subscription, client };
  };
  const fail = () => void (isAnswering = false);
  const recheck = (uid: string) => server.node.recheck(uid);
  return { recheck, publish, watcher, standings, fail };
}

/** An `authorize` that a test changes its mind about, holds up, and counts. */
function mind() {
  const state = {
    calls: 0,
    permission: 'allowed' as Permission | Error,
    hold: Promise.resolve(),
    release: () => undefined as void,
  };
  const authorize: Authorize = async () => {
    state.calls += 1;
    const { permission } = state;
    await state.hold;
    if (permission instanceof Error) throw permission;
    return permission;
  };
  const holdUp = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    Object.assign(state, { hold: promise, release: resolve });
  };
  return { state, authorize, holdUp };
}

describe('what was found out about a user and a channel', () => {
  const ann = identityOf('ann');

  test('is one look-up for a hundred who ask at once, and for those who ask soon after', async () => {
    const { state, authorize } = mind();
    let now = 0;
    const { ask } = keepVerdicts(authorize, { now: () => now });
    await Promise.all(Array.from({ length: 100 }, () => ask(ann, CHANNEL)));
    now += 4_999;
    await ask(ann, CHANNEL);
    expect(state.calls).toBe(1);
    now += 1;
    await ask(ann, CHANNEL);
    await ask({ ...ann, token: 'another' }, CHANNEL);
    await ask(ann, 'content:c2');
    expect(state.calls).toBe(4);
  });

  test('does not count when it was asked before the rights changed', async () => {
    const { state, authorize, holdUp } = mind();
    const { ask, forget } = keepVerdicts(authorize, { now: () => 0 });
    holdUp();
    const asked = ask(ann, CHANNEL);
    state.permission = 'denied';
    forget(CHANNEL);
    state.release();
    expect(await asked).toBe('denied');
  });

  test('is kept neither when it was a refusal nor when it failed', async () => {
    const { state, authorize } = mind();
    const { ask } = keepVerdicts(authorize, { now: () => 0 });
    state.permission = new Error('no answer');
    await expect(ask(ann, CHANNEL)).rejects.toThrow('no answer');
    state.permission = 'denied';
    expect(await ask(ann, CHANNEL)).toBe('denied');
    state.permission = 'allowed';
    expect(await ask(ann, CHANNEL)).toBe('allowed');
  });

  test('is forgotten, the oldest first, when it is too much', async () => {
    const { state, authorize } = mind();
    const { ask } = keepVerdicts(authorize, { now: () => 0 });
    for (let index = 0; index <= 10_000; index += 1) await ask(ann, `content:c${index}`);
    expect(state.calls).toBe(10_001);
    await ask(ann, 'content:c1');
    expect(state.calls).toBe(10_001);
    await ask(ann, 'content:c0');
    expect(state.calls).toBe(10_002);
  });
});

describe('a subscription whose right has ended', () => {
  test('ends before what may no longer be heard, for good, and others go on', async () => {
    const gone = new Set<string>();
    const { publish, watcher } = await serve({ authorize: async ({ uid }) => (gone.has(uid) ? 'denied' : 'allowed') });
    const [ann, bob] = await Promise.all([watcher('ann'), watcher('bob')]);
    await publish('e1');
    gone.add('ann');
    await publish('e2', 'before');
    await publish('e3');
    await until(() => bob.story.length === 3);
    await until(() => ann.story.length === 2);
    expect(bob.story).toEqual(['e1', 'e2', 'e3']);
    expect(ann.story).toEqual(['e1', 2000]);
    expect(ann.subscription.state).toBe('unsubscribed');
    await expect(ann.client.history(CHANNEL, { limit: 10 })).rejects.toMatchObject({ code: 103 });
  });

  test('ends after the news that the content is gone, and before anything later', async () => {
    const { state, authorize } = mind();
    const { publish, watcher } = await serve({ authorize });
    const ann = await watcher('ann');
    state.permission = 'denied';
    await publish('removed', 'after');
    await publish('later');
    await until(() => ann.story.length === 2);
    await pause(30);
    expect(ann.story).toEqual(['removed', 2000]);
  });

  test.each<[what: string, change: (by: Awaited<ReturnType<typeof serve>>) => Promise<void>]>([
    ['a publication on a channel that nobody heard', ({ publish }) => publish('e1', 'before')],
    ['an event about the user', ({ recheck }) => recheck('ann')],
  ])('is not had by who left, and comes back after %s took it', async (_, change) => {
    const { state, authorize } = mind();
    const served = await serve({ authorize });
    const { watcher } = served;
    const ann = await watcher('ann');
    ann.subscription.unsubscribe();
    // Commands are taken in order: it has left when this is answered.
    await expect(ann.client.history(CHANNEL)).rejects.toMatchObject({ code: 103 });
    state.permission = 'denied';
    await change(served);
    ann.subscription.subscribe();
    await until(() => ann.subscription.state !== 'subscribing');
    expect(ann.story).toEqual([0, 103]);
  });

  test('ends within a round when no event tells of it', async () => {
    const { state, authorize } = mind();
    const { publish, watcher } = await serve({ authorize, limits: { recheckEveryMs: 5_100 } });
    const ann = await watcher('ann');
    state.permission = 'denied';
    await until(() => ann.story.length === 1);
    await publish('later');
    await pause(30);
    expect(ann.story).toEqual([2000]);
  });
});

describe('while subscribers are asked about', () => {
  test('what is published waits, in order, in history too, and one more question serves all that came meanwhile', async () => {
    const { state, authorize, holdUp } = mind();
    const { publish, watcher } = await serve({ authorize });
    const ann = await watcher('ann');
    holdUp();
    await publish('e1', 'before');
    await publish('e2');
    await publish('e3', 'before');
    await publish('e4', 'before');
    let isTold = false;
    const history = ann.subscription.history({ limit: 10 }).finally(() => (isTold = true));
    await pause(50);
    expect(isTold).toBe(false);
    expect(ann.story).toEqual([]);
    state.release();
    expect((await history).publications).toHaveLength(4);
    await until(() => ann.story.length === 4);
    expect(ann.story).toEqual(['e1', 'e2', 'e3', 'e4']);
    // For the subscription, for e1, and for the rest; e1's own look-up is repeated, as rights changed during it.
    expect(state.calls).toBeLessThanOrEqual(4);
  });

  test.each<[what: string, limits: Partial<Limits>, change: (of: ReturnType<typeof mind>) => void]>([
    ['a look-up that fails', {}, ({ state }) => (state.permission = new Error('no answer'))],
    ['one that takes too long', { recheckWithinMs: 50 }, ({ holdUp }) => holdUp()],
    ['too much that waits', { heldMax: 2 }, ({ holdUp }) => holdUp()],
  ])('%s denies; the client comes back by itself, and gets what it missed', async (_, limits, change) => {
    const fake = mind();
    const { state, authorize } = fake;
    const { publish, watcher } = await serve({ authorize, limits });
    const ann = await watcher('ann');
    change(fake);
    await publish('e1', 'before');
    for (const id of ['e2', 'e3', 'e4']) await publish(id);
    await until(() => ann.story.length > 0);
    expect(ann.story).toEqual([2500]);
    state.permission = 'allowed';
    state.release();
    await publish('e5', 'before');
    await until(() => ann.story.includes('e5'));
    expect(ann.story).toEqual([2500, 'e1', 'e2', 'e3', 'e4', 'e5']);
  });
});

describe('an account that is looked at again', () => {
  test.each<[what: string, standing: Standing | undefined]>([
    ['is gone', undefined],
    ['was signed out since', { signedInSince: Date.now() + 3_600_000 }],
  ])('and %s ends its connections for good, and no others', async (_, standing) => {
    const { authorize } = mind();
    const { watcher, standings } = await serve({ authorize, limits: { reverifyEveryMs: 100 } });
    const [ann, bob] = await Promise.all([watcher('ann'), watcher('bob')]);
    standings.set('ann', standing);
    await until(() => ann.story.includes(DISCONNECTS.invalidToken.code));
    expect(ann.client.state).toBe('disconnected');
    expect(bob.story).toEqual([]);
  });

  test('and has lost the role that its token claims ends what only the role may hear', async () => {
    const authorize: Authorize = async ({ demoted }, channel) =>
      demoted && channel === MODERATION_QUEUE ? 'denied' : 'allowed';
    const { watcher, standings } = await serve({ authorize, limits: { reverifyEveryMs: 100 } });
    const moderator = await watcher('moderator', MODERATION_QUEUE);
    standings.set('moderator', { signedInSince: 0 });
    await until(() => moderator.story.length === 1);
    expect(moderator.story).toEqual([2000]);
    expect(moderator.client.state).toBe('connected');
    // The role given back counts again, without a new token.
    standings.set('moderator', { signedInSince: 0, role: 'moderator' });
    await pause(300);
    moderator.subscription.subscribe();
    await moderator.subscription.ready(5_000);
  });

  test('and cannot be looked at stays as it was', async () => {
    const { authorize } = mind();
    const { watcher, publish, fail } = await serve({ authorize, limits: { reverifyEveryMs: 100 } });
    const ann = await watcher('ann');
    fail();
    await pause(300);
    await publish('e1');
    await until(() => ann.story.length > 0);
    expect(ann.story).toEqual(['e1']);
  });
});

describe('an event', () => {
  test('says of a content’s channel what it means for rights, and of no other', () => {
    const at = '2026-01-01T00:00:00.000Z';
    const data = { contentId: 'c1', ownerId: 'ann' };
    expect(routeMessage({ id: 'e1', name: 'content.removed', version: 1, at, data })).toMatchObject([
      { channel: CHANNEL, rights: 'after' },
    ]);
  });
});
