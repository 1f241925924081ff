/** Redis servers for tests: real ones, each on a port and in a directory of its own, that keep nothing. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface TestRedis extends AsyncDisposable {
  url: string;
  port: number;
  /** Ends the server, `SIGKILL` unless told otherwise, and waits until it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on its port, empty; ends it first where it runs. */
  restart(): Promise<void>;
  /** Has it keep its connections and say nothing. */
  pause(): void;
  resume(): void;
  /** Sends one command over a connection of its own; the reply as Redis writes it (RESP 2). */
  command(...words: string[]): Promise<string>;
}

const READY_WITHIN_MS = 10_000;
const CLUSTER_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 20;

/** Starts a server; `options` are more words for its command line. */
export async function startRedis(...options: string[]): Promise<TestRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'redis-'));
  const port = await freePort();
  let server: ChildProcess | undefined;

  const signal = (name: NodeJS.Signals) => server?.kill(name);
  const atExit = () => void signal('SIGKILL');
  process.once('exit', atExit);

  async function kill(name: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (!server) return;
    const ended = once(server, 'exit');
    signal(name);
    await ended;
    server = undefined;
  }

  async function restart(): Promise<void> {
    await kill();
    const words = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', directory, '--save', '', '--appendonly', 'no'];
    server = spawn('redis-server', [...words, ...options], { stdio: 'ignore' });
    await until(READY_WITHIN_MS, async () => (await command(port, ['PING'])) === '+PONG');
  }

  await restart();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    kill,
    restart,
    pause: () => void signal('SIGSTOP'),
    resume: () => void signal('SIGCONT'),
    command: (...words) => command(port, words),
    async [Symbol.asyncDispose]() {
      process.off('exit', atExit);
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A cluster of three servers, each with a third of the slots. */
export async function startRedisCluster(): Promise<AsyncDisposable & { servers: TestRedis[]; url: string }> {
  const servers = await Promise.all([0, 1, 2].map(() => startRedis('--cluster-enabled', 'yes')));
  const dispose = async () => void (await Promise.all(servers.map((server) => server[Symbol.asyncDispose]())));
  try {
    const [first] = servers;
    if (!first) throw new Error('no server was started');
    const ranges = [
      ['0', '5460'],
      ['5461', '10922'],
      ['10923', '16383'],
    ];
    await Promise.all(servers.map((server, nth) => server.command('CLUSTER', 'ADDSLOTSRANGE', ...(ranges[nth] ?? []))));
    for (const { port } of servers.slice(1)) await first.command('CLUSTER', 'MEET', '127.0.0.1', `${port}`);
    await until(CLUSTER_WITHIN_MS, async () => {
      const states = await Promise.all(servers.map((server) => server.command('CLUSTER', 'INFO')));
      return states.every((state) => /cluster_state:ok[^]*cluster_known_nodes:3/.test(state));
    });
    return { servers, url: first.url, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Waits until something is so; what throws is not so yet. */
async function until(ms: number, isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + ms;
  while (!(await isSo().catch(() => false))) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms`);
    await sleep(LOOK_EVERY_MS);
  }
}

/** The first packet of a reply is all of it: what tests ask for is short. */
async function command(port: number, words: readonly string[]): Promise<string> {
  const socket = createConnection(port, '127.0.0.1');
  try {
    socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`);
    const [reply] = (await once(socket, 'data')) as [Buffer];
    return reply.toString().trimEnd();
  } finally {
    socket.destroy();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  // A cluster's servers also take the port ten thousand above.
  return port < 55_000 ? port : freePort();
}
