/** Redis goes away, starts over, is cut off or stands still under two nodes with clients. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { DISCONNECTS, contentChannel, userChannel } from '@playnite/contracts/realtime';
import { type Publishing, Ledger, keepPublishing, readingClient } from '../../../support/ledger.ts';
import { REDIS_DEADLINE_MS } from '../../../../realtime-server/src/redis.ts';
import { type RealtimeProcess, startRealtimeProcess } from '../../../support/realtime-process.ts';
import { publicationOf } from '../../../support/realtime.ts';
import { type TestRedis, startRedis } from '../../../support/redis.ts';

const CLIENTS = 20;
const USERS = ['ada', 'ben'];
const CONTENTS = [0, 1, 2, 3].map((nth) => contentChannel(`c${nth}`));
const CHANNELS = [...CONTENTS, ...USERS.map(userChannel)];
const PUBLISH_EVERY_MS = 30;
const BEFORE_MS = 500;
const SETTLE_WITHIN_MS = 10_000;
/** What a node's heap may grow by while it waits for Redis: "nothing piles up", not "not a byte". */
const GROWTH_MAX_BYTES = 24 * 1024 * 1024;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

interface World {
  redis: TestRedis;
  nodes: RealtimeProcess[];
  ledger: Ledger;
  clients: ReturnType<typeof readingClient>[];
  publishing: Publishing;
}

/** Two nodes with ten clients each, and publications through both. */
async function world(): Promise<World> {
  const redis = await startRedis();
  closers.push(() => redis[Symbol.asyncDispose]());
  const settings = { redis: { url: redis.url, prefix: 'loss' } };
  const nodes = await Promise.all([0, 1].map(() => startRealtimeProcess(settings)));
  closers.push(() => Promise.all(nodes.map((node) => node[Symbol.asyncDispose]())));
  const ledger = new Ledger();
  const clients = Array.from({ length: CLIENTS }, (_, nth) => {
    const endpoint = nodes[nth % nodes.length]?.endpoint ?? '';
    const token = USERS[Math.floor(nth / 2) % USERS.length] ?? '';
    const made = readingClient(ledger, { name: `${nth}`, endpoint, token, channels: CONTENTS });
    closers.push(() => made.client.disconnect());
    return made;
  });
  await Promise.all(clients.map(({ client }) => client.ready(5_000)));
  let turn = 0;
  const publishing = keepPublishing(
    CHANNELS,
    async (publications) => await nodes[(turn += 1) % nodes.length]?.publish(publications),
    PUBLISH_EVERY_MS,
  );
  await sleep(BEFORE_MS);
  return { redis, nodes, ledger, clients, publishing };
}

const heapOf = async (nodes: readonly RealtimeProcess[]): Promise<number> =>
  Math.max(...(await Promise.all(nodes.map((node) => node.status()))).map(({ heapUsed }) => heapUsed));

/** The codes with which connections were ended. */
const codesOf = (clients: World['clients']): number[] => clients.flatMap(({ codes }) => codes);

/** Everybody is up to date, nobody saw a hole, and both nodes are as well as before. */
async function expectWell({ nodes, ledger, publishing }: World, heapBefore: number): Promise<void> {
  const behind = await ledger.settled(await publishing.finish(), SETTLE_WITHIN_MS);
  expect(behind).toEqual([]);
  expect(ledger.faults).toEqual([]);
  for (const node of nodes) expect(await node.status()).toMatchObject({ unhandled: 0, clients: CLIENTS / 2 });
  expect((await heapOf(nodes)) - heapBefore).toBeLessThan(GROWTH_MAX_BYTES);
}

describe('while Redis fails', () => {
  test('nothing is acknowledged as long as it is gone, and its return with an empty memory is told to everybody', async () => {
    const here = await world();
    const { redis, nodes, ledger, clients, publishing } = here;
    const heapBefore = await heapOf(nodes);
    await redis.kill();
    // What it had taken in before is acknowledged still.
    await sleep(REDIS_DEADLINE_MS);
    const before = publishing.acknowledged;
    const endsAt = Date.now() + 5_000;
    while (Date.now() < endsAt) {
      const attempts = nodes.map((node) =>
        node.publish([{ channel: contentChannel('gone'), publication: publicationOf('never') }]),
      );
      const outcomes = await Promise.allSettled(attempts);
      expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      await sleep(250);
    }
    expect(publishing.acknowledged).toBe(before);
    expect(publishing.refused).toBeGreaterThan(0);
    // Who is connected stays so, and learns nothing.
    expect(codesOf(clients)).toEqual([]);
    expect(clients.map(({ client }) => client.state)).toEqual(clients.map(() => 'connected'));

    await redis.restart();
    const gaps = CLIENTS * (CONTENTS.length + 1);
    const toldBy = Date.now() + SETTLE_WITHIN_MS;
    while (ledger.gapsTold < gaps && Date.now() < toldBy) await sleep(20);
    await expectWell(here, heapBefore);
    expect(publishing.acknowledged).toBeGreaterThan(before);
    expect(ledger.gapsTold).toBe(gaps);
    // The channel that the server subscribes a client to is told of by a reconnect, and each client had one.
    expect(codesOf(clients)).toEqual(clients.map(() => DISCONNECTS.insufficientState.code));
  }, 30_000);

  test('a subscriber connection that is cut again and again costs nobody a publication', async () => {
    const here = await world();
    const { redis, nodes, ledger, clients, publishing } = here;
    const heapBefore = await heapOf(nodes);
    const endsAt = Date.now() + 5_000;
    while (Date.now() < endsAt) {
      await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await sleep(300);
    }
    await expectWell(here, heapBefore);
    expect(ledger.gapsTold).toBe(0);
    expect(codesOf(clients)).toEqual([]);
    expect(publishing.refused).toBe(0);
  }, 30_000);

  test('what it is told while it stands still comes once and in order, or is refused, and then published again', async () => {
    const here = await world();
    const { redis, nodes, ledger, clients, publishing } = here;
    const heapBefore = await heapOf(nodes);
    redis.pause();
    await sleep(3_000);
    redis.resume();
    const refused = publishing.refused;
    await expectWell(here, heapBefore);
    expect(refused).toBeGreaterThan(0);
    expect(ledger.gapsTold).toBe(0);
    expect(codesOf(clients)).toEqual([]);
  }, 30_000);
});
