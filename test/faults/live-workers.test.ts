/** The live stream's own entry point with WORKERS=2, beside the platform's: a deployment of its own that hears the same events. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, expect, test } from '@jest/globals';
import { type PublicationData, publicationData, userChannel } from '@playnite/contracts/realtime';
import { Centrifuge } from 'centrifuge';
import { becomes, kill } from '../support/faults.ts';
import { person } from '../support/platform.ts';
import { startRedis } from '../support/redis.ts';

const ENTRY = join(import.meta.dirname, '../../realtime-server/src/main.ts');
/** Connections go to the workers in turn. */
const CONNECTIONS = 10;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const idsAbout = (uid: string, heard: readonly PublicationData[]): string[] =>
  heard
    .filter(({ data }) => JSON.stringify(data).includes(uid))
    .map(({ id }) => id)
    .toSorted();

interface Worker {
  pid: number;
  port: number;
  /** The ordering keys of the events that it took. */
  took: Set<string>;
}

/** What the workers log, one object a line. */
interface Line {
  msg: string;
  node: string;
  port?: number;
  orderingKey?: string;
}

/** Starts it; `workers` has those that ever were ready. */
async function startWorkers() {
  const redis = await startRedis();
  closers.push(() => redis[Symbol.asyncDispose]());
  const env = {
    WORKERS: '2',
    PORT: '0',
    HOST: '127.0.0.1',
    REDIS_URL: redis.url,
    LIVE_SUBSCRIPTION: 'two-workers',
    LOG_LEVEL: 'debug',
  };
  const primary: ChildProcess = spawn(process.execPath, [ENTRY], {
    env: { ...process.env, ...env, NODE_NAME: 'worker' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(primary, 'exit');
  closers.push(async () => {
    primary.kill('SIGKILL');
    await ended;
  });
  const workers: Worker[] = [];
  if (primary.stdout)
    createInterface(primary.stdout).on('line', (line) => {
      const { msg, node, port, orderingKey } = JSON.parse(line) as Line;
      const pid = Number(node.split('-')[1]);
      if (msg === 'ready') workers.push({ pid, port: Number(port), took: new Set() });
      if (orderingKey !== undefined) workers.find((worker) => worker.pid === pid)?.took.add(orderingKey);
    });
  const ready = (count: number) => becomes(async () => workers.length, count);
  return { primary, ended, workers, ready };
}

test('two workers take each event once between them; clients of one that is killed get from the other what they missed', async () => {
  const [{ primary, ended, workers, ready }, ann, bob, cem] = await Promise.all([
    startWorkers(),
    person('ann'),
    person('bob'),
    person('cem'),
  ]);
  await ready(2);
  const [{ port } = { port: 0 }, other] = workers;
  expect(other?.port).toBe(port);

  const connections = Array.from({ length: CONNECTIONS }, () => {
    const client = new Centrifuge(`ws://127.0.0.1:${port}/connection/websocket`, {
      getToken: async () => (await ann.auth.currentUser?.getIdToken()) ?? '',
      minReconnectDelay: 20,
      maxReconnectDelay: 1_000,
    });
    const heard: PublicationData[] = [];
    const made = { client, heard, losses: 0 };
    client.on('publication', ({ data }) => void heard.push(publicationData.parse(data)));
    client.on('connecting', ({ code }) => void (made.losses += code > 0 ? 1 : 0));
    client.connect();
    closers.push(() => client.disconnect());
    return made;
  });
  const allConnected = () => becomes(async () => connections.every(({ client }) => client.state === 'connected'), true);
  /** Waits until each connection was told of somebody what the platform's own server has told, and nothing twice. */
  const allHearOf = async (uid: string) => {
    await ann.hears('a follower', ({ publication }) => idsAbout(uid, [publication]).length > 0);
    const behind = async () => {
      const told = idsAbout(
        uid,
        ann.heard.map(({ publication }) => publication),
      );
      return connections.filter(({ heard }) => !isDeepStrictEqual(idsAbout(uid, heard), told)).length;
    };
    await becomes(behind, 0);
  };
  await allConnected();
  await bob.follow(ann.uid);
  await allHearOf(bob.uid);

  // The one that has not taken what came to this channel: the Pub/Sub emulator (0.8.20) keeps an ordering key for a stream that
  // took it, and now and then for good when the process behind that stream was killed.
  const taking = () => workers.filter(({ took }) => took.has(userChannel(ann.uid)));
  await becomes(async () => taking().length, 1);
  const doomed = workers.find((worker) => !taking().includes(worker));
  if (!doomed) throw new Error('both took what came to one channel');
  kill([doomed.pid]);
  await cem.follow(ann.uid);
  await allHearOf(cem.uid);
  await allConnected();
  const moved = connections.filter(({ losses }) => losses > 0).length;
  expect(moved).toBeGreaterThan(0);
  expect(moved).toBeLessThan(CONNECTIONS);

  await ready(3);
  expect(workers[2]?.port).toBe(port);
  primary.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
