import { describe, expect, test } from '@jest/globals';
import { DISCONNECTS, ERRORS, UNSUBSCRIBES } from '@playnite/contracts/realtime';
import { jsonCodec } from '../../../realtime-server/src/protocol/json.ts';
import type { Reply } from '../../../realtime-server/src/protocol/messages.ts';
import { protobufCodec } from '../../../realtime-server/src/protocol/protobuf.ts';
import { stockJson, stockProtobuf } from '../../support/stock-codecs.ts';

/** What protobuf decodes, as the JSON client would have it: data parsed, 64-bit numbers as numbers, nothing empty. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return JSON.parse(Buffer.from(value).toString());
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  if ('low' in value && 'high' in value) return (Number(value.low) >>> 0) + Number(value.high) * 2 ** 32;
  const isUnset = (member: unknown, name: string) =>
    (Array.isArray(member) && member.length === 0) || (name === 'tags' && Object.keys(member ?? {}).length === 0);
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => (isUnset(member, name) ? [] : [[name, plain(member)]])),
  );
}

const readAsJson = (...replies: Reply[]): unknown[] =>
  stockJson.decodeReplies(replies.map((reply) => jsonCodec.encode(reply).toString()).join('\n'));
const readAsProtobuf = (...replies: Reply[]): unknown[] =>
  stockProtobuf.decodeReplies(Buffer.concat(replies.map((reply) => protobufCodec.encode(reply)))).map(plain);

const ann = { user: 'ann', client: 'c-1' };
const bob = { user: 'bob', client: 'c-2' };
const HUGE = Number.MAX_SAFE_INTEGER;

const REPLIES: [name: string, Reply, expected: unknown][] = [
  [
    'an error',
    { id: 1, error: ERRORS.permissionDenied },
    { id: 1, error: { code: 103, message: 'permission denied' } },
  ],
  [
    'an error that passes',
    { id: 4_294_967_295, error: ERRORS.internal },
    { id: 4_294_967_295, error: { code: 100, message: 'internal server error', temporary: true } },
  ],
  [
    'a connection',
    {
      id: 1,
      connect: {
        client: 'c-1',
        version: '1.0',
        expires: true,
        ttl: 300,
        subs: {
          'feed:ann': { recoverable: true, positioned: true, epoch: 'e', offset: 3, recovered: true },
          __proto__x: { epoch: 'f' },
        },
        ping: 25,
        pong: true,
        session: 's',
        node: 'n',
      },
    },
    {
      id: 1,
      connect: {
        client: 'c-1',
        version: '1.0',
        expires: true,
        ttl: 300,
        subs: {
          'feed:ann': { recoverable: true, positioned: true, epoch: 'e', offset: 3, recovered: true },
          __proto__x: { epoch: 'f' },
        },
        ping: 25,
        pong: true,
        session: 's',
        node: 'n',
      },
    },
  ],
  [
    'a subscription with what was missed, the oldest first',
    {
      id: 2,
      subscribe: {
        expires: true,
        ttl: 60,
        recoverable: true,
        positioned: true,
        epoch: 'e',
        offset: 2 ** 40 + 2,
        recovered: true,
        wasRecovering: true,
        delta: true,
        publications: [
          { offset: 2 ** 40 + 1, data: '{"n":1}' },
          { offset: 2 ** 40 + 2, data: '"zwei – 二 – 🟢"', info: ann, tags: { kind: 'a', empty: '' } },
        ],
      },
    },
    {
      id: 2,
      subscribe: {
        expires: true,
        ttl: 60,
        recoverable: true,
        positioned: true,
        epoch: 'e',
        offset: 2 ** 40 + 2,
        recovered: true,
        was_recovering: true,
        delta: true,
        publications: [
          { offset: 2 ** 40 + 1, data: { n: 1 } },
          { offset: 2 ** 40 + 2, data: 'zwei – 二 – 🟢', info: ann, tags: { kind: 'a', empty: '' } },
        ],
      },
    },
  ],
  ['a subscription without anything', { id: 2, subscribe: { ttl: 0, publications: [] } }, { id: 2, subscribe: {} }],
  ['the end of a subscription', { id: 3, unsubscribe: {} }, { id: 3, unsubscribe: {} }],
  ['a publication that was taken', { id: 4, publish: {} }, { id: 4, publish: {} }],
  [
    'who is present',
    {
      id: 5,
      presence: {
        presence: new Map([
          ['c-1', ann],
          ['c-2', bob],
        ]),
      },
    },
    { id: 5, presence: { presence: { 'c-1': ann, 'c-2': bob } } },
  ],
  [
    'how many are present',
    { id: 6, presenceStats: { numClients: 300, numUsers: 2 } },
    { id: 6, presence_stats: { num_clients: 300, num_users: 2 } },
  ],
  [
    'a history',
    {
      id: 7,
      history: {
        publications: [
          { offset: 1, data: '1' },
          { offset: 2, data: 'null' },
        ],
        epoch: 'e',
        offset: HUGE,
      },
    },
    {
      id: 7,
      history: {
        publications: [
          { offset: 1, data: 1 },
          { offset: 2, data: null },
        ],
        epoch: 'e',
        offset: HUGE,
      },
    },
  ],
  ['a ping that was asked for', { id: 8, ping: {} }, { id: 8, ping: {} }],
  ['the result of a call', { id: 9, rpc: { data: '[1,2]' } }, { id: 9, rpc: { data: [1, 2] } }],
  [
    'a new token',
    { id: 10, refresh: { client: 'c-1', version: '1', expires: true, ttl: 90 } },
    { id: 10, refresh: { client: 'c-1', version: '1', expires: true, ttl: 90 } },
  ],
  [
    'a new token of a subscription',
    { id: 11, subRefresh: { expires: true, ttl: 90 } },
    { id: 11, sub_refresh: { expires: true, ttl: 90 } },
  ],
  [
    'the push of a publication',
    { push: { channel: 'feed:"ann"\n', pub: { data: '{"a":"\\n"}', offset: 7, info: ann, tags: { b: '"c"' } } } },
    { push: { channel: 'feed:"ann"\n', pub: { data: { a: '\n' }, offset: 7, info: ann, tags: { b: '"c"' } } } },
  ],
  [
    'the push of a publication without history',
    { push: { channel: 'c', pub: { data: '0', offset: 0, tags: {} } } },
    { push: { channel: 'c', pub: { data: 0 } } },
  ],
  [
    'the push of a large publication',
    { push: { channel: 'c', pub: { data: JSON.stringify('ö'.repeat(100_000)), offset: 1 } } },
    { push: { channel: 'c', pub: { data: 'ö'.repeat(100_000), offset: 1 } } },
  ],
  ['a join', { push: { channel: 'c', join: { info: ann } } }, { push: { channel: 'c', join: { info: ann } } }],
  ['a leave', { push: { channel: 'c', leave: { info: ann } } }, { push: { channel: 'c', leave: { info: ann } } }],
  [
    'a subscription that the server ended',
    { push: { channel: 'c', unsubscribe: UNSUBSCRIBES.insufficientState } },
    { push: { channel: 'c', unsubscribe: { code: 2500, reason: 'insufficient state' } } },
  ],
  [
    'a subscription that the server began',
    { push: { channel: 'c', subscribe: { recoverable: true, positioned: true, epoch: 'e', offset: 9 } } },
    { push: { channel: 'c', subscribe: { recoverable: true, positioned: true, epoch: 'e', offset: 9 } } },
  ],
  ['a message', { push: { channel: '', message: { data: '{}' } } }, { push: { message: { data: {} } } }],
  [
    'the end of the connection',
    { push: { channel: '', disconnect: DISCONNECTS.shutdown } },
    { push: { disconnect: { code: 3001, reason: 'shutdown' } } },
  ],
  [
    'a connection that will expire',
    { push: { channel: '', refresh: { expires: true, ttl: 5 } } },
    { push: { refresh: { expires: true, ttl: 5 } } },
  ],
  ['a ping', {}, {}],
];

describe('what the stock client reads', () => {
  test.each(REPLIES)('is, in JSON, %s', (_name, reply, expected) => {
    expect(readAsJson(reply)).toEqual([expected]);
  });

  test.each(REPLIES)('is, in protobuf, %s', (_name, reply, expected) => {
    expect(readAsProtobuf(reply)).toEqual([expected]);
  });

  test('are many messages one behind the other', () => {
    const replies = REPLIES.map(([, reply]) => reply);
    const expected = REPLIES.map(([, , each]) => each);
    expect(readAsJson(...replies)).toEqual(expected);
    expect(readAsProtobuf(...replies)).toEqual(expected);
  });

  test('is the shortest ping there is', () => {
    expect(jsonCodec.encode({}).toString()).toBe('{}');
    expect([...protobufCodec.encode({})]).toEqual([0]);
  });

  test('holds data as it came, not parsed and written again', () => {
    const reply: Reply = { push: { channel: 'c', pub: { data: '{"b":1.0,"a":12345678901234567890}', offset: 0 } } };
    expect(jsonCodec.encode(reply).toString()).toContain('"data":{"b":1.0,"a":12345678901234567890}');
    expect(protobufCodec.encode(reply).toString()).toContain('{"b":1.0,"a":12345678901234567890}');
  });

  test('has no data where there is none', () => {
    const replies: Reply[] = [{ id: 1, rpc: { data: '' } }, { push: { channel: 'c', pub: { data: '', offset: 3 } } }];
    expect(readAsJson(...replies)).toEqual([{ id: 1, rpc: {} }, { push: { channel: 'c', pub: { offset: 3 } } }]);
    expect(readAsProtobuf(...replies)).toEqual([{ id: 1, rpc: {} }, { push: { channel: 'c', pub: { offset: 3 } } }]);
  });

  test('is UTF-8 also where a string is not', () => {
    const reply: Reply = { push: { channel: 'c\ud800', pub: { data: '"\ud800"', offset: 1, tags: { a: '\udfff' } } } };
    expect(readAsJson(reply)).toHaveLength(1);
    expect(readAsProtobuf(reply)).toEqual([
      { push: { channel: 'c\ufffd', pub: { data: '\ufffd', offset: 1, tags: { a: '\ufffd' } } } },
    ]);
  });

  test.each([jsonCodec, protobufCodec])('is whole in $name, also after a reply that was none', (codec) => {
    const good: Reply = { push: { channel: 'c', pub: { data: '1', offset: 1 } } };
    const expected = codec.encode(good);
    const bad = { id: 1, history: { publications: [undefined], epoch: 'e', offset: 1 } } as unknown as Reply;
    expect(() => codec.encode(bad)).toThrow(TypeError);
    expect(codec.encode(good)).toEqual(expected);
  });
});
