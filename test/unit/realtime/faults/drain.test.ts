/** A server that is told to stop lets nobody in, answers what it was asked, and sends everybody on. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { DISCONNECTS, contentChannel } from '@playnite/contracts/realtime';
import { WebSocket } from 'ws';
import { startProxy } from '../../../support/chaos-proxy.ts';
import { ask } from '../../../support/connecting.ts';
import { Ledger, keepPublishing, readingClient } from '../../../support/ledger.ts';
import { pick, randomOf } from '../../../support/random.ts';
import { type RealtimeProcess, startRealtimeProcess } from '../../../support/realtime-process.ts';
import { startRedis } from '../../../support/redis.ts';

const CHANNELS = [0, 1, 2].map((nth) => contentChannel(`c${nth}`));
const CLIENTS = 40;
const DRAIN_MS = 1_000;
const EXIT_WITHIN_MS = 10_000;
const SETTLE_WITHIN_MS = 8_000;
const PUBLISH_EVERY_MS = 20;
/** How long a look-up takes, so that a command is under way when the server is told to stop. */
const AUTHORIZE_AFTER_MS = 400;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function start(settings: Parameters<typeof startRealtimeProcess>[0]): Promise<RealtimeProcess> {
  const node = await startRealtimeProcess({ drainMs: DRAIN_MS, ...settings });
  closers.push(() => node[Symbol.asyncDispose]());
  return node;
}

/** Words on a WebSocket, and how it ended. */
async function plainClient(endpoint: string) {
  const socket = new WebSocket(endpoint);
  closers.push(() => socket.terminate());
  const replies: Record<string, unknown>[] = [];
  const closed = Promise.withResolvers<number>();
  const heard: (() => void)[] = [];
  socket.on('message', (message: Buffer) => {
    for (const line of message.toString().split('\n')) replies.push(JSON.parse(line) as Record<string, unknown>);
    for (const wake of heard.splice(0)) wake();
  });
  socket.on('error', () => undefined);
  socket.on('close', closed.resolve);
  await new Promise((resolve) => void socket.once('open', resolve));
  const replyTo = async (id: number) => {
    const find = () => replies.find((reply) => reply['id'] === id);
    while (!find() && socket.readyState === WebSocket.OPEN) {
      await Promise.race([new Promise<void>((resolve) => void heard.push(resolve)), closed.promise]);
    }
    return find();
  };
  const say = (command: object) => socket.send(JSON.stringify(command));
  say({ id: 1, connect: { token: 'ada' } });
  await replyTo(1);
  return { say, replyTo, closed: closed.promise };
}

describe('a server that is told to stop', () => {
  test('answers what it was asked, takes nobody in, tells its clients to come back, and ends', async () => {
    const node = await start({ authorizeAfterMs: AUTHORIZE_AFTER_MS });
    // Who came first is sent away first.
    const asking = await Promise.all([1, 2, 3].map(() => plainClient(node.endpoint)));
    const ledger = new Ledger();
    const clients = Array.from({ length: CLIENTS }, (_, nth) => {
      const made = readingClient(ledger, {
        name: `${nth}`,
        token: `user-${nth}`,
        endpoint: node.endpoint,
        channels: CHANNELS,
      });
      closers.push(() => made.client.disconnect());
      return made;
    });
    await Promise.all(clients.map(({ client }) => client.ready(5_000)));
    for (const { say } of asking) say({ id: 2, subscribe: { channel: contentChannel('asked') } });
    // The commands have come by then, and their look-ups have not.
    await sleep(AUTHORIZE_AFTER_MS / 4);

    const toldAt = Date.now();
    const stopped = node.stop('SIGTERM');
    await sleep(AUTHORIZE_AFTER_MS / 4);
    const upgrade = {
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    };
    const refused = await ask(node.port, '/connection/websocket', { method: 'GET', headers: upgrade });
    expect({ status: refused.status, retryAfter: refused.headers['retry-after'] }).toEqual({
      status: 503,
      retryAfter: expect.stringMatching(/^\d+$/),
    });
    const unready = await ask(node.port, '/ready', { method: 'GET' });
    expect(unready.status).toBe(503);

    for (const { replyTo, closed } of asking) {
      expect(await replyTo(2)).toMatchObject({ id: 2, subscribe: {} });
      expect(await closed).toBe(DISCONNECTS.shutdown.code);
    }
    expect(await stopped).toBe(0);
    expect(Date.now() - toldAt).toBeLessThan(EXIT_WITHIN_MS);
    expect(clients.map(({ codes }) => codes[0])).toEqual(clients.map(() => DISCONNECTS.shutdown.code));
  }, 30_000);

  test('is replaced, and the other after it, without anything lost or doubled', async () => {
    const redis = await startRedis();
    closers.push(() => redis[Symbol.asyncDispose]());
    const settings = { redis: { url: redis.url, prefix: 'rolling' } };
    const random = randomOf(1);
    const nodes = await Promise.all([start(settings), start(settings)]);
    let welcoming: readonly RealtimeProcess[] = nodes;
    const proxy = await startProxy(() => pick(random, welcoming).port);
    closers.push(() => proxy[Symbol.asyncDispose]());
    const ledger = new Ledger();
    const clients = Array.from({ length: CLIENTS }, (_, nth) => {
      const endpoint = `ws://127.0.0.1:${proxy.port}/connection/websocket`;
      const made = readingClient(ledger, { name: `${nth}`, token: `user-${nth}`, endpoint, channels: CHANNELS });
      closers.push(() => made.client.disconnect());
      return made;
    });
    await Promise.all(clients.map(({ client }) => client.ready(5_000)));
    const publishing = keepPublishing(
      CHANNELS,
      (publications) => pick(random, welcoming).publish(publications),
      PUBLISH_EVERY_MS,
    );

    for (const old of nodes) {
      const next = await start(settings);
      welcoming = [...welcoming.filter((node) => node !== old), next];
      const toldAt = Date.now();
      expect(await old.stop('SIGTERM')).toBe(0);
      expect(Date.now() - toldAt).toBeLessThan(EXIT_WITHIN_MS);
    }
    expect(await ledger.settled(await publishing.finish(), SETTLE_WITHIN_MS)).toEqual([]);
    expect(ledger.faults).toEqual([]);
    expect(ledger.gapsTold).toBe(0);
    const codes = clients.flatMap((each) => each.codes);
    expect(codes.length).toBeGreaterThanOrEqual(CLIENTS);
    expect(new Set(codes)).toEqual(new Set([DISCONNECTS.shutdown.code]));
    for (const node of welcoming) expect(await node.status()).toMatchObject({ unhandled: 0 });
  }, 40_000);
});
