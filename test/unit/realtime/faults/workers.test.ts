/** Two processes on one port, as WORKERS=2 has them: each is a node of its own, and nobody minds the loss of either. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { DISCONNECTS, contentChannel } from '@playnite/contracts/realtime';
import { pino } from 'pino';
import { RedisBroker } from '../../../../realtime-server/src/broker/redis-broker.ts';
import { RedisPresence } from '../../../../realtime-server/src/presence/redis-presence.ts';
import { openRedis } from '../../../../realtime-server/src/redis.ts';
import { Ledger, keepPublishing, readingClient } from '../../../support/ledger.ts';
import { eventually, pause } from '../../../support/live-clients.ts';
import type { ChildSettings } from '../../../support/realtime-process.ts';
import type { Listening } from '../../../support/realtime-workers.ts';
import { serveRealtime } from '../../../support/realtime.ts';
import { startRedis } from '../../../support/redis.ts';

const CHANNELS = [contentChannel('c1'), contentChannel('c2')];
/** Connections go to the workers in turn. */
const CLIENTS = 20;
const PUBLISH_EVERY_MS = 20;
const SETTLE_WITHIN_MS = 8_000;
const ENTRY = join(import.meta.dirname, '../../../support/realtime-workers.ts');

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/**
 * A primary and its two workers; `workers` has those that ever listened, in the order in which they did, and `losses` is how
 * often the primary has said that one ended.
 */
function startWorkers(settings: ChildSettings | 'none') {
  // Without settings a worker ends with a word about that.
  const given = settings === 'none' ? settings : JSON.stringify(settings);
  const primary: ChildProcess = fork(ENTRY, [given], { stdio: ['ignore', 'pipe', 'ignore', 'ipc'] });
  const ended = once(primary, 'exit');
  let said = '';
  primary.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  closers.push(async () => {
    primary.kill('SIGKILL');
    await ended;
  });
  const workers: Listening[] = [];
  primary.on('message', (worker: Listening) => void workers.push(worker));
  const started = (count: number) => eventually(`${count} workers have started`, () => workers.length === count);
  const losses = () => said.split('a worker ended').length - 1;
  return { primary, ended, workers, started, losses };
}

/** Hears nobody and has no clients: a node from which a test publishes, whichever worker lives. */
async function publisher(redis: { url: string; prefix: string }) {
  const connection = await openRedis({ url: redis.url, log: pino({ level: 'silent' }) });
  closers.push(() => connection[Symbol.asyncDispose]());
  const { server } = await serveRealtime({
    broker: new RedisBroker(connection, redis),
    presence: new RedisPresence(connection, redis),
  });
  closers.push(() => server[Symbol.asyncDispose]());
  return server;
}

describe('two workers on one port', () => {
  test('serve their clients alike; what one held when it was killed comes to the other, and then to the one in its place', async () => {
    const server = await startRedis();
    closers.push(() => server[Symbol.asyncDispose]());
    const redis = { url: server.url, prefix: 'workers' };
    const { primary, ended, workers, started, losses } = startWorkers({ redis });
    await started(2);
    const [first, second] = workers;
    if (!first || !second) throw new Error('there are no workers');
    expect(second.port).toBe(first.port);

    const ledger = new Ledger();
    const endpoint = `ws://127.0.0.1:${first.port}/connection/websocket`;
    const clients = Array.from({ length: CLIENTS }, (_, nth) =>
      readingClient(ledger, { name: `${nth}`, token: `${nth}`, endpoint, channels: CHANNELS }),
    );
    closers.push(() => clients.forEach(({ client }) => client.disconnect()));
    const allConnected = () =>
      eventually('all are connected', () => clients.every(({ client }) => client.state === 'connected'));
    /** How many have lost a connection. */
    const lost = () => clients.filter(({ codes }) => codes.length > 0).length;
    await allConnected();
    const node = await publisher(redis);
    const publishing = keepPublishing(CHANNELS, (publications) => node.publish(publications), PUBLISH_EVERY_MS);
    await eventually('everybody hears', () => ledger.applied > 10 * CLIENTS);

    process.kill(first.pid, 'SIGKILL');
    await eventually('somebody has noticed', () => lost() > 0);
    await started(3);
    await allConnected();
    // Each had some of the clients, and those of the other noticed nothing.
    const moved = lost();
    expect(moved).toBeGreaterThan(0);
    expect(moved).toBeLessThan(CLIENTS);
    expect(workers[2]?.port).toBe(first.port);

    // With this one gone too, all are served by those that took a place.
    process.kill(second.pid, 'SIGKILL');
    await eventually('everybody has moved', () => lost() === CLIENTS);
    await started(4);
    await allConnected();
    expect(await ledger.settled(await publishing.finish(), SETTLE_WITHIN_MS)).toEqual([]);
    expect(ledger.faults).toEqual([]);
    expect(ledger.gapsTold).toBe(0);
    expect(ledger.recoveries).toBeGreaterThanOrEqual(CLIENTS * CHANNELS.length);

    const before = clients.map(({ codes }) => codes.length);
    primary.kill('SIGTERM');
    await eventually('everybody is away', () => clients.every(({ codes }, nth) => codes.length > (before[nth] ?? 0)));
    // Nobody was cut off: the workers were told to stop, and sent everybody away.
    expect(clients.map(({ codes }, nth) => codes[before[nth] ?? 0])).toEqual(
      clients.map(() => DISCONNECTS.shutdown.code),
    );
    expect(await ended).toEqual([0, null]);
    expect(workers).toHaveLength(4);
    expect(losses()).toBe(2);
  }, 60_000);

  test('that cannot start are not started over and over', async () => {
    const { losses } = startWorkers('none');
    await eventually('both have ended', () => losses() === 2);
    // Longer than it took them to end.
    await pause(1_500);
    expect(losses()).toBe(2);
    await eventually('they are tried again', () => losses() > 2);
  }, 30_000);
});
