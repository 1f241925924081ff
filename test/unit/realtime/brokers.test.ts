import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Broker, IDEMPOTENCY_TTL_MS } from '../../../realtime-server/src/broker/broker.ts';
import { VERSION_TTL_MS, positionTtlMs } from '../../../realtime-server/src/broker/lifetimes.ts';
import { MemoryBroker } from '../../../realtime-server/src/broker/memory-broker.ts';
import { RedisBroker } from '../../../realtime-server/src/broker/redis-broker.ts';
import { REDIS_DEADLINE_MS, openRedis } from '../../../realtime-server/src/redis.ts';
import { HISTORY } from '../../suites/broker-history.ts';
import { nodeOf, provesBroker, until } from '../../suites/broker.ts';
import { type TestRedis, startRedis, startRedisCluster } from '../../support/redis.ts';

const log = { warn: () => {} };
const history = HISTORY;
const ALL = { limit: 100, history };

let prefixes = 0;
/** The brokers of two nodes, each with its own connections. */
async function twoNodes(url: string, options: { now?: () => number; cluster?: boolean } = {}) {
  const { now, cluster = false } = options;
  prefixes += 1;
  const prefix = `t${prefixes}`;
  const connections = await Promise.all([0, 1].map(() => openRedis({ url, cluster, log })));
  const brokers = connections.map((redis) => new RedisBroker(redis, { prefix, ...(now && { now }) }));
  return {
    prefix,
    brokers: brokers as Broker[],
    async [Symbol.asyncDispose]() {
      for (const broker of brokers) await broker[Symbol.asyncDispose]();
      for (const connection of connections) await connection[Symbol.asyncDispose]();
    },
  };
}

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

provesBroker('The memory of a node', async (now) => {
  const broker = new MemoryBroker({ now });
  return { brokers: [broker], [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() };
});
provesBroker('Redis', (now) => twoNodes(server.url, { now }));

describe('the broker in memory', () => {
  function open(options: { streamIdsMax?: number } = {}) {
    let now = 1_000_000;
    const broker = new MemoryBroker({ ...options, now: () => now });
    return { broker, pass: (ms: number) => (now += ms) };
  }
  const position = async (broker: Broker) => (await broker.history('c', { ...ALL, limit: 0 })).position;

  test('has delivered a publication when publish returns, before anybody else has a turn', async () => {
    const { heard, broker } = await nodeOf(open().broker);
    await broker.subscribe('c');
    const published = broker.publish('c', '1', { history });
    expect(heard).toHaveLength(1);
    await published;
  });

  test('forgets a channel that was idle for long, whose readers then learn of a new epoch', async () => {
    const { broker, pass } = open();
    const before = await position(broker);
    pass(positionTtlMs(history));
    broker.sweep();
    expect(await position(broker)).toEqual(before);
    pass(positionTtlMs(history) + 1);
    broker.sweep();
    expect((await position(broker)).epoch).not.toBe(before.epoch);
  });

  test('forgets no channel that its node is subscribed to', async () => {
    const { broker, pass } = open();
    const before = await position(broker);
    await broker.subscribe('c');
    pass(positionTtlMs(history) * 10);
    broker.sweep();
    expect(await position(broker)).toEqual(before);
    await broker.unsubscribe('c');
    pass(positionTtlMs(history) + 1);
    broker.sweep();
    expect(await position(broker)).not.toEqual(before);
  });

  test('remembers ids and versions for their time, for no more than twice that, and not too many', async () => {
    const { broker, pass } = open();
    const suppressed = async (options: { id?: string; version?: { key: string; number: number } }) =>
      (await broker.publish('c', '1', { history, ...options })).suppressed;
    const version = { key: 'k', number: 1 };
    const sweptAfter = (ms: number) => {
      pass(ms);
      broker.sweep();
    };
    await suppressed({ id: 'i' });
    await suppressed({ version });
    sweptAfter(IDEMPOTENCY_TTL_MS);
    expect(await suppressed({ id: 'i' })).toBe('duplicate');
    sweptAfter(1);
    sweptAfter(IDEMPOTENCY_TTL_MS + 1);
    expect(await suppressed({ id: 'i' })).toBeUndefined();
    sweptAfter(VERSION_TTL_MS - 2 * IDEMPOTENCY_TTL_MS - 2);
    expect(await suppressed({ version })).toBe('version');
    sweptAfter(1);
    sweptAfter(VERSION_TTL_MS + 1);
    expect(await suppressed({ version })).toBeUndefined();
    for (let nth = 0; nth <= 50_000; nth += 1) await suppressed({ id: `${nth}` });
    expect(await suppressed({ id: '50000' })).toBe('duplicate');
    expect(await suppressed({ id: '25001' })).toBe('duplicate');
    expect(await suppressed({ id: '0' })).toBeUndefined();
  });

  test('gives up the older ids before their time when all channels together have too many', async () => {
    const { broker } = open({ streamIdsMax: 10 });
    const suppressed = async (channel: string, id: string) =>
      (await broker.publish(channel, '1', { history, id })).suppressed;
    const publishFive = async (name: string) => {
      for (let nth = 0; nth < 5; nth += 1) await suppressed(`c${nth}`, name);
    };
    await publishFive('first');
    await publishFive('second');
    broker.sweep();
    expect(await suppressed('c0', 'first')).toBe('duplicate');
    await publishFive('third');
    broker.sweep();
    expect(await suppressed('c0', 'first')).toBe('duplicate');
    await publishFive('fourth');
    broker.sweep();
    expect(await suppressed('c0', 'fourth')).toBe('duplicate');
    expect(await suppressed('c0', 'third')).toBeUndefined();
    expect(await suppressed('c1', 'first')).toBeUndefined();
  });

  test('sweeps by itself until it is closed', async () => {
    jest.useFakeTimers();
    try {
      const { broker } = open();
      const sweep = jest.spyOn(broker, 'sweep');
      await nodeOf(broker);
      jest.advanceTimersByTime(60_000);
      expect(sweep).toHaveBeenCalled();
      await broker[Symbol.asyncDispose]();
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('the broker in Redis', () => {
  async function open(redis: TestRedis, options: { cluster?: boolean; url?: string } = {}) {
    const { prefix, brokers, ...rest } = await twoNodes(options.url ?? redis.url, options);
    closers.push(() => rest[Symbol.asyncDispose]());
    const [one, other] = await Promise.all(brokers.map((broker) => nodeOf(broker)));
    if (!one || !other) throw new Error('no nodes');
    return { prefix, one, other };
  }
  async function ownServer() {
    const own = await startRedis();
    closers.push(() => own[Symbol.asyncDispose]());
    return own;
  }
  /** Publishes until Redis is back. */
  async function whenBack<T>(call: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await call();
      } catch (error) {
        if (attempt > 200) throw error;
        await sleep(50);
      }
    }
  }
  const publishWhenBack = (broker: Broker, data: string) =>
    whenBack(() => broker.publish('c', data, { history, id: data }));

  test('grows old by the clock of Redis when it was given none', async () => {
    const { one, other } = await open(server);
    const brief = { size: 10, ttlMs: 200 };
    await one.broker.publish('c', '1', { history: brief });
    expect((await other.broker.history('c', { limit: 10, history: brief })).publications).toHaveLength(1);
    await sleep(300);
    expect(await other.broker.history('c', { limit: 10, history: brief })).toMatchObject({
      publications: [],
      position: { offset: 1 },
    });
  });

  test('gives every key a time to live: the position and what is remembered outlive the history', async () => {
    const { one, prefix } = await open(server);
    await one.broker.publish('c', '1', { history, id: 'i', version: { key: 'k', number: 1 } });
    const ttlMs = async (key: string) => Number((await server.command('PTTL', `${prefix}:{=c}:${key}`)).slice(1));
    const near = async (key: string, expected: number) => {
      expect(await ttlMs(key)).toBeLessThanOrEqual(expected);
      expect(await ttlMs(key)).toBeGreaterThan(expected - 30_000);
    };
    await near('s', history.ttlMs);
    await near('m', 60 * 60_000);
    await near('i:i', IDEMPOTENCY_TTL_MS);
    await near('v:k', VERSION_TTL_MS);
  });

  test('hears of a new epoch after Redis came back empty; subscriptions go on', async () => {
    const own = await ownServer();
    const { one, other } = await open(own);
    await other.broker.subscribe('c');
    const before = await one.broker.publish('c', '1', { history });
    await until(() => other.data('c').length === 1);

    await own.kill();
    const from = Date.now();
    await expect(one.broker.publish('c', '2', { history })).rejects.toBeInstanceOf(Error);
    await expect(one.broker.subscribe('d')).rejects.toBeInstanceOf(Error);
    await expect(one.broker.history('c', ALL)).rejects.toBeInstanceOf(Error);
    expect(Date.now() - from).toBeLessThan(3 * REDIS_DEADLINE_MS);
    await own.restart();
    await until(() => other.heard.some((each) => 'resumed' in each));
    expect(other.heard).toContainEqual({ resumed: ['c'] });

    const { position } = await publishWhenBack(one.broker, '3');
    expect(position.offset).toBe(1);
    expect(position.epoch).not.toBe(before.position.epoch);
    await until(() => other.data('c').includes('3'));
    expect(await other.broker.history('c', { ...ALL, since: before.position })).toMatchObject({ complete: false });
    await whenBack(() => one.broker.subscribe('d'));
  });

  test('rejects within its deadline while Redis says nothing, and works once it speaks again', async () => {
    const own = await ownServer();
    const { one, other } = await open(own);
    await other.broker.subscribe('c');
    await one.broker.publish('c', '1', { history, id: '1' });
    own.pause();
    const from = Date.now();
    const attempts = await Promise.allSettled([
      one.broker.publish('c', '2', { history, id: '2' }),
      one.broker.subscribe('d'),
      one.broker.history('c', ALL),
      one.broker.control('anybody?'),
    ]);
    expect(attempts.map(({ status }) => status)).toEqual(attempts.map(() => 'rejected'));
    expect(Date.now() - from).toBeLessThan(2 * REDIS_DEADLINE_MS);
    // Past a probe and its deadline, so that the silent connections are given up.
    await sleep(Math.max(0, 5_000 - (Date.now() - from)));
    own.resume();
    // What was rejected may have been carried out; its id keeps it from happening twice.
    await publishWhenBack(one.broker, '2');
    await publishWhenBack(one.broker, '3');
    await until(() => other.heard.some((each) => 'resumed' in each));
    const { publications } = await other.broker.history('c', ALL);
    expect(publications.map(({ data }) => data)).toEqual(['1', '2', '3']);
    await publishWhenBack(one.broker, '4');
    await until(() => other.data('c').includes('4'));
  });

  test('tells of a subscriber connection that was cut, once it hears again', async () => {
    const { one, other } = await open(server);
    for (const channel of ['c', 'd', 'left']) await other.broker.subscribe(channel);
    await other.broker.unsubscribe('left');
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until(() => other.heard.some((each) => 'resumed' in each));
    expect(other.heard).toEqual([{ resumed: ['c', 'd'] }]);
    expect(one.heard).toEqual([]);
    for (const channel of ['c', 'd', 'left']) await one.broker.publish(channel, channel, { history });
    await until(() => other.data('c').length + other.data('d').length === 2);
    expect(other.data('left')).toEqual([]);
    await one.broker.control('all');
    await until(() => other.heard.some((each) => 'control' in each));
  });

  test('passes over what no node wrote', async () => {
    const { one, other, prefix } = await open(server);
    await other.broker.subscribe('c');
    for (const nonsense of ['', 'x', 'p', 'j{', 'p1 e\n{"info":1}\n1', 'l{"user":1}'])
      await server.command('SPUBLISH', `${prefix}:{=c}`, nonsense);
    await one.broker.publish('c', '1', { history });
    await until(() => other.data('c').includes('1'));
    expect(other.data('c')).toEqual(['1']);
  });

  test('takes a stream whose position was evicted for lost', async () => {
    const { one, prefix } = await open(server);
    const before = await one.broker.publish('c', '1', { history });
    await server.command('DEL', `${prefix}:{=c}:m`);
    const after = await one.broker.publish('c', '2', { history });
    expect(after.position.offset).toBe(1);
    expect(after.position.epoch).not.toBe(before.position.epoch);
    expect((await one.broker.history('c', ALL)).publications).toHaveLength(1);
  });

  test('is not opened where there is no Redis', async () => {
    const own = await ownServer();
    await own.kill();
    for (const cluster of [false, true]) {
      const opening = openRedis({ url: own.url, cluster, openWithinMs: 500, log });
      await expect(opening).rejects.toMatchObject({ message: 'redis cannot be reached', cause: expect.anything() });
    }
  });

  test('works in a cluster, with channels on every part of it', async () => {
    const cluster = await startRedisCluster();
    closers.push(() => cluster[Symbol.asyncDispose]());
    const { one, other } = await open(server, { cluster: true, url: cluster.url });
    const channels = ['', '{', '}', '{}', '}{', ...Array.from({ length: 30 }, (_, nth) => `channel {${nth}}`)];
    await Promise.all(channels.map((channel) => other.broker.subscribe(channel)));
    await Promise.all(
      channels.map((channel) =>
        one.broker.publish(channel, '1', { history, id: 'i', version: { key: 'k', number: 1 }, audience: 'all' }),
      ),
    );
    await until(() => channels.every((channel) => other.data(channel).length === 1));
    for (const channel of channels) {
      const { publications } = await other.broker.history(channel, ALL);
      expect(publications).toEqual([{ offset: 1, data: '1' }]);
    }
    await one.broker.control('all');
    await until(() => other.heard.some((each) => 'control' in each));
    const sizes = await Promise.all(cluster.servers.map((each) => each.command('DBSIZE')));
    for (const size of sizes) expect(Number(size.slice(1))).toBeGreaterThan(0);

    await Promise.all(cluster.servers.map((each) => each.command('CLIENT', 'KILL', 'TYPE', 'pubsub')));
    await until(() => other.heard.some((each) => 'resumed' in each));
    await until(() => other.heard.filter((each) => 'resumed' in each).length >= 3);
    await Promise.all(channels.map((channel) => one.broker.publish(channel, '2', { history })));
    await until(() => channels.every((channel) => other.data(channel).includes('2')));
  });
});
