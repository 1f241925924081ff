import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DISCONNECTS } from '@playnite/contracts/realtime';
import { Centrifuge, type TransportEndpoint, UnauthorizedError } from 'centrifuge';
import { Centrifuge as ProtobufCentrifuge } from 'centrifuge/build/protobuf';
import { EventSource } from 'eventsource';
import { WebSocket } from 'ws';
import {
  type Asked,
  FAILING_METHOD,
  MESSAGE_BYTES_MAX,
  PAGE,
  ask as askAt,
  startEndpoints,
  until,
} from '../../support/connecting.ts';

const messagesOf = (...texts: string[]) => texts.map((text) => Buffer.from(text));

let served: Awaited<ReturnType<typeof startEndpoints>>;
const closers: (() => unknown)[] = [];

const ask = (path: string, asked: Asked) => askAt(served.port, path, asked);

beforeEach(async () => {
  served = await startEndpoints();
});

afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await served.stop();
  expectCleanEnd();
});

function expectCleanEnd(): void {
  expect(served.errors).toEqual([]);
  expect(served.connected.map(({ closed }) => closed)).not.toContain(false);
}

const CONNECT = '{"id":1,"connect":{"token":"secret"}}';
const RESULT =
  '{"id":1,"connect":{"client":"session-1","version":"0","ping":25,"pong":true,"session":"session-1","node":"node"}}';

describe('HTTP streaming', () => {
  test('answers the first commands with a stream that goes on', async () => {
    const answer = await ask('/connection/http_stream', { body: CONNECT, headers: { origin: PAGE } });
    expect(answer).toMatchObject({
      status: 200,
      headers: {
        'cache-control': 'private, no-cache, no-store, must-revalidate, max-age=0',
        'x-accel-buffering': 'no',
        'access-control-allow-origin': PAGE,
        'transfer-encoding': 'chunked',
      },
    });
    await until(() => answer.body.endsWith('\n'));
    expect(JSON.parse(answer.body)).toEqual(JSON.parse(RESULT));
    const [connection] = served.connected;
    connection?.transport.write(connection.transport.format.frame(messagesOf('{}', '{"push":{}}')));
    await until(() => answer.body.endsWith('{"push":{}}\n'));
    expect(answer.body.split('\n').slice(1)).toEqual(['{}', '{"push":{}}', '']);
  });

  test('says why it ends, and ends', async () => {
    const answer = await ask('/connection/http_stream', { body: CONNECT });
    served.connected[0]?.transport.close(DISCONNECTS.shutdown, 1_000);
    await until(() => answer.ended);
    expect(JSON.parse(answer.body.split('\n').at(-2) ?? '')).toEqual({
      push: { disconnect: { code: 3001, reason: 'shutdown' } },
    });
    expect(served.admission.connections).toBe(0);
  });

  test('notices that the client has gone', async () => {
    const answer = await ask('/connection/http_stream', { body: CONNECT });
    answer.abort();
    await until(() => served.connected[0]?.closed === true);
    served.connected[0]?.transport.write(messagesOf('into the void'));
    served.connected[0]?.transport.close(DISCONNECTS.slow, 1_000);
    expect(served.admission.connections).toBe(0);
  });

  test('refuses a body that is too large, whether it says so or not', async () => {
    const body = 'x'.repeat(MESSAGE_BYTES_MAX + 1);
    expect(await ask('/connection/http_stream', { body })).toMatchObject({ status: 413 });
    const headers = { 'content-length': String(2 ** 30) };
    const claimed = await ask('/connection/http_stream', { headers, unfinished: true, body: 'x' });
    expect(claimed.status).toBe(413);
    await until(() => served.admission.connections === 0);
  });

  test('gives up on a body that does not come', async () => {
    const answer = await ask('/connection/http_stream', { body: 'x', unfinished: true });
    expect(answer).toMatchObject({ status: 408, headers: { connection: 'close' } });
    await until(() => answer.ended && served.admission.connections === 0);
    expect(served.connected).toEqual([]);
  });

  test('cuts a client off that does not read, and knows how much waits for it', async () => {
    const socket = connectTcp(served.port, '127.0.0.1').pause();
    socket.on('error', () => undefined);
    closers.push(() => socket.destroy());
    socket.write(`POST /connection/http_stream HTTP/1.1\r\nhost: server\r\ncontent-length: ${CONNECT.length}\r\n\r\n`);
    socket.write(CONNECT);
    await until(() => served.connected.length === 1);
    const transport = served.connected[0]?.transport;
    // More than the kernels of both sides take in.
    for (let sent = 0; sent < 32; sent += 1) transport?.write([Buffer.alloc(2 ** 20, 'x')]);
    await until(() => (transport?.queuedBytes ?? 0) > 2 ** 20);
    transport?.close(DISCONNECTS.slow, 50);
    await until(() => served.connected[0]?.closed === true);
    expect(served.admission.connections).toBe(0);
  });

  test('lets no second stream wait behind a first one on the same connection', async () => {
    const socket = connectTcp(served.port, '127.0.0.1');
    const post = `POST /connection/http_stream HTTP/1.1\r\nhost: server\r\ncontent-length: ${CONNECT.length}\r\n\r\n${CONNECT}`;
    socket.on('error', () => undefined).resume();
    socket.write(post + post);
    await once(socket, 'close');
    await until(() => served.admission.connections === 0);
    expect(served.connected.length).toBeLessThanOrEqual(1);
  });
});

describe('server-sent events', () => {
  test('answer the commands of the URL with events', async () => {
    const path = `/connection/sse?cf_connect=${encodeURIComponent(CONNECT)}`;
    const answer = await ask(path, { method: 'GET' });
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' },
    });
    await until(() => answer.body.endsWith('\n\n'));
    expect(answer.body.startsWith('\r\ndata: ')).toBe(true);
    expect(JSON.parse(answer.body.trim().slice('data: '.length))).toEqual(JSON.parse(RESULT));
    expect(served.connected[0]).toMatchObject({ heard: [CONNECT], transport: { name: 'sse', emulated: true } });
  });

  test('take the commands as a body too, and nothing but commands', async () => {
    expect(await ask('/connection/sse', { body: CONNECT })).toMatchObject({ status: 200 });
    expect(served.connected[0]?.heard).toEqual([CONNECT]);
    expect(await ask('/connection/sse', { method: 'GET' })).toMatchObject({ status: 400 });
    expect(await ask('/connection/sse?cf_connect=', { method: 'GET' })).toMatchObject({ status: 400 });
  });
});

describe('emulation', () => {
  const body = (session: string) => JSON.stringify({ session, node: 'node', data: '{"id":2,"rpc":{"method":"m"}}' });

  test('hands commands to their session', async () => {
    await ask('/connection/http_stream', { body: CONNECT });
    expect(await ask('/emulation', { body: body('session-1'), headers: { origin: PAGE } })).toMatchObject({
      status: 204,
      headers: { 'access-control-allow-origin': PAGE },
    });
    expect(served.connected[0]?.heard[1]).toBe('{"id":2,"rpc":{"method":"m"}}');
  });

  test('knows no session that is gone, and reads no nonsense', async () => {
    expect(await ask('/emulation', { body: body('session-1') })).toMatchObject({ status: 404 });
    expect(await ask('/emulation', { body: 'nonsense' })).toMatchObject({ status: 400 });
    expect(await ask('/emulation', { body: 'x'.repeat(MESSAGE_BYTES_MAX + 1) })).toMatchObject({ status: 413 });
  });
});

describe('web pages', () => {
  const handshake = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
  const key = { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };

  test.each(['https://evil.example', 'null', `${PAGE}.evil.example`, 'http://playnite.example'])(
    'of %s get 403 on every path before anything is read',
    async (origin) => {
      const paths = ['/connection/http_stream', '/connection/sse', '/emulation'];
      for (const path of paths) {
        for (const method of ['POST', 'OPTIONS']) {
          expect(await ask(path, { method, headers: { origin } })).toMatchObject({ status: 403 });
        }
      }
      const upgrade = { method: 'GET', headers: { ...handshake, ...key, origin } };
      expect(await ask('/connection/websocket', upgrade)).toMatchObject({ status: 403 });
      expect(served.connected).toEqual([]);
    },
  );

  test('that may connect are told so before they ask', async () => {
    expect(await ask('/emulation', { method: 'OPTIONS', headers: { origin: PAGE } })).toMatchObject({
      status: 204,
      headers: {
        'access-control-allow-origin': PAGE,
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': 'content-type',
        vary: 'origin',
      },
    });
    const { headers } = await ask('/connection/sse', { method: 'OPTIONS' });
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });

  test('get 405 for another method, and other paths are left to others', async () => {
    expect(await ask('/emulation', { method: 'PUT' })).toMatchObject({
      status: 405,
      headers: { allow: 'POST, OPTIONS' },
    });
    expect(await ask('/elsewhere', { method: 'GET' })).toMatchObject({ status: 418 });
    expect(await ask('//', { method: 'GET' })).toMatchObject({ status: 418 });
    const http2 = { connection: 'upgrade, http2-settings', upgrade: 'h2c', 'http2-settings': '' };
    expect(await ask('/elsewhere', { method: 'GET', headers: http2 })).toMatchObject({ status: 418 });
    const upgrade = { method: 'GET', headers: { ...handshake, ...key } };
    expect(await ask('/elsewhere', upgrade)).toMatchObject({ status: 404 });
    expect(await ask('/connection/websocket', { ...upgrade, headers: handshake })).toMatchObject({ status: 400 });
    expect(served.admission.connections).toBe(0);
  });
});

describe('WebSocket', () => {
  /** An open connection; `protocols` as a browser would offer them. */
  async function open(protocols: string[] = [], query = ''): Promise<WebSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${served.port}/connection/websocket${query}`, protocols);
    closers.push(() => socket.terminate());
    await once(socket, 'open');
    return socket;
  }

  test.each([
    [[], '', '', 'json'],
    [['centrifuge-json'], '', 'centrifuge-json', 'json'],
    [['centrifuge-protobuf'], '', 'centrifuge-protobuf', 'protobuf'],
    [['other', 'centrifuge-protobuf'], '', 'centrifuge-protobuf', 'protobuf'],
    [[], '?format=protobuf', '', 'protobuf'],
    [[], '?cf_protocol=protobuf', '', 'protobuf'],
    [[], '?format=json', '', 'json'],
  ])('of %j and %p speaks %p, which is %s', async (protocols, query, agreed, encoding) => {
    expect((await open(protocols, query)).protocol).toBe(agreed);
    expect(served.connected[0]?.transport.format.codec.name).toBe(encoding);
    expect(served.connected[0]?.transport).toMatchObject({ name: 'websocket', emulated: false, address: '127.0.0.1' });
  });

  test('sends many frames in order, small and large', async () => {
    const socket = await open();
    const received: string[] = [];
    socket.on('message', (data: Buffer) => void received.push(data.toString()));
    const transport = served.connected[0]?.transport;
    const texts = [1, 5, 70_000, 3, 65_536, 2].map((length, index) => String(index).repeat(length));
    const frames = texts.flatMap((text) => transport?.format.frame(messagesOf(text)) ?? []);
    transport?.write(frames);
    transport?.write(frames.slice(0, 2));
    transport?.write([]);
    await until(() => received.length === 8);
    expect(received).toEqual([...texts, ...texts.slice(0, 2)]);
  });

  test('closes with the code and its reason, writes nothing after that, and ends once', async () => {
    const socket = await open();
    const received: string[] = [];
    socket.on('message', (data: Buffer) => void received.push(data.toString()));
    const closing = once(socket, 'close');
    const transport = served.connected[0]?.transport;
    transport?.write(transport.format.frame(messagesOf('before')));
    transport?.close(DISCONNECTS.expired, 1_000);
    transport?.close(DISCONNECTS.slow, 1_000);
    transport?.write(transport.format.frame(messagesOf('after')));
    const [code, reason] = (await closing) as [number, Buffer];
    expect([code, reason.toString(), received]).toEqual([3005, 'connection expired', ['before']]);
    await until(() => served.connected[0]?.closed === true && served.admission.connections === 0);
    transport?.write(transport.format.frame(messagesOf('long after')));
  });

  test('cuts a client off that does not read, and knows how much waits for it', async () => {
    const socket = await open();
    socket.pause();
    const transport = served.connected[0]?.transport;
    const frames = transport?.format.frame([Buffer.alloc(2 ** 20, 'x')]) ?? [];
    for (let sent = 0; sent < 32; sent += 1) transport?.write(frames);
    await until(() => (transport?.queuedBytes ?? 0) > 2 ** 20);
    transport?.close(DISCONNECTS.slow, 50);
    await until(() => served.connected[0]?.closed === true);
    expect(served.admission.connections).toBe(0);
  });

  test('hears no more of a client that was told to go', async () => {
    const socket = await open();
    const transport = served.connected[0]?.transport;
    transport?.close(DISCONNECTS.tooManyRequests, 1_000);
    socket.send('{"id":1,"rpc":{"method":"late","data":{}}}');
    await once(socket, 'close');
    expect(served.connected[0]?.heard).toEqual([]);
  });
});

describe('room', () => {
  test('is refused before the handshake, with the time to come back', async () => {
    await served.stop();
    served = await startEndpoints({ connectionsMax: 1 });
    await ask('/connection/http_stream', { body: CONNECT });
    const full = { status: 503, headers: { 'retry-after': '10' } };
    expect(await ask('/connection/http_stream', { body: CONNECT })).toMatchObject(full);
    const headers = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
    const key = { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };
    const upgrade = { method: 'GET', headers: { ...headers, ...key } };
    expect(await ask('/connection/websocket', upgrade)).toMatchObject(full);
    served.connected[0]?.transport.close(DISCONNECTS.shutdown, 1_000);
    await until(() => served.admission.connections === 0);
    expect(await ask('/connection/http_stream', { body: CONNECT })).toMatchObject({ status: 200 });
  });

  test('is for nobody once the endpoints are disposed of', async () => {
    const answer = await ask('/connection/http_stream', { body: CONNECT });
    served.endpoints[Symbol.dispose]();
    await until(() => answer.ended);
    expect(await ask('/connection/http_stream', { body: CONNECT })).toMatchObject({ status: 503 });
  });
});

describe('a failure of the server', () => {
  const failing = `{"id":1,"connect":{}}\n{"id":2,"rpc":{"method":"${FAILING_METHOD}"}}`;
  const failures = (message: string) => [{ err: { message } }, { err: { message } }];

  test('while it serves a client ends that client’s connection alone', async () => {
    const other = await ask('/connection/http_stream', { body: CONNECT });
    const answer = await ask('/connection/http_stream', { body: failing });
    await until(() => answer.ended);
    expect(answer.body).toContain('"code":3004');
    const socket = new WebSocket(`ws://127.0.0.1:${served.port}/connection/websocket`);
    await once(socket, 'open');
    socket.send(failing);
    expect((await once(socket, 'close'))[0]).toBe(3004);
    expect(served.errors.splice(0)).toMatchObject(failures('failed as asked'));
    expect(other.ended).toBe(false);
  });

  test('to take a client in leaves nothing behind', async () => {
    await served.stop();
    served = await startEndpoints({}, true);
    const answer = await ask('/connection/http_stream', { body: CONNECT });
    await until(() => answer.ended);
    const socket = new WebSocket(`ws://127.0.0.1:${served.port}/connection/websocket`);
    expect((await once(socket, 'close'))[0]).toBe(1006);
    await until(() => served.admission.connections === 0);
    expect(served.errors.splice(0)).toMatchObject(failures('nobody can connect'));
  });
});

describe('the stock client', () => {
  const stock = (
    transport: TransportEndpoint['transport'],
    path: string,
    Client: typeof Centrifuge | typeof ProtobufCentrifuge = Centrifuge,
  ) => {
    const scheme = transport === 'websocket' ? 'ws' : 'http';
    const client = new Client([{ transport, endpoint: `${scheme}://127.0.0.1:${served.port}${path}` }], {
      emulationEndpoint: `http://127.0.0.1:${served.port}/emulation`,
      websocket: WebSocket,
      eventsource: EventSource,
      fetch,
      readableStream: ReadableStream,
      getToken: () => Promise.reject(new UnauthorizedError('no token here')),
      token: 'secret',
    });
    closers.push(() => client.disconnect());
    client.connect();
    return client;
  };

  test.each([
    ['websocket', '/connection/websocket'],
    ['http_stream', '/connection/http_stream'],
    ['sse', '/connection/sse'],
  ] as const)('connects over %s, is heard, and learns why it is to go', async (transport, path) => {
    const client = stock(transport, path);
    await client.ready(5_000);
    expect(await client.rpc('echo', { hello: 'Grüße 🎬\n' })).toEqual({ data: { hello: 'Grüße 🎬\n' } });
    const gone = new Promise((resolve) => void client.once('disconnected', resolve));
    served.connected[0]?.transport.close(DISCONNECTS.connectionLimit, 1_000);
    expect(await gone).toMatchObject({ code: 3504, reason: 'connection limit' });
  });

  test.each([
    ['websocket', '/connection/websocket'],
    ['http_stream', '/connection/http_stream'],
  ] as const)('does so in protobuf over %s', async (transport, path) => {
    const client = stock(transport, path, ProtobufCentrifuge);
    await client.ready(5_000);
    expect(served.connected[0]?.transport.format.codec.name).toBe('protobuf');
    const answer: { data: unknown } = await client.rpc('echo', new TextEncoder().encode('{"hello":"you"}'));
    expect(answer.data instanceof Uint8Array && new TextDecoder().decode(answer.data)).toBe('{"hello":"you"}');
    const gone = new Promise((resolve) => void client.once('disconnected', resolve));
    served.connected[0]?.transport.close(DISCONNECTS.connectionLimit, 1_000);
    expect(await gone).toMatchObject({ code: 3504, reason: 'connection limit' });
  });
});
