import { type Server, createServer } from 'node:http';
import { once } from 'node:events';
import { deflateRawSync } from 'node:zlib';
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
  answer,
  closeAnswer,
  closeFrame,
  frame,
  rawClient,
} from '../../support/raw-websocket.ts';
import { INVALID_UTF8, VALID_UTF8 } from '../../support/utf8-sequences.ts';

const MESSAGE_BYTES_MAX = 64 * 1024;
const NO_TEXT = Buffer.from([0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff]);
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

/** Sends back what it is told, ends the connection when it is to, and tries to go on, which must come to nothing. */
function echo(transport: Transport) {
  return {
    onMessage: (message: Buffer) => transport.write(transport.format.frame([message])),
    onViolation: (disconnect: Parameters<Transport['close']>[0]) => {
      violations.push(disconnect.code);
      transport.close(disconnect, 1_000);
      transport.write(transport.format.frame([Buffer.from('nobody may hear this')]));
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

type RawClient = Awaited<ReturnType<typeof rawClient>>;

/** A client without any manners. */
const client = (query = '', headers: readonly string[] = []) => rawClient(port, query, headers);

/** TCP keeps no boundaries: what counts is the order of the bytes. */
const ARRIVALS: [string, (frames: readonly Buffer[]) => Buffer[]][] = [
  ['at once', (frames) => [Buffer.concat(frames)]],
  ['one by one', (frames) => [...frames]],
  ['byte by byte', (frames) => bytesOf(Buffer.concat(frames))],
];

const bytesOf = (bytes: Buffer): Buffer[] => Array.from(bytes, (byte) => Buffer.from([byte]));

/** A text in frames of these payloads. */
const inFragments = (payloads: readonly (string | Buffer)[]): Buffer[] =>
  payloads.map((payload, index) =>
    frame(index === 0 ? TEXT : CONTINUATION, payload, { fin: index === payloads.length - 1 }),
  );

const piecesOf = (bytes: Buffer, length: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / length) }, (_, index) =>
    bytes.subarray(index * length, (index + 1) * length),
  );

/** How a client leaves, and what it hears then. */
const LEAVE = closeFrame(1000);
const LEFT = closeAnswer(1000);

/** All that comes to the client; it goes when it hears that it should. */
async function allAnswers({ next, ended }: RawClient): Promise<Received[]> {
  const answers: Received[] = [];
  for (let received = await next(); received; received = await next()) {
    answers.push(received);
    if (received.opcode === CLOSE) await ended();
  }
  return answers;
}

describe('messages', () => {
  const lengths = [0, 1, 125, 126, 127, 128, 65_535, 65_536];

  test.each(lengths)('a text of %i bytes comes back whole', async (length) => {
    const connection = await client();
    connection.send(frame(TEXT, 'x'.repeat(length)), LEAVE);
    expect(await allAnswers(connection)).toEqual([answer(TEXT, 'x'.repeat(length)), LEFT]);
  });

  test.each(lengths)('%i binary bytes come back whole to a client of protobuf', async (length) => {
    const connection = await client('?format=protobuf');
    const payload = Buffer.alloc(length, 0xfe);
    connection.send(frame(BINARY, payload), LEAVE);
    expect(await allAnswers(connection)).toEqual([answer(BINARY, payload), LEFT]);
  });

  test.each([
    ['in pieces of 997 bytes', (payload: Buffer) => piecesOf(frame(TEXT, payload), 997)],
    ['in fragments of 1,300 bytes', (payload: Buffer) => inFragments(piecesOf(payload, 1_300))],
  ])('a text of 65,536 bytes that comes %s comes back whole', async (_, cut) => {
    const connection = await client();
    const payload = Buffer.alloc(65_536, 'x');
    await connection.sendPieces([...cut(payload), LEAVE]);
    expect(await allAnswers(connection)).toEqual([answer(TEXT, payload), LEFT]);
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

describe.each(ARRIVALS)('of frames that come %s', (_, arriving) => {
  const ping = (payload: string | Buffer) => frame(PING, payload);
  const heard: [string, Buffer[], Received[]][] = [
    ['a text is answered', [frame(TEXT, 'Hello')], [answer(TEXT, 'Hello')]],
    ['fragments are joined', inFragments(['frag', 'ment']), [answer(TEXT, 'fragment')]],
    ['fragments may be empty', inFragments(['', 'middle', '']), [answer(TEXT, 'middle')]],
    ['fragments may all be empty', inFragments(['', '', '']), [answer(TEXT)]],
    ['a character may be cut by fragments', inFragments(bytesOf(Buffer.from('Grüße 🎬'))), [answer(TEXT, 'Grüße 🎬')]],
    [
      'a ping between fragments is answered first',
      [frame(TEXT, 'frag', { fin: false }), ping('one'), frame(CONTINUATION, 'ment')],
      [answer(PONG, 'one'), answer(TEXT, 'fragment')],
    ],
    ['a ping of nothing is answered', [ping('')], [answer(PONG)]],
    ['a ping of any bytes is answered', [ping(NO_TEXT)], [answer(PONG, NO_TEXT)]],
    ['a ping of 125 bytes is answered', [ping('x'.repeat(125))], [answer(PONG, 'x'.repeat(125))]],
    [
      'ten pings are answered in order',
      Array.from({ length: 10 }, (_ping, index) => ping(String(index))),
      Array.from({ length: 10 }, (_pong, index) => answer(PONG, String(index))),
    ],
    ['a pong that nobody asked for is passed over', [frame(PONG), frame(PONG, 'x'), ping('y')], [answer(PONG, 'y')]],
  ];
  test.each(heard)('%s', async (_title, frames, answers) => {
    const connection = await client();
    await connection.sendPieces(arriving([...frames, LEAVE]));
    expect(await allAnswers(connection)).toEqual([...answers, LEFT]);
    expect(violations).toEqual([]);
  });

  const errors: [string, Buffer[]][] = [
    ...[1, 2, 3, 4, 5, 6, 7].map((reserved): [string, Buffer[]] => [
      `a text with reserved bits ${reserved.toString(2).padStart(3, '0')}`,
      [frame(TEXT, 'x', { reserved })],
    ]),
    ['a binary message with reserved bits', [frame(BINARY, NO_TEXT, { reserved: 5 })]],
    ['a ping with a reserved bit', [frame(PING, 'x', { reserved: 1 })]],
    ['a close frame with reserved bits', [frame(CLOSE, '', { reserved: 7 })]],
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode): [string, Buffer[]][] => [
      [`opcode ${opcode}`, [frame(opcode)]],
      [`opcode ${opcode} with a payload`, [frame(opcode, 'x')]],
    ]),
    ['an unmasked frame', [frame(TEXT, 'x', { masked: false })]],
    ['a fragmented ping', [frame(PING, 'x', { fin: false }), frame(CONTINUATION, 'y')]],
    ['a fragmented pong', [frame(PONG, 'x', { fin: false }), frame(CONTINUATION, 'y')]],
    ['a fragmented close frame', [frame(CLOSE, '', { fin: false }), frame(CONTINUATION)]],
    ['a ping of 126 bytes', [frame(PING, 'x'.repeat(126))]],
    ['a last fragment of nothing', [frame(CONTINUATION, 'x')]],
    ['a fragment of nothing', [frame(CONTINUATION, 'x', { fin: false })]],
    ['a message within a message', [frame(TEXT, 'a', { fin: false }), frame(TEXT, 'b')]],
    ['a fragment of a message within a message', [frame(TEXT, 'a', { fin: false }), frame(TEXT, 'b', { fin: false })]],
    ['a close frame of one byte', [frame(CLOSE, 'x')]],
    ['a close frame of 126 bytes', [closeFrame(1000, 'x'.repeat(124))]],
  ];
  test.each(errors)('%s is a protocol error', async (_title, frames) => {
    const connection = await client();
    const after = [frame(TEXT, 'what follows is not heard'), frame(PING, 'nor this'), LEAVE];
    await connection.sendPieces(arriving([...inFragments(['good ', 'before']), ...frames, ...after]));
    expect(await allAnswers(connection)).toEqual([answer(TEXT, 'good before'), closeAnswer(1002)]);
    expect(violations).toEqual([3501]);
  });

  const late: [string, Buffer[]][] = [
    ['a text', [frame(TEXT, 'late')]],
    ['a ping', [frame(PING, 'late')]],
    ['another close frame', [frame(CLOSE)]],
    ['a last fragment', [frame(CONTINUATION, 'late')]],
  ];
  test.each(late)('%s after a close frame is not heard, and what was begun before is lost', async (_title, frames) => {
    const connection = await client();
    const before = [frame(TEXT, 'whole'), frame(TEXT, 'begun', { fin: false }), LEAVE];
    await connection.sendPieces(arriving([...before, ...frames]));
    expect(await allAnswers(connection)).toEqual([answer(TEXT, 'whole'), LEFT]);
    expect(violations).toEqual([]);
  });
});

describe('pings', () => {
  test('are answered before the message is whole in which they come', async () => {
    const { send, next } = await client();
    send(frame(TEXT, 'a', { fin: false }), frame(CONTINUATION, 'b', { fin: false }), frame(PING, 'one'));
    expect(await next()).toEqual(answer(PONG, 'one'));
    send(frame(CONTINUATION, 'c', { fin: false }), frame(PING, 'two'), frame(CONTINUATION, 'd'));
    expect(await next()).toEqual(answer(PONG, 'two'));
    expect(await next()).toEqual(answer(TEXT, 'abcd'));
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
});

describe('compression', () => {
  test.each([
    'permessage-deflate',
    'permessage-deflate; client_max_window_bits; server_no_context_takeover',
    'permessage-deflate; server_max_window_bits=9, permessage-deflate; client_no_context_takeover, permessage-deflate',
  ])(
    'that a client offers is not taken, and what it compressed all the same is a protocol error: %s',
    async (offer) => {
      const connection = await client('', [`Sec-WebSocket-Extensions: ${offer}`]);
      expect(connection.head.toLowerCase()).not.toContain('sec-websocket-extensions');
      connection.send(frame(TEXT, 'as it is'), frame(TEXT, deflateRawSync('x'.repeat(100)), { reserved: 4 }), LEAVE);
      expect(await allAnswers(connection)).toEqual([answer(TEXT, 'as it is'), closeAnswer(1002)]);
    },
  );
});

describe('text', () => {
  /** `ws` checks short texts and long ones with different code. */
  const amidMore = (bytes: Buffer) => Buffer.concat([Buffer.alloc(64, 'a'), bytes, Buffer.alloc(64, 'z')]);

  test.each(VALID_UTF8)('that is UTF-8 comes back: %s', async (_, bytes) => {
    const connection = await client();
    connection.send(frame(TEXT, bytes), frame(TEXT, amidMore(bytes)), ...inFragments(bytesOf(bytes)), LEAVE);
    const answers = [answer(TEXT, bytes), answer(TEXT, amidMore(bytes)), answer(TEXT, bytes), LEFT];
    expect(await allAnswers(connection)).toEqual(answers);
  });

  test.each(INVALID_UTF8)('that is none ends the connection with 1007: %s', async (_, bytes) => {
    const attempts = [
      [frame(TEXT, bytes)],
      [frame(TEXT, amidMore(bytes))],
      inFragments(bytesOf(bytes)),
      [closeFrame(1000, bytes)],
    ];
    for (const frames of attempts) {
      const connection = await client();
      connection.send(...frames, LEAVE);
      expect(await allAnswers(connection)).toEqual([closeAnswer(1007)]);
    }
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
    expect(await patient.next()).toEqual(answer(TEXT, 'x'.repeat(1_000)));
    const { send, closeCode } = await client();
    send(...fragments(15_000));
    expect(await closeCode()).toBe(1008);
  });
});

describe('closing', () => {
  test.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])(
    'a client that closes with %i gets the code back, and its reason',
    async (code) => {
      for (const reason of ['', 'bye', 'x'.repeat(123)]) {
        const connection = await client();
        connection.send(closeFrame(code, reason));
        expect(await allAnswers(connection)).toEqual([closeAnswer(code, reason)]);
      }
    },
  );

  test('a close frame without a code is answered with one', async () => {
    const connection = await client();
    connection.send(frame(CLOSE));
    expect(await allAnswers(connection)).toEqual([answer(CLOSE)]);
  });

  test.each([0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])(
    'a client that closes with %i, which nobody may send, is told so',
    async (code) => {
      const connection = await client();
      connection.send(closeFrame(code));
      expect(await allAnswers(connection)).toEqual([closeAnswer(1002)]);
    },
  );

  test('a long message right before a close frame is answered before it', async () => {
    const connection = await client();
    connection.send(frame(TEXT, 'x'.repeat(MESSAGE_BYTES_MAX)), frame(TEXT, 'short'), LEAVE);
    const answers = [answer(TEXT, 'x'.repeat(MESSAGE_BYTES_MAX)), answer(TEXT, 'short'), LEFT];
    expect(await allAnswers(connection)).toEqual(answers);
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
    expect(await next()).toEqual(answer(TEXT, 'still there'));
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
