import { describe, expect, test } from '@jest/globals';
import { type Codec, ProtocolError } from '../../../realtime-server/src/protocol/codec.ts';
import { COMMANDS_PER_MESSAGE_MAX } from '../../../realtime-server/src/protocol/common.ts';
import { jsonCodec } from '../../../realtime-server/src/protocol/json.ts';
import { type Command, isPong } from '../../../realtime-server/src/protocol/messages.ts';
import { protobufCodec } from '../../../realtime-server/src/protocol/protobuf.ts';
import { stockJson, stockProtobuf } from '../../support/stock-codecs.ts';

const withData = (data: unknown, encoding: 'json' | 'protobuf'): unknown =>
  encoding === 'json' ? data : Buffer.from(JSON.stringify(data));

/** Commands as the stock client hands them to its codec, and as this server has them. */
const COMMANDS: [name: string, sent: (data: (value: unknown) => unknown) => unknown, Command][] = [
  [
    'connect',
    (data) => ({
      id: 1,
      connect: {
        token: 't',
        data: data({ a: 1 }),
        name: 'js',
        version: '5',
        subs: { c: { recover: true, epoch: 'e', offset: 7 }, ['__proto__']: {} },
        headers: { unknown: 'here' },
      },
    }),
    {
      id: 1,
      connect: {
        token: 't',
        data: '{"a":1}',
        name: 'js',
        version: '5',
        subs: { c: { recover: true, epoch: 'e', offset: 7 }, ['__proto__']: {} },
      },
    },
  ],
  ['connect as a guest', () => ({ id: 1, connect: {} }), { id: 1, connect: { token: '', subs: {} } }],
  [
    'subscribe',
    (data) => ({
      id: 4_294_967_295,
      subscribe: {
        channel: 'c',
        token: 't',
        recover: true,
        epoch: 'e',
        offset: 2 ** 33,
        data: data('Grüße'),
        positioned: true,
        recoverable: true,
        join_leave: true,
        delta: 'fossil',
      },
    }),
    {
      id: 4_294_967_295,
      subscribe: {
        channel: 'c',
        token: 't',
        recover: true,
        epoch: 'e',
        offset: 2 ** 33,
        data: '"Grüße"',
        positioned: true,
        recoverable: true,
        joinLeave: true,
        delta: 'fossil',
      },
    },
  ],
  ['unsubscribe', () => ({ id: 3, unsubscribe: { channel: 'c' } }), { id: 3, unsubscribe: { channel: 'c' } }],
  [
    'publish',
    (data) => ({ id: 4, publish: { channel: 'c', data: data({ text: 'a\nb', of: null }) } }),
    { id: 4, publish: { channel: 'c', data: '{"text":"a\\nb","of":null}' } },
  ],
  ['publish nothing', () => ({ id: 4, publish: { channel: 'c' } }), { id: 4, publish: { channel: 'c', data: '' } }],
  [
    'publish null',
    (data) => ({ id: 4, publish: { channel: 'c', data: data(null) } }),
    { id: 4, publish: { channel: 'c', data: 'null' } },
  ],
  ['presence', () => ({ id: 5, presence: { channel: 'c' } }), { id: 5, presence: { channel: 'c' } }],
  ['presence_stats', () => ({ id: 6, presence_stats: { channel: 'c' } }), { id: 6, presenceStats: { channel: 'c' } }],
  [
    'history',
    () => ({ id: 7, history: { channel: 'c', limit: -1, since: { offset: 3, epoch: 'e' }, reverse: true } }),
    { id: 7, history: { channel: 'c', limit: -1, since: { offset: 3, epoch: 'e' }, reverse: true } },
  ],
  ['history of no limit', () => ({ id: 7, history: { channel: 'c' } }), { id: 7, history: { channel: 'c', limit: 0 } }],
  ['ping', () => ({ id: 8, ping: {} }), { id: 8, ping: {} }],
  ['send', (data) => ({ send: { data: data([]) } }), { id: 0, send: { data: '[]' } }],
  ['rpc', (data) => ({ id: 9, rpc: { method: 'm', data: data(7) } }), { id: 9, rpc: { method: 'm', data: '7' } }],
  ['refresh', () => ({ id: 10, refresh: { token: 't' } }), { id: 10, refresh: { token: 't' } }],
  [
    'sub_refresh',
    () => ({ id: 11, sub_refresh: { channel: 'c', token: 't' } }),
    { id: 11, subRefresh: { channel: 'c', token: 't' } },
  ],
  ['a method that nobody knows', () => ({ id: 12 }), { id: 12 }],
  ['pong', () => ({}), { id: 0 }],
];

describe('what the stock client writes', () => {
  test.each(COMMANDS)('is understood in JSON: %s', (_name, sent, expected) => {
    const message = stockJson.encodeCommands([sent((data) => withData(data, 'json'))]);
    expect(jsonCodec.decode(Buffer.from(message))).toEqual([expected]);
  });

  test.each(COMMANDS)('is understood in protobuf: %s', (_name, sent, expected) => {
    const message = stockProtobuf.encodeCommands([sent((data) => withData(data, 'protobuf'))]);
    expect(protobufCodec.decode(Buffer.from(message))).toEqual([expected]);
  });

  test('may be several commands in one message', () => {
    const expected = COMMANDS.map(([, , command]) => command);
    const json = stockJson.encodeCommands(COMMANDS.map(([, sent]) => sent((data) => withData(data, 'json'))));
    const protobuf = stockProtobuf.encodeCommands(
      COMMANDS.map(([, sent]) => sent((data) => withData(data, 'protobuf'))),
    );
    expect(jsonCodec.decode(Buffer.from(`\n${json.toString()}\r\n\n`))).toEqual(expected);
    expect(protobufCodec.decode(Buffer.from(protobuf))).toEqual(expected);
  });

  test('may be nothing but a pong', () => {
    expect(jsonCodec.decode(Buffer.from('{}')).map(isPong)).toEqual([true]);
    expect(protobufCodec.decode(Buffer.of(0)).map(isPong)).toEqual([true]);
  });

  test('comes through the emulation endpoint in a request of its own', () => {
    const commands = stockJson.encodeCommands([{ id: 1, ping: {} }, {}]).toString();
    const json = JSON.stringify({ session: 's', node: 'n', data: commands });
    expect(jsonCodec.decodeEmulation(Buffer.from(json))).toEqual({
      session: 's',
      node: 'n',
      data: Buffer.from(commands),
    });
    const data = Buffer.from(stockProtobuf.encodeCommands([{ id: 1, ping: {} }, {}]));
    const protobuf = stockProtobuf.encodeEmulationRequest({ session: 's', node: 'n', data });
    expect(protobufCodec.decodeEmulation(Buffer.from(protobuf))).toEqual({ session: 's', node: 'n', data });
  });
});

const json = (text: string) => jsonCodec.decode(Buffer.from(text));
const protobuf = (...bytes: (number | Uint8Array)[]) =>
  protobufCodec.decode(Buffer.concat(bytes.map((each) => (typeof each === 'number' ? Buffer.of(each) : each))));
/** A publish command whose data is the given bytes. */
const publishing = (data: Uint8Array) =>
  protobuf(stockProtobuf.encodeCommands([{ id: 1, publish: { channel: 'c', data } }]) as Uint8Array);
const times = (count: number, byte: number) => Buffer.alloc(count, byte);

describe('a message that is malformed', () => {
  test.each([
    ['no JSON', '{"id":1'],
    ['a byte order mark', '\ufeff{"id":1}'],
    ['a number', '1'],
    ['null', 'null'],
    ['a list of commands', '[{"id":1}]'],
    ['a good command and a bad one', '{"id":1}\n{'],
    ['a negative id', '{"id":-1}'],
    ['a broken id', '{"id":1.5}'],
    ['an id over 32 bits', '{"id":4294967296}'],
    ['an id that is text', '{"id":"1"}'],
    ['a method that is no object', '{"id":1,"ping":[]}'],
    ['a channel that is no text', '{"id":1,"subscribe":{"channel":1}}'],
    ['a flag that is no flag', '{"id":1,"subscribe":{"channel":"c","recover":1}}'],
    ['a negative offset', '{"id":1,"subscribe":{"channel":"c","offset":-1}}'],
    ['a broken offset', '{"id":1,"subscribe":{"channel":"c","offset":0.5}}'],
    ['an infinite offset', '{"id":1,"subscribe":{"channel":"c","offset":1e999}}'],
    ['a limit over 32 bits', '{"id":1,"history":{"channel":"c","limit":2147483648}}'],
    ['subscriptions that are a list', '{"id":1,"connect":{"subs":[]}}'],
  ])('is refused in JSON: %s', (_name, text) => {
    expect(() => json(text)).toThrow(ProtocolError);
  });

  test('is refused in JSON: bytes that are not UTF-8', () => {
    expect(() => jsonCodec.decode(Buffer.from('{"id":1,"publish":{"data":"\xff"}}', 'latin1'))).toThrow(ProtocolError);
    expect(() => jsonCodec.decodeEmulation(Buffer.from('{"data":"\xff"}', 'latin1'))).toThrow(ProtocolError);
    expect(() => jsonCodec.decodeEmulation(Buffer.from('"data"'))).toThrow(ProtocolError);
  });

  test.each<[name: string, bytes: (number | Uint8Array)[]]>([
    ['a length that is cut off', [0x80]],
    ['a command that is cut off', [2, 0x08]],
    ['a length that lies', [4, 0x22, 200, 1, 0]],
    ['a length of 2^63', [times(9, 0x80), 0x01, 0]],
    ['a length of 2^32, whose lower half is zero', [0x80, 0x80, 0x80, 0x80, 0x10]],
    ['a number of eleven bytes', [12, 0x08, times(10, 0x80), 0x01]],
    ['a number of 65 bits', [11, 0x08, times(9, 0xff), 0x02]],
    ['a field of number zero', [2, 0x00, 0x00]],
    ['a field of a number that is too large', [7, 0xf8, 0xff, 0xff, 0xff, 0xff, 0x01, 0]],
    ['the wrong type for an id', [3, 0x0a, 1, 65]],
    ['the wrong type for a method', [2, 0x20, 1]],
    ['an id over 32 bits', [6, 0x08, 0x80, 0x80, 0x80, 0x80, 0x10]],
    ['a group', [2, 0x23, 0x24]],
    ['a million groups in one another', [0xc0, 0x84, 0x3d, times(1_000_000, 0x23)]],
    ['a type that there is not', [2, 0x26, 0]],
    ['a channel that is not UTF-8', [5, 0x42, 3, 0x0a, 1, 0xff]],
    ['bytes that are cut off', [2, 0x21, 0]],
  ])('is refused in protobuf: %s', (_name, bytes) => {
    expect(() => protobuf(...bytes)).toThrow(ProtocolError);
  });

  test('is refused in protobuf: data that is not JSON in UTF-8', () => {
    for (const data of ['{', 'hello', '\ufeff1', 'NaN']) {
      expect(() => publishing(Buffer.from(data))).toThrow(ProtocolError);
    }
    expect(() => publishing(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toThrow(ProtocolError);
    expect(() => publishing(Buffer.from([0x22, 0xc3, 0x22]))).toThrow(ProtocolError);
  });

  test('is one with too many commands', () => {
    expect(json('{}\n'.repeat(COMMANDS_PER_MESSAGE_MAX))).toHaveLength(COMMANDS_PER_MESSAGE_MAX);
    expect(() => json('{}\n'.repeat(COMMANDS_PER_MESSAGE_MAX + 1))).toThrow(ProtocolError);
    expect(protobuf(times(COMMANDS_PER_MESSAGE_MAX, 0))).toHaveLength(COMMANDS_PER_MESSAGE_MAX);
    expect(() => protobuf(times(COMMANDS_PER_MESSAGE_MAX + 1, 0))).toThrow(ProtocolError);
  });
});

describe('a message that is odd', () => {
  test('keeps channels that no channel can be called, for the server to answer', () => {
    const channels = ['', 'x'.repeat(70_000), '__proto__', 'constructor', '\u0000'];
    const sent = channels.map((channel, index) => ({ id: index + 1, subscribe: { channel } }));
    const read = (codec: Codec, message: string | Uint8Array) =>
      codec.decode(Buffer.from(message)).map(({ subscribe }) => subscribe?.channel);
    expect(read(jsonCodec, stockJson.encodeCommands(sent))).toEqual(channels);
    expect(read(protobufCodec, stockProtobuf.encodeCommands(sent))).toEqual(channels);
  });

  test('has subscriptions under every name, and under no other', () => {
    const [command] = json('{"id":1,"connect":{"subs":{"__proto__":{"offset":1},"toString":{"offset":2}}}}');
    const subs = command?.connect?.subs ?? {};
    expect(Object.entries(subs)).toEqual([
      ['__proto__', { offset: 1 }],
      ['toString', { offset: 2 }],
    ]);
    expect(subs['constructor']).toBeUndefined();
    expect({}).not.toHaveProperty('offset');
  });

  test('may call a method by the name of something that every object has', () => {
    expect(json('{"id":1,"constructor":{},"toString":{},"__proto__":{"connect":{}}}')).toEqual([{ id: 1 }]);
  });

  test('has an offset that nothing reaches, where it was larger than that', () => {
    const sent = '{"id":1,"subscribe":{"channel":"c","offset":18446744073709551615}}';
    expect(json(sent)[0]?.subscribe?.offset).toBe(Number.MAX_SAFE_INTEGER);
    const subscribe = Buffer.concat([Buffer.of(0x38), times(9, 0xff), Buffer.of(0x01)]);
    expect(protobuf(13, 0x2a, 11, subscribe)[0]?.subscribe?.offset).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('may leave out or have null for whatever has its default value', () => {
    expect(json('{"id":null,"connect":{"token":null,"subs":null},"ping":null}')).toEqual([
      { id: 0, connect: { token: '', subs: {} } },
    ]);
  });

  test('may have fields that are not known, of every type', () => {
    expect(protobuf(21, 0x08, 5, 0xf8, 0x01, 1, 0xf9, 0x01, times(8, 9), 0xfd, 0x01, times(4, 9))).toEqual([{ id: 5 }]);
    expect(json('{"id":5,"future":{"deep":[1]}}')).toEqual([{ id: 5 }]);
  });

  test('has the last of several equal keys or fields', () => {
    expect(json('{"id":1,"id":2,"ping":{}}')).toEqual([{ id: 2, ping: {} }]);
    expect(protobuf(4, 0x08, 1, 0x08, 2)).toEqual([{ id: 2 }]);
  });

  test('has data on one line, whatever it looked like', () => {
    const data = '{\n  "a" : [ 1,\r\n 2 ] }';
    expect(publishing(Buffer.from(data))[0]?.publish?.data).toBe('{"a":[1,2]}');
  });

  test('has data without half characters, which are escaped, and without numbers that there are not', () => {
    const data = '["\\ud800",1e999]';
    const expected = '["\\ud800",null]';
    expect(json(`{"id":1,"publish":{"data":${data}}}`)[0]?.publish?.data).toBe(expected);
    expect(publishing(Buffer.from(data))[0]?.publish?.data).toBe(expected);
  });

  test.each([100, 10_000, 500_000])('has data %i lists deep, or is refused', (depth) => {
    const data = '['.repeat(depth) + ']'.repeat(depth);
    for (const decode of [() => json(`{"id":1,"rpc":{"data":${data}}}`), () => publishing(Buffer.from(data))]) {
      expect(outcomeOf(decode)).not.toBe('crash');
    }
  });
});

function outcomeOf(decode: () => unknown): 'read' | 'refused' | 'crash' {
  try {
    decode();
    return 'read';
  } catch (error) {
    return error instanceof ProtocolError ? 'refused' : 'crash';
  }
}

/** A generator of numbers below `bound`, the same in each run (xorshift, Marsaglia 2003). */
function seeded(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

const FUZZ_CASES = 50_000;
const FUZZ_WITHIN_MS = 10_000;
/** Bytes that mean something to one encoding or the other. */
const TELLING = Buffer.from([0, 1, 2, 8, 0x0a, 0x22, 0x7f, 0x80, 0xff, ...Buffer.from('{}[]":,\\0e-\n')]);

describe('any bytes', () => {
  test.each([
    ['JSON', jsonCodec, stockJson, 'json'],
    ['protobuf', protobufCodec, stockProtobuf, 'protobuf'],
  ] as const)('are commands in %s or are refused, and quickly', (_name, codec, stock, encoding) => {
    const random = seeded(20_261_121);
    const good = COMMANDS.map(([, sent]) =>
      Buffer.from(stock.encodeCommands([sent((data) => withData(data, encoding))])),
    );
    const began = performance.now();
    const outcomes = { read: 0, refused: 0, crash: 0 };
    for (let each = 0; each < FUZZ_CASES; each++) {
      const message = Buffer.concat([
        good[random(good.length)] ?? Buffer.alloc(0),
        good[random(good.length)] ?? Buffer.alloc(0),
      ]);
      for (let change = random(4); change >= 0; change--) {
        message[random(message.length + 1)] = random(2) ? random(256) : (TELLING[random(TELLING.length)] ?? 0);
      }
      const cut = message.subarray(
        random(3) ? 0 : random(message.length + 1),
        message.length - (random(3) ? 0 : random(9)),
      );
      outcomes[outcomeOf(() => codec.decode(cut))]++;
      outcomes[outcomeOf(() => codec.decodeEmulation(cut))]++;
    }
    expect(outcomes.crash).toBe(0);
    expect(outcomes.read).toBeGreaterThan(FUZZ_CASES / 100);
    expect(outcomes.refused).toBeGreaterThan(FUZZ_CASES / 100);
    expect(performance.now() - began).toBeLessThan(FUZZ_WITHIN_MS);
  });
});
