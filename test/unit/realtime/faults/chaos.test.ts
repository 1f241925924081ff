/**
 * Connections, nodes and Redis break at random for a while, and nobody misses anything without being told.
 *
 * `CHAOS_CLIENTS=1000 CHAOS_SECONDS=60 CHAOS_CUT_EACH_MS=5000 npm test unit/realtime/faults/chaos` is the same for more
 * clients and longer, each cut off once in five seconds; `CHAOS_SEED` repeats what happened.
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { DISCONNECTS, contentChannel, userChannel } from '@playnite/contracts/realtime';
import { CUTS, type ChaosProxy, startProxy } from '../../../support/chaos-proxy.ts';
import { Ledger, type Publish, keepPublishing, readingClient } from '../../../support/ledger.ts';
import { pick, randomOf } from '../../../support/random.ts';
import { type RealtimeProcess, startRealtimeProcess } from '../../../support/realtime-process.ts';
import { serveRealtime } from '../../../support/realtime.ts';
import { startRedis } from '../../../support/redis.ts';

const CLIENTS = Number(process.env['CHAOS_CLIENTS'] ?? 60);
/** A user has fewer connections than one may have. */
const USERS = Array.from({ length: Math.ceil(CLIENTS / 15) }, (_, nth) => `u${nth}`);
const CONTENTS = Array.from({ length: 16 }, (_, nth) => contentChannel(`c${nth}`));
const CHANNELS = [...CONTENTS, ...USERS.map(userChannel)];
/** Each client hears its user's channel and so many others. */
const CONTENTS_EACH = 4;
const CHAOS_MS = Number(process.env['CHAOS_SECONDS'] ?? 11) * 1_000;
/** Each connection is cut off once in this time, as a mean. */
const CUT_EACH_MS = Number(process.env['CHAOS_CUT_EACH_MS'] ?? 1_200);
const TICK_MS = 20;
/** On each channel; the clients take it in within one process. */
const PUBLISH_EVERY_MS = CLIENTS * 0.7;
/** A share of all publications reaches the server twice at once. */
const TWICE_SHARE = 0.2;
const SETTLE_WITHIN_MS = 15_000;
/** All come within this, though the machine may be busy. */
const CONNECT_WITHIN_MS = 10_000 + 30 * CLIENTS;
/** A third of the cuts: some only slow a connection down, or meet one that is away. */
const RECONNECTS_MIN = (CLIENTS * CHAOS_MS) / CUT_EACH_MS / 3;
const TEST_MAX_MS = CHAOS_MS + 2 * SETTLE_WITHIN_MS + CONNECT_WITHIN_MS;
/** Connections that answer no ping are given up within a second and a half on both sides. */
const limits = { pingEveryMs: 1_000, pongWithinMs: 500 };

const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** Clients behind a proxy that hear everything by numbers, and what breaks them. */
async function world(random: () => number, target: () => number) {
  const ledger = new Ledger();
  const proxy = await startProxy(target);
  closers.push(() => proxy[Symbol.asyncDispose]());
  const endpoint = `ws://127.0.0.1:${proxy.port}/connection/websocket`;
  const clients = Array.from({ length: CLIENTS }, (_, nth) => {
    const token = USERS[nth % USERS.length] ?? '';
    const first = Math.floor(random() * CONTENTS.length);
    const channels = Array.from(
      { length: CONTENTS_EACH },
      (__, step) => CONTENTS[(first + step) % CONTENTS.length] ?? '',
    );
    const made = readingClient(ledger, { name: `${nth}`, endpoint, token, channels });
    closers.push(() => made.client.disconnect());
    return made;
  });
  await Promise.all(clients.map(({ client }) => client.ready(CONNECT_WITHIN_MS)));
  return { ledger, proxy, clients };
}

/** Cuts connections until the time is over, each in its own way; `strike` does something worse every second. */
async function rage(random: () => number, proxy: ChaosProxy, strike: (second: number) => Promise<void> | void) {
  const endsAt = Date.now() + CHAOS_MS;
  let second = 0;
  let nextStrikeAt = Date.now() + 1_000;
  while (Date.now() < endsAt) {
    const links = proxy.links();
    for (let due = (TICK_MS * CLIENTS) / CUT_EACH_MS; due > 0 && links.length > 0; due -= 1) {
      if (random() > due) break;
      const link = pick(random, links);
      if (random() < 0.2) link.delay(Math.floor(random() * 50));
      else link.cut(pick(random, CUTS));
    }
    if (Date.now() >= nextStrikeAt) {
      second += 1;
      nextStrikeAt += 1_000;
      await strike(second);
    }
    await sleep(TICK_MS);
  }
}

/** Some publications arrive twice at once, through whichever nodes the publisher meets. */
const sometimesTwice =
  (random: () => number, publish: Publish): Publish =>
  async (publications) => {
    if (random() >= TWICE_SHARE) return publish(publications);
    const both = await Promise.allSettled([publish(publications), publish(publications)]);
    const [first] = both;
    if (first?.status === 'rejected' && both.every(({ status }) => status === 'rejected')) throw first.reason;
  };

type Cuttable = { codes: readonly number[] };
const reconnectsOf = (clients: readonly Cuttable[]) => clients.reduce((sum, { codes }) => sum + codes.length, 0);

const report = ({ recoveries, gapsTold, applied }: Ledger, clients: readonly Cuttable[]) =>
  console.log(
    `${clients.length} clients: ${reconnectsOf(clients)} reconnects, ${recoveries} recoveries, ${gapsTold} gaps told, ${applied} publications handed over`,
  );

describe(`of a live stream that breaks at random (CHAOS_SEED=${seed}), every client hears everything once and in order, or is told`, () => {
  test(
    'from one node in memory, while connections are cut and clients sent away',
    async () => {
      const random = randomOf(seed);
      const { server, port } = await serveRealtime({ limits });
      closers.push(() => server[Symbol.asyncDispose]());
      const { ledger, proxy, clients } = await world(random, () => port);
      const publishing = keepPublishing(
        CHANNELS,
        sometimesTwice(random, (publications) => server.publish(publications)),
        PUBLISH_EVERY_MS,
      );
      await rage(random, proxy, () =>
        server.node.disconnectUser({ user: pick(random, USERS) }, DISCONNECTS.serverError),
      );
      const behind = await ledger.settled(await publishing.finish(), SETTLE_WITHIN_MS);
      report(ledger, clients);

      expect(behind).toEqual([]);
      expect(ledger.faults).toEqual([]);
      // Nothing was ever out of the history's reach.
      expect(ledger.gapsTold).toBe(0);
      expect(reconnectsOf(clients)).toBeGreaterThan(RECONNECTS_MIN);
      expect(publishing.refused).toBe(0);
    },
    TEST_MAX_MS,
  );

  test(
    'from two nodes on Redis, while nodes are killed, subscriptions cut off, and Redis starts over empty',
    async () => {
      const random = randomOf(seed + 1);
      const redis = await startRedis();
      closers.push(() => redis[Symbol.asyncDispose]());
      const settings = { redis: { url: redis.url, prefix: 'chaos' }, limits };
      const nodes: RealtimeProcess[] = await Promise.all([0, 1].map(() => startRealtimeProcess(settings)));
      closers.push(() => Promise.all(nodes.map((node) => node[Symbol.asyncDispose]())));
      const living = () => nodes.filter((node) => node.isAlive());
      const { ledger, proxy, clients } = await world(random, () => pick(random, living()).port);
      const publishing = keepPublishing(
        CHANNELS,
        sometimesTwice(random, (publications) => pick(random, living()).publish(publications)),
        PUBLISH_EVERY_MS,
      );

      const killOne = async () => {
        const nth = random() < 0.5 ? 0 : 1;
        await nodes[nth]?.stop('SIGKILL');
        nodes[nth] = await startRealtimeProcess(settings);
      };
      let restarting: Promise<void> | undefined;
      await rage(random, proxy, async (second) => {
        if (second % 6 === 2) restarting = killOne();
        else if (second === 5) await redis.restart();
        else if (second % 2 === 0) await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
        else
          await pick(random, living())
            .disconnect(pick(random, USERS))
            .catch(() => undefined);
      });
      await restarting;
      const behind = await ledger.settled(await publishing.finish(), SETTLE_WITHIN_MS);
      report(ledger, clients);

      expect(behind).toEqual([]);
      expect(ledger.faults).toEqual([]);
      // Redis lost its memory once, so somebody was told.
      expect(ledger.gapsTold).toBeGreaterThan(0);
      expect(ledger.recoveries).toBeGreaterThan(ledger.gapsTold);
      expect(reconnectsOf(clients)).toBeGreaterThan(RECONNECTS_MIN);
      for (const node of nodes) expect(await node.status()).toMatchObject({ unhandled: 0 });
    },
    TEST_MAX_MS,
  );
});
