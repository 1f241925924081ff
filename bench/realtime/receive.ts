/**
 * The receivers of a measurement as a process, which starts the server under test and keeps it going: it grants so many
 * publications more as have been taken in, so that each is measured with every publication delivered and no growing queue.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type BareSocket, type Shared, subscribe } from './bare-socket.ts';
import {
  type Outcome,
  type ServerOrder,
  type ServerState,
  type Task,
  channelOfPublication,
  channelsOfSubscriber,
  listening,
  nowMicros,
  readPublication,
  receiverSpec,
  serverState,
  task,
} from './words.ts';

const SERVER_CORE = '0';
const SERVER_FILE = fileURLToPath(new URL('serve.ts', import.meta.url));
/** Connections that are being opened at once. */
const CONNECTING_AT_ONCE = 64;
/** After the last publication, how long deliveries may take until they count as lost. */
const DRAIN_MAX_MS = 20_000;
/** How long a delivery too many is waited for. */
const SETTLE_MS = 50;
const DEPARTURE_MS = 500;

const spec = receiverSpec.parse(JSON.parse(process.argv[2] ?? ''));
const { peer, layout } = spec;

/** The runtime of the server under test. */
function runtime(): string {
  if (peer !== 'bun') return process.execPath;
  const manifest = createRequire(import.meta.url).resolve('@oven/bun-linux-x64/package.json');
  return path.join(path.dirname(manifest), 'bin', 'bun');
}

const server: ChildProcess = spawn(
  'taskset',
  ['-c', SERVER_CORE, runtime(), '--expose-gc', SERVER_FILE, JSON.stringify(spec)],
  { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
);
server.once('exit', (code) => {
  console.error(`${peer}: the server ended with ${code}`);
  process.exit(1);
});
process.once('disconnect', () => process.exit());

const { port } = listening.parse((await once(server, 'message'))[0]);

let sockets: BareSocket[] = [];
/** Publications to each channel, and how many of them are counted. */
const publishedTo = new Map<string, number>();
let counted = 0;
let delivered = 0;
let lastDeliveryAt = 0;
let delaysMs: number[] = [];
/** Set while the server is kept going. */
let grantMore: (() => void) | undefined;
let failure: Error | undefined;

const order = (message: ServerOrder) => void server.send(message);
async function ask(message: ServerOrder): Promise<ServerState> {
  order(message);
  return serverState.parse((await once(server, 'message'))[0]);
}

const shared: Shared = {
  peer,
  lineLength: { bytes: 0 },
  onReceived(messages) {
    delivered += messages;
    lastDeliveryAt = performance.now();
    grantMore?.();
  },
  onFailure(error) {
    failure ??= error;
  },
};

/** Reads every publication that a subscriber gets: their order within a channel, and what time they took. */
function sampler(): (frame: string) => void {
  const lastOf = new Map<string, number>();
  return (frame) => {
    const now = nowMicros();
    for (const line of frame.split('\n')) {
      if (line === '') continue;
      const { number, sentMicros } = readPublication(line);
      const channel = channelOfPublication(layout, number);
      if (number <= (lastOf.get(channel) ?? 0)) throw new Error(`${channel}: ${number} after ${lastOf.get(channel)}`);
      lastOf.set(channel, number);
      delaysMs.push((now - sentMicros) / 1_000);
      // In one channel they are made to be of one length.
      if (layout.channels === 0) shared.lineLength.bytes = line.length;
    }
  };
}

async function connect(subscribers: number): Promise<void> {
  let next = 0;
  const opened: BareSocket[] = [];
  const connecting = Array.from({ length: CONNECTING_AT_ONCE }, async () => {
    for (let index = (next += 1) - 1; index < subscribers; index = (next += 1) - 1) {
      const sampled = index % spec.sampleEvery === 0 ? sampler() : undefined;
      opened[index] = await subscribe(port, `r${index}`, channelsOfSubscriber(layout, index), shared, sampled);
    }
  });
  await Promise.all(connecting);
  sockets = opened;
}

/** What the subscriber should have by now. */
const dueTo = (index: number): number =>
  channelsOfSubscriber(layout, index).reduce((sum, channel) => sum + (publishedTo.get(channel) ?? 0), 0);

/** Waits for all that was published. @throws {Error} when a delivery is lost or comes twice */
async function drain(published: number): Promise<void> {
  while (counted < published) {
    counted += 1;
    const channel = channelOfPublication(layout, counted);
    publishedTo.set(channel, (publishedTo.get(channel) ?? 0) + 1);
  }
  const due = sockets.reduce((sum, _, index) => sum + dueTo(index), 0);
  const deadline = performance.now() + DRAIN_MAX_MS;
  while (delivered < due && !failure && performance.now() < deadline) await sleep(5);
  const took = lastDeliveryAt;
  await sleep(SETTLE_MS);
  if (failure) throw failure;
  lastDeliveryAt = took;
  for (const [index, { received }] of sockets.entries())
    if (received !== dueTo(index)) throw new Error(`${peer}: subscriber ${index} got ${received} of ${dueTo(index)}`);
}

const processorMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** What was delivered between the beginning of `publishing` and the last delivery, and what it took. */
async function measured(publishing: () => Promise<void>): Promise<Outcome> {
  delaysMs = [];
  const [before, beforeDelivered] = [await ask({ do: 'report', collect: false }), delivered];
  const receiverCpuBefore = processorMs();
  const startedAt = performance.now();
  await publishing();
  const { published } = await ask({ do: 'stop' });
  await drain(published);
  const receiverCpuMs = processorMs() - receiverCpuBefore;
  const after = await ask({ do: 'report', collect: false });
  delaysMs.sort((one, other) => one - other);
  const delayOf = (share: number) => delaysMs[Math.min(delaysMs.length - 1, Math.floor(delaysMs.length * share))] ?? 0;
  return {
    deliveries: delivered - beforeDelivered,
    published: published - before.published,
    tookMs: lastDeliveryAt - startedAt,
    serverCpuMs: after.cpuMs - before.cpuMs,
    receiverCpuMs,
    p50Ms: delayOf(0.5),
    p99Ms: delayOf(0.99),
    rssBytes: 0,
  };
}

function saturate({ burst, window, grantEvery, measuredMs }: Extract<Task, { do: 'saturate' }>): Promise<Outcome> {
  // Of a publication all subscribers of its channel get one; over many publications that is so many each.
  const deliveriesEach = sockets.length / Math.max(1, layout.channels);
  const [first, deliveredFirst] = [counted, delivered];
  let upTo = first;
  return measured(async () => {
    grantMore = () => {
      const next = first + Math.floor((delivered - deliveredFirst) / deliveriesEach) + window;
      if (next < upTo + grantEvery) return;
      upTo = next;
      order({ do: 'grant', burst, upTo });
    };
    grantMore();
    await sleep(measuredMs);
    grantMore = undefined;
  });
}

const NOTHING: Outcome = {
  deliveries: 0,
  published: 0,
  tookMs: 0,
  serverCpuMs: 0,
  receiverCpuMs: 0,
  p50Ms: 0,
  p99Ms: 0,
  rssBytes: 0,
};

async function carryOut(wanted: Task): Promise<Outcome> {
  switch (wanted.do) {
    case 'connect':
      await connect(wanted.subscribers);
      return NOTHING;
    case 'leave':
      for (const socket of sockets) socket.destroy();
      sockets = [];
      // Who comes next is due what is published from then on.
      publishedTo.clear();
      delivered = 0;
      await sleep(DEPARTURE_MS);
      return NOTHING;
    case 'saturate':
      return saturate(wanted);
    case 'pace':
      return measured(async () => {
        order({ do: 'pace', perSecond: wanted.perSecond });
        await sleep(wanted.measuredMs);
      });
    case 'memory':
      return { ...NOTHING, rssBytes: (await ask({ do: 'report', collect: wanted.collect })).rssBytes };
  }
}

process.on('message', (message) => {
  carryOut(task.parse(message)).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.send?.({ ready: true });
