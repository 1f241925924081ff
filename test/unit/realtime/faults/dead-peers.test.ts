/** `DEAD_PEERS` sets the size. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { MemoryPresence } from '../../../../realtime-server/src/presence/memory-presence.ts';
import { type BareSocket, bareSocket, bareSubscriber, eventually } from '../../../support/live-clients.ts';
import { serveRealtime } from '../../../support/realtime.ts';

const WATCHED = 'content:watched';
const DEAD = Number(process.env['DEAD_PEERS'] ?? 100);
const PING_EVERY_MS = 500;
const PONG_WITHIN_MS = 300;
/** A connection is looked at ten times a second, and this machine may be busy. */
const SLACK_MS = 3_000;
const TEST_MAX_MS = 10_000 + 100 * DEAD;
/** Addresses of this machine have no limit, so these come through a proxy. */
const FROM = { 'x-forwarded-for': '203.0.113.7' };

const opened: AsyncDisposable[] = [];
const sockets: BareSocket[] = [];
afterEach(async () => {
  for (const { socket } of sockets.splice(0)) socket.terminate();
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
});

/** What keeps this process alive, by kind: timers and sockets. */
function resources() {
  const counts = { Timeout: 0, TCPSocketWrap: 0 };
  for (const kind of process.getActiveResourcesInfo())
    if (kind === 'Timeout' || kind === 'TCPSocketWrap') counts[kind] += 1;
  return counts;
}

describe('peers that are dead without having said so', () => {
  test(
    'are gone within a ping and its pong, with all that they held',
    async () => {
      const presence = new MemoryPresence();
      const { server, endpoint } = await serveRealtime({
        presence,
        limits: { pingEveryMs: PING_EVERY_MS, pongWithinMs: PONG_WITHIN_MS },
        admission: { perUserMax: DEAD, perAddressMax: DEAD, trustProxyHops: 1 },
      });
      opened.push(server);
      const comeIn = async (user: string) => {
        const bare = await bareSubscriber(endpoint, user, [WATCHED], FROM);
        sockets.push(bare);
        return bare;
      };
      // What the first connection ever loads stays.
      (await comeIn('warm')).socket.terminate();
      await eventually('the first is gone', () => server.node.connections === 0);
      const before = resources();

      const dead = await Promise.all(Array.from({ length: DEAD }, () => comeIn('ann')));
      expect((await presence.stats(WATCHED)).clients).toBe(DEAD);
      await expect(bareSocket(endpoint, FROM)).rejects.toThrow('429');
      const full = await bareSocket(endpoint);
      sockets.push(full);
      full.say({ id: 1, connect: { token: 'ann' } });
      expect(await full.closed).toBe(3504);

      const silentSince = performance.now();
      for (const { socket } of dead) socket.pause();
      await eventually('no connection is left', () => server.node.connections === 0);
      const goneMs = performance.now() - silentSince;
      console.log(`${DEAD} dead peers were gone after ${Math.round(goneMs)} ms`);
      expect(goneMs).toBeLessThan(PING_EVERY_MS + PONG_WITHIN_MS + SLACK_MS);
      expect(server.node.counts()).toEqual({ clients: 0, users: 0, channels: 0, subscriptions: 0 });
      expect(await presence.stats(WATCHED)).toEqual({ clients: 0, users: 0 });

      // Nobody answers the farewell either: the sockets are cut off, and places of address and user are free, all of them.
      const back: BareSocket[] = [];
      await eventually('as many find a place again', async () => {
        const next = await comeIn('ann').catch(() => undefined);
        if (next) back.push(next);
        return back.length === DEAD;
      });
      expect((await presence.stats(WATCHED)).clients).toBe(DEAD);
      await expect(bareSocket(endpoint, FROM)).rejects.toThrow('429');

      for (const { socket } of sockets.splice(0)) socket.terminate();
      await eventually('timers and sockets are as before', () => {
        const now = resources();
        return now.Timeout <= before.Timeout && now.TCPSocketWrap <= before.TCPSocketWrap;
      });
      expect(server.node.connections).toBe(0);
    },
    TEST_MAX_MS,
  );
});
