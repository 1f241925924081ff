/**
 * Broadcast at saturation to a thousand subscribers on loopback: the live stream's server, and beside it a loop over
 * `send` of `ws`, which is what it is built on. A server has one core to itself and its receivers the other. Receivers
 * are bare sockets that count lines in frames, and grant the server so many publications more as they have taken in:
 * both servers are measured with every publication delivered, none with a growing queue. Other work on the machine takes
 * time from both processes; what a server delivers for a second of its own processor time is the firmer figure.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import { type Socket, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';

const SUBSCRIBERS = 1_000;
const PAYLOAD_BYTES = 200;
/** Publications that come within one turn of the server's event loop. */
const BURSTS = [1, 10, 100];
/** Publications that may be on their way at once, and after how many the receivers grant more. */
const WINDOW = 200;
const GRANT_EVERY = 20;
const MEASURED_MS = 2_000;
const DRAIN_MAX_MS = 10_000;
const RUN_MAX_MS = 30_000;
const [SERVER_CORE, RECEIVER_CORE] = ['0', '1'];
const CHANNEL = 'public:feed';
const FILE = fileURLToPath(import.meta.url);

const KINDS = ['ours', 'plain'] as const;
const kindOf = z.enum(KINDS);
type Kind = z.infer<typeof kindOf>;
/** Deliveries for a second on the clock, and for a second of the server's processor time. */
const rate = z.object({ perSecond: z.number(), perCpuSecond: z.number() });
type Rate = z.infer<typeof rate>;
const ratesBySize = z.record(z.string(), rate);
type RatesBySize = z.infer<typeof ratesBySize>;

/** What the receivers tell the server: how many publications to a turn, and up to which in all. */
const grant = z.object({ burst: z.number(), upTo: z.number() });
const listening = z.object({ port: z.number() });
/** What the server tells when it has published what it may: how many, and for how much processor time. */
const report = z.object({ published: z.number(), cpuMs: z.number() });

/** Deliveries of both servers for each size of burst, and ours as a multiple of the other. */
export async function benchRealtime(): Promise<string[]> {
  const rates: Record<Kind, RatesBySize> = { ours: {}, plain: {} };
  for (const kind of KINDS) {
    const run = ['-c', RECEIVER_CORE, process.execPath, FILE, 'receive', kind];
    const { stdout } = await promisify(execFile)('taskset', run, { timeout: RUN_MAX_MS });
    rates[kind] = ratesBySize.parse(JSON.parse(stdout));
  }
  return BURSTS.flatMap((burst) => {
    const [ours, plain] = [rates.ours[burst], rates.plain[burst]];
    if (!ours || !plain) return [];
    const line = (what: string, key: keyof Rate) =>
      `  ${`${burst} in a turn, deliveries ${what}`.padEnd(52)}${figure(ours[key])} to ${figure(plain[key])} of a loop of ws: ${(ours[key] / plain[key]).toFixed(2)}`;
    return [line('a second', 'perSecond'), line('a second of processor time', 'perCpuSecond')];
  });
}

const figure = (value: number) => Math.round(value).toLocaleString('en').padStart(10);

/** A publication's data, padded so that the publication is of PAYLOAD_BYTES. */
const publicationOf = (number: number) => {
  const bare = { type: 'bench.published', id: `${number}`, at: '2026-01-01T00:00:00.000Z', data: '' };
  return { ...bare, data: 'x'.repeat(PAYLOAD_BYTES - JSON.stringify(bare).length) };
};

type Publish = (number: number) => void;

async function serveOurs(): Promise<{ port: number; publish: Publish }> {
  const [{ createRealtimeServer }, { MemoryBroker }, { DEFAULT_LIMITS }, { pino }] = await Promise.all([
    import('../realtime-server/src/server.ts'),
    import('../realtime-server/src/broker/memory-broker.ts'),
    import('../realtime-server/src/limits.ts'),
    import('pino'),
  ]);
  // Bare sockets answer no ping.
  const limits = { ...DEFAULT_LIMITS, pingEveryMs: 2 * RUN_MAX_MS };
  const server = createRealtimeServer({
    broker: new MemoryBroker(limits, Date.now),
    authenticate: async (token) => ({ uid: token, expiresAt: Date.now() + 3_600_000, token }),
    authorize: async () => 'allowed',
    limits,
    allowedOrigins: [],
    now: Date.now,
    log: pino({ level: 'silent' }),
    version: 'bench',
  });
  const port = await server.listen('127.0.0.1', 0);
  server.setReady(true);
  return {
    port,
    publish: (number) => server.publish([{ channel: CHANNEL, publication: publicationOf(number) }]),
  };
}

async function servePlain(): Promise<{ port: number; publish: Publish }> {
  const [{ WebSocketServer }, { publicationPush }] = await Promise.all([
    import('ws'),
    import('../realtime-server/src/protocol.ts'),
  ]);
  const http: Server = createServer();
  const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });
  // The same answers as ours, as far as the receivers look: one line to each command.
  sockets.on('connection', (socket) => socket.on('message', () => socket.send('{}')));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const address = http.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    publish(number) {
      const data = JSON.stringify(publicationOf(number));
      const push = Buffer.from(publicationPush(CHANNEL, { offset: number, data }));
      for (const socket of sockets.clients) socket.send(push, { binary: false });
    },
  };
}

/** Publishes what it is granted, so many to a turn, until its receivers go. */
async function serve(kind: Kind): Promise<void> {
  const { port, publish } = await (kind === 'ours' ? serveOurs() : servePlain());
  let published = 0;
  let granted = { burst: 1, upTo: 0 };
  let running = false;
  const work = () => {
    for (let left = granted.burst; left > 0 && published < granted.upTo; left -= 1) publish((published += 1));
    running = published < granted.upTo;
    if (running) setImmediate(work);
    else {
      const { user, system } = process.cpuUsage();
      process.send?.({ published, cpuMs: (user + system) / 1_000 });
    }
  };
  process.on('message', (message) => {
    granted = grant.parse(message);
    if (running) return;
    running = true;
    setImmediate(work);
  });
  process.once('disconnect', () => process.exit());
  process.send?.({ port });
}

/** Counts the lines of the text frames that a socket gets, wherever the network cuts them. */
function lineCounter(onLines: (lines: number) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let payloadLeft = 0;
  return (chunk) => {
    let lines = 0;
    let at = 0;
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    rest = Buffer.alloc(0);
    while (at < bytes.length) {
      if (payloadLeft === 0) {
        const short = bytes.length - at >= 2 ? bytes.readUInt8(at + 1) : 127;
        const header = short < 126 ? 2 : 4;
        if (bytes.length - at < header) {
          rest = bytes.subarray(at);
          break;
        }
        // No message of either server needs the eight-byte length.
        if (short === 127) throw new Error('frame too large');
        payloadLeft = short < 126 ? short : bytes.readUInt16BE(at + 2);
        at += header;
        lines += 1;
      }
      const payload = bytes.subarray(at, at + payloadLeft);
      for (let end = payload.indexOf(10); end !== -1; end = payload.indexOf(10, end + 1)) lines += 1;
      at += payload.length;
      payloadLeft -= payload.length;
    }
    onLines(lines);
  };
}

/** A text frame from a client, shorter than 126 bytes; masked with zeros, which leaves it as it is. */
const masked = (text: string) =>
  Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);

/** Connects, subscribes, and resolves when both are answered. */
async function subscribe(port: number, name: string, onLines: (lines: number) => void): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(
    `GET /connection/websocket HTTP/1.1\r\nhost: bench\r\nupgrade: websocket\r\nconnection: upgrade\r\n` +
      `sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
  );
  const [head] = z.tuple([z.instanceof(Buffer)]).parse(await once(socket, 'data'));
  if (!head.toString().startsWith('HTTP/1.1 101')) throw new Error(`refused: ${head.toString()}`);
  let answers = 0;
  const answered = Promise.withResolvers<void>();
  const count = lineCounter((lines) => {
    if (answers === 2) return onLines(lines);
    answers += lines;
    if (answers === 2) answered.resolve();
  });
  socket.on('data', count);
  socket.write(masked(`{"id":1,"connect":{"token":"${name}"}}`));
  socket.write(masked(`{"id":2,"subscribe":{"channel":"${CHANNEL}"}}`));
  await answered.promise;
  return socket;
}

/** The rates for each size of burst. @throws {Error} when a delivery is lost or comes twice */
async function receive(kind: Kind): Promise<RatesBySize> {
  const server: ChildProcess = spawn('taskset', ['-c', SERVER_CORE, process.execPath, FILE, 'serve', kind], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const { port } = listening.parse((await once(server, 'message'))[0]);
  let published = 0;
  server.on('message', (message) => ({ published } = report.parse(message)));

  let delivered = 0;
  let upTo = 0;
  let burst = 0;
  const grantMore = () => {
    const next = Math.floor(delivered / SUBSCRIBERS) + WINDOW;
    if (burst === 0 || next < upTo + GRANT_EVERY) return;
    upTo = next;
    server.send({ burst, upTo });
  };
  const sockets: Socket[] = [];
  for (let index = 0; index < SUBSCRIBERS; index += 1)
    sockets.push(
      await subscribe(port, `r${index}`, (lines) => {
        delivered += lines;
        grantMore();
      }),
    );

  /** A grant of nothing new is answered with how things stand. */
  const cpuMs = async () => {
    server.send({ burst: 1, upTo });
    return report.parse((await once(server, 'message'))[0]).cpuMs;
  };
  const rateOf = async (size: number): Promise<Rate> => {
    const before = { delivered, cpuMs: await cpuMs(), at: performance.now() };
    burst = size;
    grantMore();
    await sleep(MEASURED_MS);
    burst = 0;
    const deadline = performance.now() + DRAIN_MAX_MS;
    while ((published < upTo || delivered < upTo * SUBSCRIBERS) && performance.now() < deadline) await sleep(5);
    const [took, deliveries] = [performance.now() - before.at, delivered - before.delivered];
    if (delivered !== upTo * SUBSCRIBERS) throw new Error(`${kind}: ${delivered} of ${upTo * SUBSCRIBERS} came`);
    return {
      perSecond: (deliveries * 1_000) / took,
      perCpuSecond: (deliveries * 1_000) / ((await cpuMs()) - before.cpuMs),
    };
  };
  // Code that has not been compiled yet would count against the size that comes first.
  await rateOf(1);
  const rates: RatesBySize = {};
  for (const size of BURSTS) rates[size] = await rateOf(size);
  for (const socket of sockets) socket.destroy();
  server.disconnect();
  return rates;
}

if (import.meta.main) {
  const [role, kind] = process.argv.slice(2);
  if (role === 'serve') await serve(kindOf.parse(kind));
  else console.log(JSON.stringify(await receive(kindOf.parse(kind))));
}
