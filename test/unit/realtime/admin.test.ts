import { createServer } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { BODY_BYTES_MAX, type Needs, createAdminApi } from '../../../realtime-server/src/admin/api.ts';
import type { PublishOptions } from '../../../realtime-server/src/broker/broker.ts';
import { MemoryBroker } from '../../../realtime-server/src/broker/memory-broker.ts';
import { readDevConfig } from '../../../realtime-server/src/dev-config.ts';

const KEY = 'a-key-of-some-length';
const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

const { optionsOf } = readDevConfig({
  channel: {
    without_namespace: {},
    namespaces: [
      { name: 'kept', history_size: 10, history_ttl: '60s', presence: true, allowed_delta_types: ['fossil'] },
    ],
  },
});

/** An API on a port of its own, with a broker in memory; `called` is what the cluster was told. */
async function serve({ keys = [KEY], ...changes }: Partial<Needs> & { keys?: string[] } = {}) {
  const broker = new MemoryBroker();
  const nothing = () => {};
  await broker.start({
    onPublication: nothing,
    onJoin: nothing,
    onLeave: nothing,
    onControl: nothing,
    onResume: nothing,
  });
  opened.push(() => broker[Symbol.asyncDispose]());
  const called: unknown[][] = [];
  const codes: number[] = [];
  const needs: Needs = {
    broker,
    presence: {
      get: async () => new Map([['c1', { user: 'ann', client: 'c1' }]]),
      stats: async () => ({ clients: 2, users: 1 }),
    },
    optionsOf,
    cluster: {
      subscribe: async (...what) => void called.push(['subscribe', ...what]),
      unsubscribe: async (...what) => void called.push(['unsubscribe', ...what]),
      disconnect: async (...what) => void called.push(['disconnect', ...what]),
      channels: async (pattern) => new Map([[`news${pattern}`, 3]]),
      info: () => [
        { uid: '1', name: 'ann', version: '1.0', clients: 4, users: 3, channels: 2, subscriptions: 5, uptime: 60 },
      ],
    },
    metrics: { adminRequest: (code) => void codes.push(code) },
    log: pino({ level: 'silent' }),
    ...changes,
  };
  const api = createAdminApi(needs, keys);
  const http = createServer((request, response) => void api.handle(request, response));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  opened.push(() => new Promise((resolve) => http.close(resolve)));
  const address = http.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/api/`;
  const send = (path: string, body: string | undefined, headers: Record<string, string> = { 'x-api-key': KEY }) =>
    fetch(`${url}${path}`, { method: 'POST', headers, ...(body !== undefined && { body }) });
  const call = async (method: string, params: unknown): Promise<unknown> => {
    const response = await send(method, JSON.stringify(params));
    expect(response.status).toBe(200);
    return response.json();
  };
  return { api, broker, url, send, call, called, codes };
}

const error = (code: number) => ({ error: expect.objectContaining({ code, message: expect.any(String) }) });
const status = async (response: Promise<Response>) => (await response).status;

describe('whoever calls the API', () => {
  test('needs one of the keys, in either of the headers', async () => {
    const { send } = await serve({ keys: [KEY, 'another-key-of-length'] });
    for (const headers of [
      { 'x-api-key': KEY },
      { 'x-api-key': 'another-key-of-length' },
      { authorization: `apikey ${KEY}` },
      { authorization: `ApiKey ${KEY}` },
    ] as Record<string, string>[]) {
      expect(await status(send('info', '{}', headers))).toBe(200);
    }
    for (const headers of [
      {},
      { 'x-api-key': '' },
      { 'x-api-key': `${KEY}x` },
      { 'x-api-key': KEY.slice(1) },
      { authorization: KEY },
      { authorization: `Bearer ${KEY}` },
      { 'x-api-key': 'wrong', authorization: `apikey ${KEY}` },
    ] as Record<string, string>[]) {
      const response = await send('info', '{}', headers);
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject(error(101));
    }
  });

  test('finds nothing where no key is configured', async () => {
    const { api, send } = await serve({ keys: [] });
    expect(await status(send('info', '{}'))).toBe(404);
    expect(await status(send('info', '{}', { 'x-api-key': '' }))).toBe(404);
    expect(api.authorized({ 'x-api-key': '' })).toBe(false);
  });

  test('is told with the status what was no request of it', async () => {
    const { send, url } = await serve();
    expect(await status(send('dance', '{}'))).toBe(404);
    expect(await status(send('constructor', '{}'))).toBe(404);
    expect(await status(send('publish', '{'))).toBe(400);
    const wrongMethod = await fetch(`${url}info`, { headers: { 'x-api-key': KEY } });
    expect([wrongMethod.status, wrongMethod.headers.get('allow')]).toEqual([405, 'POST']);
    await wrongMethod.text();
  });

  test('is stopped at a body over the limit, told in advance or not', async () => {
    const { send, url } = await serve();
    const body = `{"channel":"news","data":"${'x'.repeat(BODY_BYTES_MAX)}"}`;
    expect(await status(send('publish', body))).toBe(413);
    const chunked = new ReadableStream({
      start(controller) {
        for (let index = 0; index < 2; index += 1) controller.enqueue(Buffer.alloc(BODY_BYTES_MAX));
        controller.close();
      },
    });
    const init = { method: 'POST', headers: { 'x-api-key': KEY }, body: chunked, duplex: 'half' };
    expect(await status(fetch(`${url}publish`, init as RequestInit))).toBe(413);
  });

  test('is told in the reply what could not be had, and each is counted by its code', async () => {
    const { call, codes } = await serve();
    expect(await call('publish', { channel: 'unknown:news', data: {} })).toEqual(error(102));
    expect(await call('publish', { channel: '', data: {} })).toEqual(error(107));
    expect(await call('publish', { channel: 'news' })).toEqual(error(107));
    expect(await call('publish', [])).toEqual(error(107));
    expect(await call('presence', { channel: 'news' })).toEqual(error(108));
    expect(await call('info', {})).toHaveProperty('result');
    expect(codes).toEqual([102, 107, 107, 107, 108, 0]);
  });

  test('gets an internal error when the broker is away', async () => {
    const fail = () => Promise.reject(new Error('no broker'));
    const { call } = await serve({ broker: { publish: fail, history: fail, removeHistory: fail } });
    expect(await call('publish', { channel: 'news', data: 1 })).toEqual(error(100));
    expect(await call('broadcast', { channels: ['news'], data: 1 })).toEqual({ result: { responses: [error(100)] } });
    expect(await call('history', { channel: 'kept:news' })).toEqual(error(100));
  });
});

describe('publish', () => {
  test('answers with the position, and the history has what was published', async () => {
    const { call } = await serve();
    const data = { text: 'ü "quoted"', at: null, list: [1, 2.5] };
    const first = await call('publish', { channel: 'kept:news', data, tags: { a: 'b' } });
    expect(first).toEqual({ result: { offset: 1, epoch: expect.any(String) } });
    expect(await call('publish', { channel: 'kept:news', data: 'second' })).toMatchObject({ result: { offset: 2 } });
    expect(await call('history', { channel: 'kept:news', limit: -1 })).toEqual({
      result: {
        publications: [
          { data, offset: 1, tags: { a: 'b' } },
          { data: 'second', offset: 2 },
        ],
        epoch: expect.any(String),
        offset: 2,
      },
    });
  });

  test('keeps numbers that JavaScript cannot count to as they came', async () => {
    const { broker, send } = await serve();
    const data = '{"id":9007199254740993,"text":"9007199254740993","ids":[-123456789012345678901234567890],"half":0.5}';
    await (await send('publish', `{"channel":"kept:news","data":${data}}`)).text();
    await (await send('batch', `{"commands":[{"publish":{"channel":"kept:news","data":${data}}}]}`)).text();
    const history = { size: 10, ttlMs: 60_000 };
    const { publications } = await broker.history('kept:news', { limit: 10, history });
    expect(publications.map((publication) => publication.data)).toEqual([data, data]);
    const read = await (await send('history', '{"channel":"kept:news","limit":1}')).text();
    expect(read).toContain(data);
  });

  test('publishes once for one idempotency key, and nothing older than the version that is there', async () => {
    const { call } = await serve();
    const channel = 'kept:news';
    for (let index = 0; index < 2; index += 1) {
      expect(await call('publish', { channel, data: index, idempotency_key: 'k' })).toMatchObject({
        result: { offset: 1 },
      });
    }
    const version = async (number: number, version_epoch?: string) => {
      await call('publish', { channel, data: number, version: number, version_epoch });
      return ((await call('history', { channel })) as { result: { offset: number } }).result.offset;
    };
    expect(await version(5)).toBe(2);
    expect(await version(4)).toBe(2);
    expect(await version(6)).toBe(3);
    expect(await version(1, 'anew')).toBe(4);
  });

  test('hands over what the caller chose, where the channel can do it', async () => {
    const published: [string, string, PublishOptions][] = [];
    const broker: Needs['broker'] = {
      publish: async (...what) => {
        published.push(what);
        return { position: { offset: 0, epoch: '' } };
      },
      history: () => Promise.reject(new Error()),
      removeHistory: () => Promise.reject(new Error()),
    };
    const { call } = await serve({ broker, publishesDelta: (channel) => channel === 'kept:always' });
    await call('publish', { channel: 'kept:news', data: {}, delta: true, skip_history: true });
    await call('publish', { channel: 'news', data: {}, delta: true });
    await call('publish', { channel: 'kept:always', data: {} });
    const history = { size: 10, ttlMs: 60_000 };
    expect(published).toEqual([
      ['kept:news', '{}', { delta: true }],
      ['news', '{}', {}],
      ['kept:always', '{}', { delta: true, history }],
    ]);
  });

  test('to many channels answers for each', async () => {
    const { call } = await serve();
    expect(await call('broadcast', { channels: ['kept:a', 'unknown:b', '', 'kept:c'], data: 1 })).toMatchObject({
      result: {
        responses: [{ result: { offset: 1 } }, error(102), error(107), { result: { offset: 1 } }],
      },
    });
    expect(await call('broadcast', { channels: [], data: 1 })).toEqual(error(107));
  });
});

describe('history', () => {
  test('is read from a position, backwards, in part, or not at all', async () => {
    const { call } = await serve();
    const channel = 'kept:news';
    for (const data of [1, 2, 3]) await call('publish', { channel, data });
    const read = async (query: object) =>
      (await call('history', { channel, ...query })) as { result: { publications: { data: number }[]; epoch: string } };
    const { epoch } = (await read({})).result;
    const numbers = async (query: object) => (await read(query)).result.publications.map(({ data }) => data);
    expect(await numbers({})).toEqual([]);
    expect(await numbers({ limit: 2 })).toEqual([1, 2]);
    expect(await numbers({ limit: -1, reverse: true })).toEqual([3, 2, 1]);
    expect(await numbers({ limit: -1, since: { offset: 1, epoch } })).toEqual([2, 3]);
    expect(await call('history', { channel, limit: 1, since: { offset: 1, epoch: 'other' } })).toEqual(error(112));
    expect(await call('history', { channel: 'news' })).toEqual(error(108));
    expect(await call('history_remove', { channel })).toEqual({ result: {} });
    expect(await numbers({ limit: -1 })).toEqual([]);
  });
});

describe('the other methods', () => {
  test('tell who is present, which channels there are, and which nodes', async () => {
    const { call } = await serve();
    expect(await call('presence', { channel: 'kept:news' })).toEqual({
      result: { presence: { c1: { user: 'ann', client: 'c1' } } },
    });
    expect(await call('presence_stats', { channel: 'kept:news' })).toEqual({
      result: { num_clients: 2, num_users: 1 },
    });
    expect(await call('channels', { pattern: '*' })).toEqual({ result: { channels: { 'news*': { num_clients: 3 } } } });
    expect(await call('info', {})).toEqual({
      result: {
        nodes: [
          {
            uid: '1',
            name: 'ann',
            version: '1.0',
            num_clients: 4,
            num_users: 3,
            num_subs: 5,
            num_channels: 2,
            uptime: 60,
          },
        ],
      },
    });
  });

  test('pass on to all nodes what happens to a user', async () => {
    const { call, called } = await serve();
    const empty = { result: {} };
    expect(await call('subscribe', { user: 'ann', channel: 'news' })).toEqual(empty);
    expect(await call('unsubscribe', { user: 'ann', channel: 'news', client: 'c1' })).toEqual(empty);
    expect(await call('unsubscribe', { user: 'ann', channel: '' })).toEqual(empty);
    expect(await call('disconnect', { user: 'ann', session: 's', whitelist: ['c2'] })).toEqual(empty);
    expect(await call('disconnect', { user: 'ann', disconnect: { code: 4000, reason: 'bye' } })).toEqual(empty);
    const unsubscribed = { code: 2000, reason: 'server unsubscribe' };
    expect(called).toEqual([
      ['subscribe', { user: 'ann' }, 'news'],
      ['unsubscribe', { user: 'ann', client: 'c1' }, 'news', unsubscribed],
      ['unsubscribe', { user: 'ann' }, '', unsubscribed],
      ['disconnect', { user: 'ann', session: 's' }, { code: 3503, reason: 'force disconnect' }, ['c2']],
      ['disconnect', { user: 'ann' }, { code: 4000, reason: 'bye' }, []],
    ]);
  });

  test('refuse what cannot be meant, before anything happens', async () => {
    const { call, called } = await serve();
    expect(await call('disconnect', {})).toEqual(error(107));
    expect(await call('disconnect', { user: 'ann', disconnect: { code: 1 } })).toEqual(error(107));
    expect(await call('subscribe', { user: 'ann', channel: 'unknown:a' })).toEqual(error(102));
    expect(await call('refresh', { user: 'ann' })).toEqual(error(108));
    expect(await call('rpc', { method: 'x' })).toEqual(error(108));
    expect(called).toEqual([]);
  });
});

describe('a batch', () => {
  test('answers its commands in their order, and goes on after one that fails', async () => {
    const { call } = await serve();
    for (const parallel of [false, true]) {
      const channel = `kept:${parallel}`;
      const commands = [
        { publish: { channel, data: 1 } },
        { publish: { channel: 'unknown:a', data: 1 } },
        { dance: {} },
        {},
        { batch: { commands: [] } },
        { presence_stats: { channel } },
      ];
      expect(await call('batch', { commands, parallel })).toEqual({
        replies: [
          { publish: { offset: 1, epoch: expect.any(String) } },
          error(102),
          error(104),
          error(104),
          error(104),
          { presence_stats: { num_clients: 2, num_users: 1 } },
        ],
      });
    }
    expect(await call('batch', { commands: [] })).toEqual({ replies: [] });
    expect(await call('batch', { commands: [1] })).toEqual(error(107));
  });
});
