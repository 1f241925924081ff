import { type Server, createServer } from 'node:http';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Admission, DEFAULT_ADMISSION_LIMITS, SERVER_OPTIONS } from '../../../realtime-server/src/admission.ts';
import type { Codec } from '../../../realtime-server/src/protocol/codec.ts';
import { type ConnectionEndpoints, connectionEndpoints } from '../../../realtime-server/src/transport/endpoints.ts';
import type { Transport } from '../../../realtime-server/src/transport/transport.ts';
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  PING,
  PONG,
  type Received,
  TEXT,
  closeFrame,
  frame,
  rawClient,
} from '../../support/raw-websocket.ts';

const MESSAGE_BYTES_MAX = 64 * 1024;
const unused = (): never => {
  throw new Error('not used here');
};
const codec = (name: Codec['name']): Codec => ({ name, decode: unused, encode: unused, decodeEmulation: unused });

let server: Server;
let endpoints: ConnectionEndpoints;
let admission: Admission;
let port: number;
const violations: number[] = [];
const errors: unknown[] = [];

/** Sends back what it is told, and does as it is asked when somebody breaks the rules. */
function echo(transport: Transport) {
  return {
    onMessage: (message: Buffer) => transport.write(transport.format.frame([message])),
    onViolation: (disconnect: Parameters<Transport['close']>[0]) => {
      violations.push(disconnect.code);
      transport.close(disconnect, 1_000);
    },
    onClosed: () => undefined,
  };
}

beforeEach(async () => {
  admission = new Admission(DEFAULT_ADMISSION_LIMITS, () => performance.now());
  endpoints = connectionEndpoints({
    limits: { messageBytesMax: MESSAGE_BYTES_MAX, bodyWithinMs: 1_000 },
    allowedOrigins: [],
    admission,
    codecs: { json: codec('json'), protobuf: codec('protobuf') },
    connect: echo,
    emulate: () => false,
    log: { error: (error: unknown) => void errors.push(error) },
  });
  server = createServer(SERVER_OPTIONS).on('upgrade', (...upgrade) => endpoints.onUpgrade(...upgrade));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  port = typeof address === 'object' && address ? address.port : 0;
});

afterEach(async () => {
  endpoints[Symbol.dispose]();
  await new Promise((resolve) => server.close(resolve));
  await allGone();
  violations.length = 0;
  expectNoErrors();
});

function expectNoErrors(): void {
  expect(errors.splice(0)).toEqual([]);
}

async function allGone(): Promise<void> {
  while (admission.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A client without any manners. */
const client = (query = '') => rawClient(port, query);

const text = (received: Received | undefined) => [received?.opcode, received?.payload.toString()];

describe('messages', () => {
  test.each([0, 1, 125, 126, 127, 128, 65_535, 65_536])('a text of %i bytes comes back whole', async (length) => {
    const { send, next } = await client();
    send(frame(TEXT, 'x'.repeat(length)));
    expect(text(await next())).toEqual([TEXT, 'x'.repeat(length)]);
  });

  test.each([0, 125, 126, 65_535, 65_536])(
    '%i binary bytes come back whole to a client of protobuf',
    async (length) => {
      const { send, next } = await client('?format=protobuf');
      const payload = Buffer.alloc(length, 0xfe);
      send(frame(BINARY, payload));
      const back = await next();
      expect([back?.opcode, back?.payload.equals(payload)]).toEqual([BINARY, true]);
    },
  );

  test('a frame that comes byte by byte is read', async () => {
    const { socket, next } = await client();
    socket.setNoDelay();
    for (const byte of frame(TEXT, 'Hello')) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => void setImmediate(resolve));
    }
    expect(text(await next())).toEqual([TEXT, 'Hello']);
  });

  test('fragments are joined, with control frames between them answered first', async () => {
    const { send, next } = await client();
    send(
      frame(TEXT, 'frag', { fin: false }),
      frame(PING, 'one'),
      frame(CONTINUATION, '', { fin: false }),
      frame(PING, 'two'),
      frame(CONTINUATION, 'ment'),
    );
    expect(text(await next())).toEqual([PONG, 'one']);
    expect(text(await next())).toEqual([PONG, 'two']);
    expect(text(await next())).toEqual([TEXT, 'fragment']);
  });

  test('a character may be cut by a fragment', async () => {
    const { send, next } = await client();
    const bytes = Buffer.from('Grüße 🎬');
    const cut = bytes.length - 2;
    send(frame(TEXT, bytes.subarray(0, cut), { fin: false }), frame(CONTINUATION, bytes.subarray(cut)));
    expect(text(await next())).toEqual([TEXT, 'Grüße 🎬']);
  });

  test('what the other encoding sends is a violation that the client is told of', async () => {
    const json = await client();
    json.send(frame(BINARY, '{}'));
    expect(await json.closeCode()).toBe(3501);
    const protobuf = await client('?cf_protocol=protobuf');
    protobuf.send(frame(TEXT, '{}'));
    expect(await protobuf.closeCode()).toBe(3501);
    expect(violations).toEqual([3501, 3501]);
  });
});

describe('pings', () => {
  test.each(['', 'hello', 'x'.repeat(125)])('are answered with their payload (%#)', async (payload) => {
    const { send, next } = await client();
    send(frame(PING, payload));
    expect(text(await next())).toEqual([PONG, payload]);
  });

  test('ten at once are answered in order, and a pong nobody asked for is passed over', async () => {
    const { send, next } = await client();
    send(frame(PONG, 'unasked'), ...Array.from({ length: 10 }, (_, index) => frame(PING, String(index))));
    for (let index = 0; index < 10; index += 1) expect(text(await next())).toEqual([PONG, String(index)]);
  });

  test('a thousand at once end the connection as too many requests', async () => {
    const { send, next } = await client();
    send(...Array.from({ length: 1_000 }, () => frame(PING, 'flood')));
    let pongs = 0;
    let last = await next();
    for (; last?.opcode === PONG; last = await next()) pongs += 1;
    expect([last?.opcode, last?.payload.readUInt16BE(0)]).toEqual([CLOSE, 3013]);
    expect(pongs).toBe(100);
  });

  test('of more than 125 bytes are a protocol error', async () => {
    const { send, closeCode } = await client();
    send(frame(PING, 'x'.repeat(126)));
    expect(await closeCode()).toBe(1002);
  });
});

describe('protocol errors end the connection with 1002', () => {
  const cases: [string, Buffer[]][] = [
    ['reserved bit 1', [frame(TEXT, 'x', { reserved: 4 })]],
    ['reserved bit 2', [frame(TEXT, 'x', { reserved: 2 })]],
    ['reserved bit 3', [frame(PING, 'x', { reserved: 1 })]],
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, Buffer[]] => [
      `reserved opcode ${opcode}`,
      [frame(opcode, 'x')],
    ]),
    ['an unmasked frame', [frame(TEXT, 'x', { masked: false })]],
    ['a fragmented ping', [frame(PING, 'x', { fin: false })]],
    ['a fragmented close', [frame(CLOSE, '', { fin: false })]],
    ['a continuation of nothing', [frame(CONTINUATION, 'x')]],
    ['a message within a message', [frame(TEXT, 'a', { fin: false }), frame(TEXT, 'b')]],
    ['a close frame of one byte', [frame(CLOSE, 'x')]],
    ['a close frame of 126 bytes', [frame(CLOSE, Buffer.alloc(126, 3))]],
  ];
  test.each(cases)('%s', async (_, frames) => {
    const { send, closeCode } = await client();
    send(...frames, frame(TEXT, 'what follows is not heard'));
    expect(await closeCode()).toBe(1002);
    expect(violations).toEqual([3501]);
  });
});

describe('text that is no UTF-8 ends the connection with 1007', () => {
  const cases: [string, Buffer[]][] = [
    ['a lone continuation byte', [frame(TEXT, Buffer.from([0x80]))]],
    ['an overlong encoding', [frame(TEXT, Buffer.from([0xc0, 0xaf]))]],
    ['a surrogate', [frame(TEXT, Buffer.from([0xed, 0xa0, 0x80]))]],
    ['a character beyond Unicode', [frame(TEXT, Buffer.from([0xf4, 0x90, 0x80, 0x80]))]],
    ['a character that breaks off', [frame(TEXT, Buffer.from('🎬').subarray(0, 3))]],
    [
      'one split over fragments',
      [frame(TEXT, Buffer.from([0xce, 0xba, 0xf4]), { fin: false }), frame(CONTINUATION, Buffer.from([0x90, 0x80]))],
    ],
    ['in the reason of a close frame', [closeFrame(1000, Buffer.from([0xff]))]],
  ];
  test.each(cases)('%s', async (_, frames) => {
    const { send, closeCode } = await client();
    send(...frames);
    expect(await closeCode()).toBe(1007);
  });
});

describe('sizes', () => {
  test('a message over the limit ends with 1009, by its header alone', async () => {
    const { send, closeCode } = await client();
    send(frame(TEXT, 'x', { length: MESSAGE_BYTES_MAX + 1 }));
    expect(await closeCode()).toBe(1009);
  });

  test('so does one of 90 MiB, one of 2^62 bytes, and one that is too large only in sum', async () => {
    for (const length of [90 * 2 ** 20, 2 ** 62]) {
      const { send, closeCode } = await client();
      send(frame(TEXT, 'x', { length }));
      expect(await closeCode()).toBe(1009);
    }
    const { send, closeCode } = await client();
    const half = 'x'.repeat(MESSAGE_BYTES_MAX / 2);
    send(frame(TEXT, half, { fin: false }), frame(CONTINUATION, half, { fin: false }), frame(CONTINUATION, 'x'));
    expect(await closeCode()).toBe(1009);
  });

  test('15,000 fragments of one byte end with 1008; a thousand are a message', async () => {
    const fragments = (count: number) => [
      frame(TEXT, 'x', { fin: false }),
      ...Array.from({ length: count - 2 }, () => frame(CONTINUATION, 'x', { fin: false })),
      frame(CONTINUATION, 'x'),
    ];
    const patient = await client();
    patient.send(...fragments(1_000));
    expect(text(await patient.next())).toEqual([TEXT, 'x'.repeat(1_000)]);
    const { send, closeCode } = await client();
    send(...fragments(15_000));
    expect(await closeCode()).toBe(1008);
  });
});

describe('closing', () => {
  test.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])(
    'a client that closes with %i gets the code back',
    async (code) => {
      const { send, closeCode, ended } = await client();
      send(closeFrame(code, 'bye'));
      expect(await closeCode()).toBe(code);
      await ended();
    },
  );

  test('a close frame without a code is answered with one', async () => {
    const { send, closeCode } = await client();
    send(frame(CLOSE));
    expect(await closeCode()).toBe(1005);
  });

  test.each([0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])(
    'a client that closes with %i, which nobody may send, is told so',
    async (code) => {
      const { send, closeCode } = await client();
      send(closeFrame(code));
      expect(await closeCode()).toBe(1002);
    },
  );

  test('what comes after a close frame is not heard', async () => {
    const { send, next, ended } = await client();
    send(closeFrame(1000), frame(TEXT, 'late'), frame(PING, 'late'));
    expect((await next())?.opcode).toBe(CLOSE);
    await ended();
    expect(await next()).toBeUndefined();
  });
});

describe('the process outlives', () => {
  test('garbage in place of frames', async () => {
    let state = 1;
    const random = () => (state = (state * 48_271) % 2_147_483_647) & 0xff;
    const clients = await Promise.all(Array.from({ length: 50 }, () => client()));
    for (const { socket } of clients) socket.write(Buffer.from(Array.from({ length: 2_000 }, random)));
    await Promise.all(clients.map(({ ended }) => ended()));
    const { send, next } = await client();
    send(frame(TEXT, 'still there'));
    expect(text(await next())).toEqual([TEXT, 'still there']);
  });

  test('connections that are reset in the middle of a frame, and forgets them', async () => {
    const clients = await Promise.all(Array.from({ length: 50 }, () => client()));
    expect(admission.connections).toBe(50);
    for (const { socket, send } of clients) {
      send(frame(TEXT, 'Hel', { length: 5 }));
      socket.resetAndDestroy();
    }
    await allGone();
    expect(admission.kept.addresses).toBeLessThanOrEqual(1);
  });
});
