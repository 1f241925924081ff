/** What the nodes know together about who may hear what, in a Redis of the test's own. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import type { Authorize, Permission } from '../../../realtime-server/src/authority.ts';
import { needsLookUp } from '../../../realtime-server/src/authorize.ts';
import { RedisBroker } from '../../../realtime-server/src/broker/redis-broker.ts';
import type { RightsChange } from '../../../realtime-server/src/broker/broker.ts';
import type { Limits } from '../../../realtime-server/src/limits.ts';
import { openRedis } from '../../../realtime-server/src/redis.ts';
import { rightsKey } from '../../../realtime-server/src/redis-script.ts';
import { RedisVerdicts } from '../../../realtime-server/src/redis-verdicts.ts';
import { eventually, phone } from '../../support/live-clients.ts';
import { identityOf, publicationOf, serveRealtime } from '../../support/realtime.ts';
import { startRedis, startRedisCluster } from '../../support/redis.ts';

const CHANNEL = 'content:c1';
const PREFIX = 'verdicts';
const ann = identityOf('ann');
const log = pino({ level: 'silent' });

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each[Symbol.asyncDispose]();
});
const own = <Each extends AsyncDisposable>(each: Each): Each => {
  opened.push(each);
  return each;
};
const serveRedis = async () => own(await startRedis());

interface NodeSettings {
  url: string;
  cluster?: boolean;
  keptMs?: number;
  notedMax?: number;
  limits?: Partial<Limits>;
}

/** A node whose authority and broker the test holds up; it also changes the one's mind, and counts its look-ups. */
async function serveNode({ url, cluster = false, limits = {}, ...options }: NodeSettings) {
  const redis = own(await openRedis({ url, cluster, log }));
  const mind = { permission: 'allowed' as Permission, lookups: 0, hold: Promise.resolve() };
  const hearing = { isWanted: false, hold: Promise.resolve() };
  class SlowBroker extends RedisBroker {
    override async subscribe(channel: string): Promise<void> {
      hearing.isWanted ||= channel === CHANNEL;
      await hearing.hold;
      await super.subscribe(channel);
    }
  }
  const authorize: Authorize = async (identity, channel) => {
    if (!needsLookUp(identity, channel)) return 'open';
    mind.lookups += 1;
    const { permission } = mind;
    await mind.hold;
    return permission;
  };
  const { server, endpoint } = await serveRealtime({
    broker: new SlowBroker(redis, { prefix: PREFIX }),
    verdicts: new RedisVerdicts(redis, { prefix: PREFIX, needsLookUp, ...options }),
    authority: { authorize },
    limits,
  });
  own(server);
  const publish = (id: string, rights?: RightsChange, channel = CHANNEL) =>
    server.publish([{ channel, publication: publicationOf(id), ...(rights ? { rights } : {}) }]);
  const ask = (identity = ann, channel = CHANNEL) => server.node.rights.ask(identity, channel);
  /** Resolves when what was found out is in Redis, which takes the commands of a connection in order. */
  const findOut = async (identity = ann, channel = CHANNEL) => {
    const permission = await ask(identity, channel);
    await redis.send(rightsKey(PREFIX, channel), ['PING']);
    return permission;
  };
  return { mind, hearing, publish, ask, findOut, server, endpoint };
}

async function serveTwo(options: Omit<NodeSettings, 'url'> = {}) {
  const redis = await serveRedis();
  const settings = { url: redis.url, ...options };
  return { redis, one: await serveNode(settings), other: await serveNode(settings) };
}

/** A client's subscription that has begun. */
async function watch({ endpoint }: { endpoint: string }) {
  const { client } = phone(endpoint, ann.token);
  own({ [Symbol.asyncDispose]: async () => client.disconnect() });
  const subscription = client.newSubscription(CHANNEL);
  subscription.subscribe();
  await subscription.ready(5_000);
  return subscription;
}

describe('what one node found out', () => {
  test('another believes without a look-up, of this token and channel only', async () => {
    const { one, other } = await serveTwo();
    expect(await one.findOut()).toBe('allowed');
    expect(await other.ask()).toBe('allowed');
    expect(other.mind.lookups).toBe(0);
    await other.ask(identityOf('bob'));
    await other.ask(ann, 'content:c2');
    await other.ask({ ...ann, demoted: true });
    expect(other.mind.lookups).toBe(3);
  });

  test('is not believed once it was a refusal', async () => {
    const { one, other } = await serveTwo();
    one.mind.permission = 'denied';
    expect(await one.findOut()).toBe('denied');
    await other.ask();
    expect(other.mind.lookups).toBe(1);
  });

  test('is looked up again when its time is over, which no believing puts off', async () => {
    const { one, other } = await serveTwo({ keptMs: 300 });
    await one.findOut();
    const since = performance.now();
    await eventually('it is looked up', async () => {
      await other.ask();
      return other.mind.lookups > 0;
    });
    expect(performance.now() - since).toBeGreaterThan(150);
  });

  test('is noted without the token, and everything about it with an end', async () => {
    const { redis, one } = await serveTwo();
    const token = 'a.token.of-some-length';
    await one.findOut(identityOf(token, { uid: 'ann' }));
    const keys = (await redis.command('KEYS', '*')).match(/verdicts:.+/g) ?? [];
    // Its grant, and the marks of the channel and the user.
    expect(keys).toHaveLength(3);
    for (const key of keys) {
      const ttlMs = Number((await redis.command('PTTL', key)).slice(1));
      expect(ttlMs).toBeGreaterThan(30_000);
      expect(ttlMs).toBeLessThanOrEqual(60_000);
      expect(`${key} ${await redis.command('GET', key)}`).not.toContain(token);
    }
  });

  test('is noted of so much, and not of more', async () => {
    const { redis, one } = await serveTwo({ notedMax: 5 });
    await Promise.all(Array.from({ length: 50 }, (_, nth) => one.findOut(ann, `content:c${nth}`)));
    const grants = (await redis.command('KEYS', '*:g:*')).match(/verdicts:.+/g) ?? [];
    expect(grants).toHaveLength(5);
    expect(one.mind.lookups).toBe(50);
  });

  test('is known of in a cluster too, and ends there with a publication', async () => {
    const { url } = own(await startRedisCluster());
    const [one, other] = [await serveNode({ url, cluster: true }), await serveNode({ url, cluster: true })];
    const channels = Array.from({ length: 10 }, (_, nth) => `content:c${nth}`);
    for (const channel of channels) await one.findOut(ann, channel);
    for (const channel of channels) await other.ask(ann, channel);
    expect(other.mind.lookups).toBe(0);
    for (const channel of channels) await one.publish('e1', 'after', channel);
    for (const channel of channels) await other.ask(ann, channel);
    expect(other.mind.lookups).toBe(channels.length);
  });
});

describe('rights that change', () => {
  test.each(['before', 'after'] as const)(
    'with a publication (%s) are looked up again by every node, also by one that does not hear the channel',
    async (rights) => {
      const { one, other } = await serveTwo();
      await one.findOut();
      other.mind.permission = 'denied';
      await one.publish('e1');
      expect(await other.ask()).toBe('allowed');
      await one.publish('e2', rights);
      expect(await other.ask()).toBe('denied');
    },
  );

  test('during a look-up leave nothing of its answer behind', async () => {
    const { one, other } = await serveTwo();
    const { promise, resolve } = Promise.withResolvers<void>();
    one.mind.hold = promise;
    const asked = one.findOut();
    await eventually('the look-up has begun', () => one.mind.lookups === 1);
    await other.publish('e1', 'before');
    resolve();
    await asked;
    other.mind.permission = 'denied';
    expect(await other.ask()).toBe('denied');
  });

  test('after a client was let in, and before its node hears of it, are looked up again', async () => {
    const { one, other } = await serveTwo();
    const { promise, resolve } = Promise.withResolvers<void>();
    const { client } = phone(other.endpoint, ann.token);
    own({ [Symbol.asyncDispose]: async () => client.disconnect() });
    await client.ready(5_000);
    other.hearing.hold = promise;
    const heard: unknown[] = [];
    const subscription = client.newSubscription(CHANNEL).on('publication', ({ data }) => heard.push(data));
    subscription.subscribe();
    await eventually('it was let in', () => other.hearing.isWanted);
    other.mind.permission = 'denied';
    await one.publish('e1', 'before');
    resolve();
    await eventually('it is refused', () => subscription.state === 'unsubscribed');
    expect(heard).toEqual([]);
  });

  test('after the last subscriber of a node has left are looked up again for who comes back', async () => {
    const { one, other } = await serveTwo();
    const subscriptions = [await watch(other), await watch(other)];
    for (const each of subscriptions) each.unsubscribe();
    await eventually('the channel is closed', () => other.server.node.hub.get(CHANNEL) === undefined);
    other.mind.permission = 'denied';
    await one.publish('e1', 'before');
    expect(await other.ask()).toBe('denied');
  });

  test('of a user, on channels that no event names, are looked up again by a node that did not hear of it', async () => {
    const { one, other } = await serveTwo();
    await one.findOut();
    await one.findOut(identityOf('bob'));
    await one.server.node.recheck(ann.uid);
    other.mind.permission = 'denied';
    expect(await other.ask()).toBe('denied');
    expect(await other.ask(identityOf('bob'))).toBe('allowed');
  });

  test('and are found out in a round end what the nodes know', async () => {
    const { one, other } = await serveTwo({ limits: { recheckEveryMs: 5_100 } });
    const subscription = await watch(one);
    await other.ask();
    expect(other.mind.lookups).toBe(0);
    one.mind.permission = 'denied';
    await eventually('the subscription has ended', () => subscription.state === 'unsubscribed');
    // Of that, no node was told.
    await other.ask();
    expect(other.mind.lookups).toBe(1);
  });

  test('end an open subscription whatever the nodes believe', async () => {
    const { one, other } = await serveTwo({ limits: { recheckEveryMs: 200 } });
    await other.findOut();
    one.mind.permission = 'denied';
    const subscription = await watch(one);
    expect(one.mind.lookups).toBe(0);
    await eventually('the subscription has ended', () => subscription.state === 'unsubscribed');
    expect(one.mind.lookups).toBe(1);
  });
});

describe('while Redis', () => {
  test('says nothing, the authority is asked, within about a second', async () => {
    const { redis, one, other } = await serveTwo();
    await one.findOut();
    redis.pause();
    const since = performance.now();
    expect(await other.ask()).toBe('allowed');
    expect(other.mind.lookups).toBe(1);
    // Those who come next do not wait each for itself.
    for (let nth = 0; nth < 20; nth += 1) await other.ask(identityOf(`user${nth}`));
    expect(performance.now() - since).toBeLessThan(1_500);
    redis.resume();
    await eventually('what the nodes know counts again', async () => {
      const before = other.mind.lookups;
      await sleep(100);
      await other.ask();
      return other.mind.lookups === before;
    });
  });

  test('is gone, the authority is asked; and what it forgot is not known', async () => {
    const { redis, one, other } = await serveTwo();
    await one.findOut();
    await redis.kill();
    expect(await other.ask()).toBe('allowed');
    expect(other.mind.lookups).toBe(1);
    await redis.restart();
    other.mind.permission = 'denied';
    expect(await other.ask()).toBe('denied');
  });

  test('does not hear that a user’s rights have changed, that is to be told again', async () => {
    const { redis, one } = await serveTwo();
    await redis.kill();
    await expect(one.server.node.recheck(ann.uid)).rejects.toBeInstanceOf(Error);
  });
});
