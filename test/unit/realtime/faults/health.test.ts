/** What a server says of itself while Redis, or whoever knows the users, does not answer: it is degraded, and goes on. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { RedisBroker } from '../../../../realtime-server/src/broker/redis-broker.ts';
import { Health } from '../../../../realtime-server/src/health.ts';
import { RedisPresence } from '../../../../realtime-server/src/presence/redis-presence.ts';
import { openRedis } from '../../../../realtime-server/src/redis.ts';
import { eventually, phone, settled } from '../../../support/live-clients.ts';
import { type ServerSettings, identityOf, publicationOf, serveRealtime } from '../../../support/realtime.ts';
import { startRedis } from '../../../support/redis.ts';

const CHANNEL = 'content:c1';
/** After it, a failure does not count any more. */
const FORGOTTEN_MS = 60_000;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

interface Said {
  status: string;
  dependencies: Record<string, string>;
  connections: number;
}

/** A server with one client; `pass` has its health's clock go ahead. */
async function serve(settings: ServerSettings) {
  let ahead = 0;
  const health = new Health(() => performance.now() + ahead);
  const { server, port, endpoint } = await serveRealtime({ health, ...settings });
  closers.push(() => server[Symbol.asyncDispose]());
  const ann = phone(endpoint, 'ann', [CHANNEL]);
  closers.push(() => ann.client.disconnect());
  await settled([ann]);
  const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
  /** What `/health` says; that it is no failure is expected of it each time. */
  const said = async () => {
    const response = await get('/health');
    expect(response.status).toBe(200);
    return (await response.json()) as Said;
  };
  return { server, endpoint, ann, get, said, pass: (ms: number) => void (ahead += ms) };
}

async function serveOnRedis() {
  const redis = await startRedis();
  closers.push(() => redis[Symbol.asyncDispose]());
  const connection = await openRedis({ url: redis.url, log: pino({ level: 'silent' }) });
  closers.push(() => connection[Symbol.asyncDispose]());
  const prefix = { prefix: 'health' };
  const served = await serve({
    broker: new RedisBroker(connection, prefix),
    presence: new RedisPresence(connection, prefix),
  });
  return { redis, ...served };
}

describe('a server', () => {
  test.each([
    ['stands still', 'pause', 'resume'],
    ['is gone', 'kill', 'restart'],
  ] as const)(
    'whose Redis %s is degraded, without a client doing anything, and well after its return',
    async (_, away, back) => {
      const { redis, server, ann, get, said, pass } = await serveOnRedis();
      const well = { status: 'ok', dependencies: { broker: 'ok', authority: 'ok' } };
      expect(await said()).toMatchObject(well);

      await redis[away]();
      await eventually('the server is degraded', async () => (await said()).status === 'degraded');
      expect((await said()).dependencies).toEqual({ broker: 'degraded', authority: 'ok' });
      expect(await (await get('/metrics')).text()).toMatch(/^realtime_dependency_up\{dependency="broker".*\} 0$/m);
      // Its clients stay, and others are as well off here as on another node: all have the same Redis.
      expect((await said()).connections).toBe(1);
      expect((await get('/ready')).status).toBe(200);
      pass(FORGOTTEN_MS);
      await eventually('it is so as long as Redis is', async () => (await said()).status === 'degraded');

      await redis[back]();
      await eventually('a publication is taken in', () =>
        server.publish([{ channel: CHANNEL, publication: publicationOf('e1') }]).then(
          () => true,
          () => false,
        ),
      );
      pass(FORGOTTEN_MS);
      await eventually('the server is well', async () => (await said()).status === 'ok');
      expect(await said()).toMatchObject(well);
      await settled([ann]);
    },
    60_000,
  );

  test('whose authority hangs for one user is degraded until that is over; who is connected goes on', async () => {
    const hanging = Promise.withResolvers<void>();
    const { server, endpoint, ann, said, pass } = await serve({
      authority: {
        authenticate: async (token) => {
          if (token === 'bob') await hanging.promise;
          return identityOf(token);
        },
      },
    });
    const bob = phone(endpoint, 'bob', [CHANNEL]);
    closers.push(() => bob.client.disconnect());
    await eventually('bob has come', async () => (await said()).connections === 2);
    expect((await said()).status).toBe('ok');
    await eventually('the server is degraded', async () => {
      pass(1_000);
      return (await said()).status === 'degraded';
    });
    expect((await said()).dependencies).toEqual({ broker: 'ok', authority: 'degraded' });
    await server.publish([{ channel: CHANNEL, publication: publicationOf('e1') }]);
    await eventually('ann hears', () => ann.heard.get(CHANNEL)?.includes('e1') === true);
    hanging.resolve();
    await eventually('the server is well', async () => (await said()).status === 'ok');
    await settled([bob]);
  }, 30_000);
});
