import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MemoryPresence } from '../../../realtime-server/src/presence/memory-presence.ts';
import { PRESENCE_TTL_MS } from '../../../realtime-server/src/presence/presence.ts';
import { RedisPresence } from '../../../realtime-server/src/presence/redis-presence.ts';
import { type Redis, openRedis } from '../../../realtime-server/src/redis.ts';
import { type OpenPresences, provesPresence } from '../../suites/presence.ts';
import { type TestRedis, startRedis } from '../../support/redis.ts';

let server: TestRedis;
let nodes: Redis[];
beforeAll(async () => {
  server = await startRedis();
  nodes = await Promise.all([0, 1].map(() => openRedis({ url: server.url, log: { warn: () => {} } })));
});
afterAll(async () => {
  for (const node of nodes) await node[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

let prefixes = 0;
function inRedis(now: () => number = Date.now): RedisPresence[] {
  prefixes += 1;
  return nodes.map((node) => new RedisPresence(node, { prefix: `p${prefixes}`, now }));
}

const disposing = (stores: Awaited<ReturnType<OpenPresences>>['stores']) => ({
  stores,
  [Symbol.asyncDispose]: async () => void (await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()))),
});

provesPresence('The memory of a node', async () => disposing([new MemoryPresence()]));
provesPresence('Redis', async () => disposing(inRedis()));

describe('presence in Redis', () => {
  const ANN = { user: 'ann', client: 'ann-1' };
  const BOB = { user: 'bob', client: 'bob-1' };

  test('ends for a client that nobody renews, in the counts too', async () => {
    let now = Date.now();
    const [one, other] = inRedis(() => now);
    await one?.add('c', ANN);
    await one?.add('c', BOB);
    now += PRESENCE_TTL_MS - 1;
    await one?.add('c', BOB);
    expect(await other?.stats('c')).toEqual({ clients: 2, users: 2 });
    now += 1;
    expect(await other?.stats('c')).toEqual({ clients: 1, users: 1 });
    expect([...((await other?.get('c')) ?? [])]).toEqual([[BOB.client, BOB]]);
    now += PRESENCE_TTL_MS;
    expect(await other?.get('c')).toEqual(new Map());
  });

  test('leaves nothing behind in Redis when a channel is forgotten or left', async () => {
    const [one] = inRedis();
    await one?.add('forgotten', ANN);
    await one?.add('left', ANN);
    await one?.remove('left', ANN);
    const keys = (await server.command('KEYS', `p${prefixes}:*`)).split('\r\n').filter((line) => line.startsWith('p'));
    expect(keys).toHaveLength(3);
    for (const key of keys) {
      const ttlMs = Number((await server.command('PTTL', key)).slice(1));
      expect(ttlMs).toBeGreaterThan(PRESENCE_TTL_MS / 2);
      expect(ttlMs).toBeLessThanOrEqual(PRESENCE_TTL_MS);
    }
  });

  test('takes no prefix with braces, which would put the keys of a channel apart', () => {
    const [node] = nodes;
    expect(() => node && new RedisPresence(node, { prefix: '{p}' })).toThrow('no prefix');
  });
});
