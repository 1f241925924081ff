/** One of two nodes is killed: its clients go on at the other, and nobody sees them where they are not. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { contentChannel } from '@playnite/contracts/realtime';
import { startProxy } from '../../../support/chaos-proxy.ts';
import { Ledger, keepPublishing, readingClient } from '../../../support/ledger.ts';
import { type RealtimeProcess, startRealtimeProcess } from '../../../support/realtime-process.ts';
import { startRedis } from '../../../support/redis.ts';

const CHANNEL = contentChannel('watched');
const CHANNELS = [CHANNEL, contentChannel('other')];
const CLIENTS_EACH = 20;
const PRESENCE_TTL_MS = 2_000;
const PRESENCE_RENEW_EVERY_MS = 500;
const PUBLISH_EVERY_MS = 20;
const SETTLE_WITHIN_MS = 8_000;
/** More than the time to live, for a machine that is busy. */
const PRESENCE_GONE_WITHIN_MS = PRESENCE_TTL_MS * 3;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function until(withinMs: number, isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms`);
    await sleep(50);
  }
}

const usersIn = async (node: RealtimeProcess): Promise<string[]> =>
  (await node.presence(CHANNEL)).map(({ user }) => user).toSorted();

describe('two nodes on one Redis', () => {
  test('share their presence, and what one of them held when it was killed comes to the other', async () => {
    const redis = await startRedis();
    closers.push(() => redis[Symbol.asyncDispose]());
    const settings = {
      redis: { url: redis.url, prefix: 'two' },
      presenceTtlMs: PRESENCE_TTL_MS,
      limits: { presenceRenewEveryMs: PRESENCE_RENEW_EVERY_MS },
    };
    const [doomed, other] = await Promise.all([startRealtimeProcess(settings), startRealtimeProcess(settings)]);
    closers.push(() => Promise.all([doomed, other].map((node) => node[Symbol.asyncDispose]())));
    const ledger = new Ledger();
    const proxy = await startProxy(() => (doomed.isAlive() ? doomed.port : other.port));
    closers.push(() => proxy[Symbol.asyncDispose]());

    const join = (name: string, endpoint: string) => {
      const made = readingClient(ledger, { name, token: name, endpoint, channels: CHANNELS });
      closers.push(() => made.client.disconnect());
      return made;
    };
    const moving = Array.from({ length: CLIENTS_EACH }, (_, nth) =>
      join(`moving-${nth}`, `ws://127.0.0.1:${proxy.port}/connection/websocket`),
    );
    const staying = Array.from({ length: CLIENTS_EACH }, (_, nth) => join(`staying-${nth}`, other.endpoint));
    // Somebody who was on the doomed node and does not come back.
    const leaving = readingClient(new Ledger(), {
      name: 'leaving',
      token: 'leaving',
      endpoint: doomed.endpoint,
      channels: CHANNELS,
      minReconnectDelay: 60_000,
      maxReconnectDelay: 60_000,
    });
    closers.push(() => leaving.client.disconnect());
    await Promise.all([...moving, ...staying, leaving].map(({ client }) => client.ready(5_000)));
    await until(SETTLE_WITHIN_MS, async () => (await usersIn(other)).length === 2 * CLIENTS_EACH + 1);
    expect(await usersIn(doomed)).toEqual(await usersIn(other));

    const publishing = keepPublishing(CHANNELS, (publications) => other.publish(publications), PUBLISH_EVERY_MS);
    await sleep(500);
    await doomed.stop('SIGKILL');
    await until(SETTLE_WITHIN_MS, async () => (await other.status()).clients === 2 * CLIENTS_EACH);
    await until(PRESENCE_GONE_WITHIN_MS, async () => !(await usersIn(other)).includes('leaving'));
    // Whoever moved is shown once, and all that are there still are: their entries have been renewed.
    await sleep(PRESENCE_TTL_MS);
    expect(await usersIn(other)).toEqual(
      [...moving, ...staying]
        .map((_, nth) => `${nth < CLIENTS_EACH ? 'moving' : 'staying'}-${nth % CLIENTS_EACH}`)
        .toSorted(),
    );

    expect(await ledger.settled(await publishing.finish(), SETTLE_WITHIN_MS)).toEqual([]);
    expect(ledger.faults).toEqual([]);
    expect(ledger.gapsTold).toBe(0);
    expect(ledger.recoveries).toBeGreaterThanOrEqual(CLIENTS_EACH * CHANNELS.length);
    expect(staying.flatMap(({ codes }) => codes)).toEqual([]);
    expect(await other.status()).toMatchObject({ unhandled: 0 });
  }, 40_000);
});
