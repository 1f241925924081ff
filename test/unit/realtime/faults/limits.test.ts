/** `LIMITS_HONEST` and `LIMITS_ABUSERS` set the size. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { PUBLIC_FEED } from '@playnite/contracts/realtime';
import { DEFAULT_ADMISSION_LIMITS } from '../../../../realtime-server/src/admission.ts';
import { DEFAULT_LIMITS } from '../../../../realtime-server/src/limits.ts';
import { ask } from '../../../support/connecting.ts';
import {
  type BareSocket,
  type Phone,
  bareSocket,
  eventually,
  pause,
  phone,
  settled,
} from '../../../support/live-clients.ts';
import { type ServerSettings, publicationOf, serveRealtime } from '../../../support/realtime.ts';

const HONEST = Number(process.env['LIMITS_HONEST'] ?? 20);
/** Connections that subscribe too much; all others that break a limit are as many as that takes. */
const ABUSERS = Number(process.env['LIMITS_ABUSERS'] ?? 10);
/** As many deliveries a second for any number of clients, since they share a process with the server. */
const PUBLISH_EVERY_MS = HONEST / 2;
/** Of the honest clients' commands and publications while others break the limits; ordinarily it is a few milliseconds. */
const ANSWERED_WITHIN_MS = 5_000;

const opened: AsyncDisposable[] = [];
const phones: Phone[] = [];
const sockets: BareSocket[] = [];
afterEach(async () => {
  for (const { client } of phones.splice(0)) client.disconnect();
  for (const { socket } of sockets.splice(0)) socket.terminate();
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
});

/** A server with honest clients to whom something is published all the time. */
async function serve(settings: ServerSettings = {}) {
  const { server, port, endpoint } = await serveRealtime(settings);
  opened.push(server);
  const honest = Array.from({ length: HONEST }, (_, nth) => phone(endpoint, `honest${nth}`, [PUBLIC_FEED]));
  phones.push(...honest);
  await settled(honest);
  const published: string[] = [];
  let isOver = false;
  const publishing = (async () => {
    while (!isOver) {
      const id = `e${published.length + 1}`;
      published.push(id);
      await server.publish([{ channel: PUBLIC_FEED, publication: publicationOf(id) }]);
      await pause(PUBLISH_EVERY_MS);
    }
  })();

  /** Nobody who is honest lost anything, was sent away, or has to wait. */
  async function expectHonestUnharmed(): Promise<void> {
    isOver = true;
    await publishing;
    const isHeard = ({ heard }: Phone) => heard.get(PUBLIC_FEED)?.length === published.length;
    await eventually('the honest have heard all', () => honest.every(isHeard), ANSWERED_WITHIN_MS);
    for (const { heard, lost } of honest) {
      expect(heard.get(PUBLIC_FEED)).toEqual(published);
      expect(lost).toEqual([]);
    }
    const late = phone(endpoint, 'late', [PUBLIC_FEED]);
    phones.push(late);
    await settled([late], ANSWERED_WITHIN_MS);
  }

  const comeIn = async (token: string, headers = {}): Promise<BareSocket> => {
    const bare = await bareSocket(endpoint, headers);
    sockets.push(bare);
    bare.say({ id: 1, connect: { token } });
    return bare;
  };
  return { server, port, endpoint, comeIn, expectHonestUnharmed };
}

const pings = (count: number) => Array.from({ length: count }, (_, nth) => ({ id: nth + 2, ping: {} }));
const errorCodes = ({ received }: BareSocket) =>
  received.flatMap((message) => /"error":\{"code":(\d+)/.exec(message)?.[1] ?? []).map(Number);

const upgrade = (headers: Record<string, string>) => ({
  method: 'GET',
  headers: {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  },
});

describe('over a limit, with honest clients beside it,', () => {
  test('a message of 64 KiB is read, and one byte more ends the connection with 1009', async () => {
    const { comeIn, expectHonestUnharmed } = await serve();
    const eve = await comeIn('eve');
    const around = JSON.stringify({ id: 2, ping: {}, x: '' }).length;
    eve.say({ id: 2, ping: {}, x: 'x'.repeat(DEFAULT_LIMITS.messageBytesMax - around) });
    await eventually('the largest message is answered', () => eve.received.some((each) => each.startsWith('{"id":2')));
    eve.say({ id: 3, ping: {}, x: 'x'.repeat(DEFAULT_LIMITS.messageBytesMax - around + 1) });
    expect(await eve.closed).toBe(1009);
    await expectHonestUnharmed();
  });

  test('the 129th channel is refused with 106, and the 128 go on', async () => {
    const { server, comeIn, expectHonestUnharmed } = await serve({ limits: { commandsPerSecondMax: 1_000 } });
    const eve = await comeIn('eve');
    // Its own channel is the first.
    const others = DEFAULT_LIMITS.channelsMax - 1;
    for (let nth = 0; nth <= others; nth += 1) eve.say({ id: nth + 2, subscribe: { channel: `content:c${nth}` } });
    await eventually('all is answered', () => eve.received.length === others + 2);
    expect(errorCodes(eve)).toEqual([106]);
    await server.publish([{ channel: `content:c${others - 1}`, publication: publicationOf('e1') }]);
    await eventually('the last channel is heard', () => eve.received.some((each) => each.includes('"push"')));
    await expectHonestUnharmed();
  });

  test('1,000 subscriptions at once, from many, end each connection with 3013 and leave no channel open', async () => {
    const { server, comeIn, expectHonestUnharmed } = await serve();
    const before = server.node.hub.size;
    const subscribes = Array.from({ length: 1_000 }, (_, nth) => ({
      id: nth + 2,
      subscribe: { channel: `content:c${nth}` },
    }));
    const abusers = await Promise.all(Array.from({ length: ABUSERS }, (_, nth) => comeIn(`eve${nth}`)));
    for (const each of abusers) each.say(...subscribes);
    expect(await Promise.all(abusers.map(({ closed }) => closed))).toEqual(abusers.map(() => 3013));
    await eventually('their channels are closed', () => server.node.hub.size === before);
    await expectHonestUnharmed();
  });

  test('100 commands in a second are answered, and as many again end the connection with 3013', async () => {
    const { comeIn, expectHonestUnharmed } = await serve();
    const eve = await comeIn('eve');
    eve.say(...pings(DEFAULT_LIMITS.commandsPerSecondMax - 1));
    await eventually('all is answered', () => eve.received.length === DEFAULT_LIMITS.commandsPerSecondMax);
    eve.say(...pings(DEFAULT_LIMITS.commandsPerSecondMax + 1));
    expect(await eve.closed).toBe(3013);
    await expectHonestUnharmed();
  });

  test('500 connections of one user are 64, and the rest end with 3504', async () => {
    const { server, comeIn, expectHonestUnharmed } = await serve();
    const { perUserMax } = DEFAULT_ADMISSION_LIMITS;
    const codes: number[] = [];
    for (let nth = 0; nth < 500; nth += 1) void (await comeIn('eve')).closed.then((code) => codes.push(code));
    await eventually('all but the allowed are gone', () => codes.length === 500 - perUserMax);
    expect(new Set(codes)).toEqual(new Set([3504]));
    expect(server.node.connections).toBe(HONEST + perUserMax);
    await expectHonestUnharmed();
  });

  test('connections of one address are refused with 429 and when to come back; those of another come in', async () => {
    const perAddressMax = 30;
    const { port, comeIn, endpoint, expectHonestUnharmed } = await serve({
      admission: { perAddressMax, trustProxyHops: 1 },
    });
    const from = (address: string) => ({ 'x-forwarded-for': address });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 300 }, (_, nth) => comeIn(`eve${nth}`, from('203.0.113.9'))),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(perAddressMax);
    const answer = await ask(port, '/connection/websocket', upgrade(from('203.0.113.9')));
    expect(answer.status).toBe(429);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    const other = await bareSocket(endpoint, from('203.0.113.10'));
    sockets.push(other);
    await expectHonestUnharmed();
  });

  test.each([
    ['the server', 503, { handshakesPerSecond: 2, handshakesBurst: HONEST + 20 }],
    ['one address', 429, { handshakesPerAddressPerSecond: 2, handshakesPerAddressBurst: 40 }],
  ])('handshakes that %s has too many of are refused with %d and when to come back', async (_, status, limits) => {
    const { port, endpoint, expectHonestUnharmed } = await serve({ admission: { ...limits, trustProxyHops: 1 } });
    const from = { 'x-forwarded-for': '203.0.113.11' };
    const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => bareSocket(endpoint, from)));
    for (const each of outcomes) if (each.status === 'fulfilled') sockets.push(each.value);
    const refusals = outcomes.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []));
    expect(refusals.length).toBeGreaterThanOrEqual(50);
    for (const each of refusals) expect(each).toContain(`${status}`);
    const answer = await ask(port, '/connection/websocket', upgrade(from));
    expect(answer.status).toBe(status);
    const seconds = Number(answer.headers['retry-after']);
    expect(seconds).toBeGreaterThan(0);
    await pause(seconds * 1000);
    sockets.push(await bareSocket(endpoint, from));
    await expectHonestUnharmed();
  });
});
