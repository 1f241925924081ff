/**
 * A realtime server and its clients in one process, alone, to see what they leave behind: clients connect, subscribe, hear,
 * and go, for the seconds of the first argument. Says, as one line of JSON, how large the heap was on the way. To be started
 * with --expose-gc.
 */
import { WebSocket } from 'ws';
import { MemoryBroker } from '../../realtime-server/src/broker/memory-broker.ts';
import { pause } from './live-clients.ts';
import { publicationOf, serveRealtime } from './realtime.ts';

const SAMPLES = 5;
const DAY_MS = 24 * 3_600_000;
const AT_ONCE = 20;
const CHANNELS_PER_VISIT = 3;
/** Users that take turns: what is remembered of each is remembered once. */
const TURNS = 200;

/** How many come is for the machine to say. */
const AS_FAST_AS_THEY_CAN = 100_000;

const forMs = Number(process.argv[2]) * 1000;
let shiftMs = 0;
const broker = new MemoryBroker({ now: () => Date.now() + shiftMs });
const { server, endpoint } = await serveRealtime({ broker, admission: { handshakesPerSecond: AS_FAST_AS_THEY_CAN } });
let unhandled = 0;
process.on('unhandledRejection', () => (unhandled += 1));
let visits = 0;
let isOver = false;

/** Comes, subscribes, waits for something to be published, and goes: politely, or not. */
async function visit(): Promise<void> {
  visits += 1;
  const nth = visits;
  const socket = new WebSocket(endpoint);
  const turn = nth % TURNS;
  const channels = Array.from({ length: CHANNELS_PER_VISIT }, (_, each) => `content:v${turn}c${each}`);
  const commands = [
    { id: 1, connect: { token: `user${turn}` } },
    ...channels.map((channel, each) => ({ id: each + 2, subscribe: { channel } })),
  ];
  const answered = Promise.withResolvers<void>();
  const heard = Promise.withResolvers<void>();
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  socket.on('message', (data) => {
    const text = (data as Buffer).toString();
    if (text.includes(`"id":${CHANNELS_PER_VISIT + 1},`)) answered.resolve();
    if (text.includes(`last${nth}`)) heard.resolve();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.send(commands.map((each) => JSON.stringify(each)).join('\n'));
  await answered.promise;
  for (const channel of channels) await server.publish([{ channel, publication: publicationOf(`first${nth}`) }]);
  await server.publish([{ channel: channels[0] ?? '', publication: publicationOf(`last${nth}`) }]);
  await heard.promise;
  if (nth % 2 === 0) socket.terminate();
  else socket.close();
  await closed;
}

/** After all who came have gone, what a full collection leaves. */
async function rest(): Promise<{ heapBytes: number; rssBytes: number; timers: number; visits: number }> {
  while (server.node.connections > 0 || server.node.hub.size > 0) await pause(5);
  // What was published is kept for minutes, on purpose; a day later it must be gone.
  shiftMs += DAY_MS;
  broker.sweep();
  await pause(50);
  globalThis.gc?.();
  await pause(10);
  globalThis.gc?.();
  const timers = process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
  return { heapBytes: process.memoryUsage().heapUsed, rssBytes: process.memoryUsage.rss(), timers, visits };
}

const samples: Awaited<ReturnType<typeof rest>>[] = [];
for (let sample = 0; sample < SAMPLES; sample += 1) {
  const until = performance.now() + forMs / SAMPLES;
  isOver = false;
  const visitors = Array.from({ length: AT_ONCE }, async () => {
    while (!isOver) await visit();
  });
  while (performance.now() < until) await pause(20);
  isOver = true;
  await Promise.all(visitors);
  samples.push(await rest());
}
await server[Symbol.asyncDispose]();
process.stdout.write(`${JSON.stringify({ samples, unhandled })}\n`);
process.exit(0);
