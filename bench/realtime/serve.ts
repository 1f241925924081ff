/** A server under test as a process: publishes what its receiver orders, until that is gone. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Peer, type PeerServer, channelOfPublication, publicationOf, receiverSpec, serverOrder } from './words.ts';

/** A turn of the event loop ends after this, whatever is left of its burst: a slow peer is not made to stop for seconds. */
const TURN_MS_MAX = 50;
/** Some of what one collection finds free is given back to the system in the next, or by a thread of its own. */
const COLLECTIONS = 5;
const BETWEEN_COLLECTIONS_MS = 200;

async function open(peer: Peer): Promise<PeerServer> {
  switch (peer) {
    case 'ours':
      return (await import('./serve-ours.ts')).serveOurs();
    case 'plain':
      return (await import('./serve-plain.ts')).servePlain();
    case 'socket.io':
      return (await import('./serve-socket-io.ts')).serveSocketIo();
    case 'bun':
      return (await import('./serve-bun.ts')).serveBun();
  }
}

const { peer, layout } = receiverSpec.parse(JSON.parse(process.argv[2] ?? ''));
const server = await open(peer);

let published = 0;
let granted = { burst: 1, upTo: 0 };
let running = false;
let pacer: NodeJS.Timeout | undefined;

function publishNext(): void {
  published += 1;
  server.publish(channelOfPublication(layout, published), publicationOf(published));
}

function work(): void {
  const endsAt = performance.now() + TURN_MS_MAX;
  for (let left = granted.burst; left > 0 && published < granted.upTo; left -= 1) {
    publishNext();
    if (performance.now() > endsAt) break;
  }
  running = published < granted.upTo;
  if (running) setImmediate(work);
}

function pace(perSecond: number): void {
  const startedAt = performance.now();
  const first = published;
  pacer = setInterval(() => {
    const due = first + Math.floor(((performance.now() - startedAt) * perSecond) / 1_000);
    while (published < due) publishNext();
  }, 1);
}

async function report(collect: boolean): Promise<void> {
  for (let left = collect ? COLLECTIONS : 0; left > 0; left -= 1) {
    // What V8 does by itself once a process has been idle for some time: moves objects together and gives pages back.
    globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    await sleep(BETWEEN_COLLECTIONS_MS);
  }
  const { user, system } = process.cpuUsage();
  process.send?.({ published, cpuMs: (user + system) / 1_000, rssBytes: process.memoryUsage().rss });
}

process.on('message', (message) => {
  const order = serverOrder.parse(message);
  switch (order.do) {
    case 'grant':
      granted = order;
      if (running) return;
      running = true;
      setImmediate(work);
      return;
    case 'pace':
      pace(order.perSecond);
      return;
    case 'stop':
      clearInterval(pacer);
      granted.upTo = published;
      void report(false);
      return;
    case 'report':
      void report(order.collect);
  }
});
process.once('disconnect', () => process.exit());
process.send?.({ port: server.port });
