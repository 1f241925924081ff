/**
 * Abusers of a server: each breaks a limit as fast as it can, and is back a second after it was sent away. They come from
 * this machine, which has no limit for an address; a server is protected from these by what it has for one connection
 * and one user, and by the handshakes that it takes in a second.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { DEFAULT_LIMITS } from '../../realtime-server/src/limits.ts';
import { abusersOrder, abusersSpec } from './words.ts';

const { abusers } = abusersSpec.parse(JSON.parse(process.argv[2] ?? ''));

/** Before the next attempt, from half of it to half as much again, so that they do not come all at once. */
const AWAY_MS = 1_000;
const REST_LOOK_EVERY_MS = 100;
/** Ten times what a connection may ask for in a second. */
const COMMANDS = 10 * DEFAULT_LIMITS.commandsPerSecondMax;
const PINGS = 1_000;

const lines = (count: number, line: (nth: number) => object) =>
  Array.from({ length: count }, (_, nth) => JSON.stringify(line(nth))).join('\n');
const SUBSCRIBES = lines(COMMANDS, (nth) => ({ id: nth + 2, subscribe: { channel: `content:x${nth}` } }));
const TOO_LARGE = 'x'.repeat(DEFAULT_LIMITS.messageBytesMax + 1);
const NONSENSE = '{"id":2,"subscribe":'.repeat(100);

/** What abusers do once they are connected; they are dealt out evenly. */
const ABUSES: ((socket: WebSocket) => void)[] = [
  (socket) => socket.send(SUBSCRIBES),
  (socket) => socket.send(TOO_LARGE),
  (socket) => socket.send(NONSENSE),
  (socket) => {
    for (let sent = 0; sent < PINGS; sent += 1) socket.ping();
  },
];
/** One in so many is the same user as all others of these: more connections than one may have. */
const SAME_USER_EVERY = 5;

let endpoint: string | undefined;
const open = new Set<WebSocket>();
const endings = new Map<string, number>();

/** Comes in, does its worst, and waits for its end. */
async function abuseOnce(at: string, nth: number): Promise<void> {
  const socket = new WebSocket(at);
  open.add(socket);
  let refusal: string | undefined;
  socket.on('error', ({ message }) => (refusal = /Unexpected server response: (\d+)/.exec(message)?.[1]));
  socket.once('open', () => {
    const isSameUser = nth % SAME_USER_EVERY === 0;
    socket.send(JSON.stringify({ id: 1, connect: { token: isSameUser ? 'eve' : `eve${nth}` } }));
    if (!isSameUser) ABUSES[nth % ABUSES.length]?.(socket);
  });
  const code = await new Promise<number>((resolve) => void socket.once('close', resolve));
  // Who leaves because it was told to was not sent away.
  if (!open.delete(socket)) return;
  const ending = refusal ?? String(code);
  endings.set(ending, (endings.get(ending) ?? 0) + 1);
}

async function abuse(nth: number): Promise<void> {
  for (;;) {
    if (endpoint === undefined) await sleep(REST_LOOK_EVERY_MS);
    else {
      await abuseOnce(endpoint, nth);
      await sleep(AWAY_MS * (0.5 + Math.random()));
    }
  }
}

for (let nth = 0; nth < abusers; nth += 1) void abuse(nth);

process.on('message', (message) => {
  ({ endpoint } = abusersOrder.parse(message));
  const staying = [...open];
  open.clear();
  for (const socket of staying) socket.terminate();
  process.send?.(Object.fromEntries(endings));
  endings.clear();
});
process.once('disconnect', () => process.exit());
