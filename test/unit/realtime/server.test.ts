import { afterEach, describe, expect, test } from '@jest/globals';
import { PUBLIC_FEED } from '@playnite/contracts/realtime';
import { Centrifuge, type SubscribedContext } from 'centrifuge';
import { WebSocket } from 'ws';
import { readConfig } from '../../../realtime-server/src/config.ts';
import { platformChannels } from '../../../realtime-server/src/channel-options.ts';
import { WEBSOCKET_PATH } from '../../../realtime-server/src/transport/endpoints.ts';
import { type ServerSettings, identityOf, publicationOf, serveRealtime } from '../../support/realtime.ts';

const opened: AsyncDisposable[] = [];
const closers: (() => void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
});

/** A server whose tokens are user ids; everybody may hear everything but `content:secret`. */
async function serve({ historySize, ...settings }: ServerSettings & { historySize?: number } = {}) {
  const { server, port } = await serveRealtime({
    authority: {
      authenticate: async (token) => (token === 'expired' || token === 'invalid' ? token : identityOf(token)),
      authorize: async (_, channel) => (channel === 'content:secret' ? 'denied' : 'allowed'),
    },
    ...(historySize === undefined ? {} : { optionsOf: withHistory(historySize) }),
    ...settings,
  });
  opened.push(server);
  const publish = (channel: string, id: string, data: unknown = {}) =>
    server.publish([{ channel, publication: publicationOf(id, data) }]);
  return { server, port, publish };
}

const withHistory =
  (size: number): typeof platformChannels =>
  (channel) => {
    const options = platformChannels(channel);
    return options && { ...options, history: { size, ttlMs: 60_000 } };
  };

/** The stock client. */
function phone(port: number, token: string, options = {}) {
  const client = new Centrifuge(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`, { token, ...options });
  closers.push(() => client.disconnect());
  return client;
}

const subscribed = (client: Centrifuge, channel: string, options = {}) => {
  const subscription = client.newSubscription(channel, options);
  const ids: string[] = [];
  subscription.on('publication', ({ data }) => ids.push((data as { id: string }).id));
  const outcome = new Promise<SubscribedContext>((resolve, reject) => {
    subscription.once('subscribed', resolve);
    subscription.once('unsubscribed', ({ code }) => reject(Object.assign(new Error('refused'), { code })));
  });
  subscription.subscribe();
  return { subscription, ids, outcome };
};

/** A bare socket, for saying what no honest client says. */
async function socket(port: number, headers = {}) {
  const raw = new WebSocket(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`, { headers });
  closers.push(() => raw.terminate());
  const frames: string[] = [];
  raw.on('message', (data) => frames.push((data as Buffer).toString()));
  const closed = new Promise<number>((resolve) => raw.once('close', resolve));
  await new Promise((resolve, reject) => raw.once('open', resolve).once('error', reject));
  return { raw, frames, closed };
}

const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
};

describe('a stock client', () => {
  test('connects, is subscribed to its own channel, and hears what is published there and where it subscribes', async () => {
    const { port, publish } = await serve();
    const ann = phone(port, 'ann');
    const heard: string[] = [];
    ann.on('publication', ({ channel, data }) => heard.push(`${channel} ${(data as { id: string }).id}`));
    ann.connect();
    await ann.ready();
    const { ids, outcome } = subscribed(ann, PUBLIC_FEED);
    await outcome;
    await publish('user:ann', 'e1');
    await publish(PUBLIC_FEED, 'e2');
    await publish('user:bob', 'e3');
    await publish(PUBLIC_FEED, 'e4');
    await until(() => ids.length === 2);
    expect(ids).toEqual(['e2', 'e4']);
    expect(heard).toEqual(['user:ann e1']);
  });

  test('hears an event once, however often it is published', async () => {
    const { port, publish } = await serve();
    const ann = phone(port, 'ann');
    ann.connect();
    const { ids, outcome } = subscribed(ann, PUBLIC_FEED);
    await outcome;
    for (const id of ['e1', 'e1', 'e2', 'e1']) await publish(PUBLIC_FEED, id);
    await until(() => ids.includes('e2'));
    expect(ids).toEqual(['e1', 'e2']);
  });

  test('that was away gets exactly what it missed', async () => {
    const { port, publish } = await serve();
    const ann = phone(port, 'ann');
    ann.connect();
    const { ids, outcome, subscription } = subscribed(ann, PUBLIC_FEED);
    await outcome;
    await publish(PUBLIC_FEED, 'e1');
    await until(() => ids.length === 1);
    ann.disconnect();
    await publish(PUBLIC_FEED, 'e2');
    await publish(PUBLIC_FEED, 'e3');
    const back = new Promise<SubscribedContext>((resolve) => subscription.once('subscribed', resolve));
    ann.connect();
    expect(await back).toMatchObject({ wasRecovering: true, recovered: true });
    expect(ids).toEqual(['e1', 'e2', 'e3']);
  });

  test('that was away too long is told so, and gets no part of what it missed', async () => {
    const { port, publish } = await serve({ historySize: 2 });
    const ann = phone(port, 'ann');
    ann.connect();
    const { ids, outcome, subscription } = subscribed(ann, PUBLIC_FEED);
    await outcome;
    await publish(PUBLIC_FEED, 'e1');
    await until(() => ids.length === 1);
    ann.disconnect();
    for (const id of ['e2', 'e3', 'e4', 'e5']) await publish(PUBLIC_FEED, id);
    const back = new Promise<SubscribedContext>((resolve) => subscription.once('subscribed', resolve));
    ann.connect();
    expect(await back).toMatchObject({ wasRecovering: true, recovered: false });
    expect(ids).toEqual(['e1']);
  });

  test.each([
    ['another epoch', { offset: 1, epoch: 'other' }],
    ['an offset of the future', { offset: 99, epoch: '' }],
    ['an offset beyond all', { offset: Number.MAX_SAFE_INTEGER, epoch: '' }],
  ])('that comes back with %s is told that nothing can be recovered', async (_, since) => {
    const { port, publish } = await serve();
    await publish(PUBLIC_FEED, 'e1');
    const ann = phone(port, 'ann');
    ann.connect();
    const { outcome } = subscribed(ann, PUBLIC_FEED, { since });
    expect(await outcome).toMatchObject({ wasRecovering: true, recovered: false });
  });

  test('sees who is there', async () => {
    const { port } = await serve();
    const [ann, bob] = [phone(port, 'ann'), phone(port, 'bob')];
    ann.connect();
    bob.connect();
    const here = subscribed(ann, 'content:c1');
    await Promise.all([here.outcome, subscribed(bob, 'content:c1').outcome]);
    expect(await here.subscription.presenceStats()).toEqual({ numClients: 2, numUsers: 2 });
    const users = Object.values((await here.subscription.presence()).clients).map(({ user }) => user);
    expect(users.toSorted()).toEqual(['ann', 'bob']);
  });

  test('reads a channel’s history', async () => {
    const { port, publish } = await serve();
    const ann = phone(port, 'ann');
    ann.connect();
    const { outcome, subscription } = subscribed(ann, 'content:c1');
    await outcome;
    for (const id of ['e1', 'e2', 'e3']) await publish('content:c1', id);
    const history = await subscription.history({ limit: 2, reverse: true });
    expect(history.publications.map(({ data }) => (data as { id: string }).id)).toEqual(['e3', 'e2']);
  });

  test('is refused a channel that it may not hear, or that there is not', async () => {
    const { port } = await serve();
    const ann = phone(port, 'ann');
    ann.connect();
    await expect(subscribed(ann, 'content:secret').outcome).rejects.toMatchObject({ code: 103 });
    await expect(subscribed(ann, 'nonsense').outcome).rejects.toMatchObject({ code: 102 });
    await expect(ann.publish(PUBLIC_FEED, {})).rejects.toMatchObject({ code: 103 });
    await expect(ann.rpc('x', {})).rejects.toMatchObject({ code: 108 });
    await expect(ann.history('content:other', { limit: 1 })).rejects.toMatchObject({ code: 103 });
  });

  test('with a bad token is sent away for good; with an expired one it may come back', async () => {
    const { port } = await serve();
    const bad = phone(port, 'invalid');
    const gone = new Promise<number>((resolve) => bad.once('disconnected', ({ code }) => resolve(code)));
    bad.connect();
    expect(await gone).toBe(3500);
    let asked = 0;
    const late = phone(port, 'expired', { getToken: async () => (asked += 1) && 'ann', minReconnectDelay: 1 });
    late.connect();
    await late.ready(5_000);
    expect(asked).toBe(1);
  });

  test('is told to come back when the server stops', async () => {
    const { server, port } = await serve();
    const ann = phone(port, 'ann');
    ann.connect();
    await ann.ready();
    const told = new Promise<number>((resolve) => ann.once('connecting', ({ code }) => resolve(code)));
    await server[Symbol.asyncDispose]();
    expect(await told).toBe(3001);
  });
});

describe('a client that does not keep to the protocol', () => {
  const connect = '{"id":1,"connect":{"token":"ann"}}';

  test.each([
    ['no JSON', 'what?', 3501],
    ['a list', '[]', 3501],
    ['a command without an id', '{"connect":{"token":"ann"}}', 3501],
    ['a subscription before connecting', '{"id":1,"subscribe":{"channel":"public:feed"}}', 3501],
    ['two connects', `${connect}\n${connect}`, 3501],
    ['a channel name too long', `{"id":1,"subscribe":{"channel":"${'c'.repeat(256)}"}}`, 3501],
    ['an id too large', '{"id":1e999,"ping":{}}', 3501],
    ['a negative offset', '{"id":1,"subscribe":{"channel":"public:feed","recover":true,"offset":-1}}', 3501],
    ['depth without end', `{"id":1,"publish":{"channel":"x","data":${'['.repeat(30_000)}`, 3501],
    ['too much in one message', `{"id":1,"connect":{"token":"${'t'.repeat(70_000)}"}}`, 1009],
  ])('with %s is sent away', async (_, frame, code) => {
    const { port } = await serve();
    const { raw, closed } = await socket(port);
    raw.send(frame);
    expect(await closed).toBe(code);
  });

  test('with binary data is sent away', async () => {
    const { port } = await serve();
    const { raw, closed } = await socket(port);
    raw.send(Buffer.from([1, 2, 3]));
    expect(await closed).toBe(3501);
  });

  test('with __proto__ in its frames changes nothing', async () => {
    const { port } = await serve();
    const { raw, frames } = await socket(port);
    raw.send('{"id":1,"connect":{"token":"ann","__proto__":{"admin":true}},"__proto__":{"admin":true}}');
    await until(() => frames.length > 0);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
    expect(JSON.parse(frames[0] ?? '')).toMatchObject({ id: 1, connect: { ping: 25, pong: true } });
  });

  test('with too many commands is sent away', async () => {
    const { port } = await serve({ limits: { commandsPerSecondMax: 20 } });
    const { raw, closed } = await socket(port);
    raw.send(connect);
    raw.send(Array.from({ length: 50 }, (_, index) => `{"id":${index + 2},"ping":{}}`).join('\n'));
    expect(await closed).toBe(3013);
  });

  test('with too many channels is refused the rest', async () => {
    const { port } = await serve({ limits: { channelsMax: 5 } });
    const { raw, frames } = await socket(port);
    raw.send(connect);
    for (let index = 0; index < 8; index += 1)
      raw.send(`{"id":${index + 2},"subscribe":{"channel":"content:c${index}"}}`);
    await until(() => frames.length === 9);
    expect(frames.filter((frame) => frame.includes('"code":106'))).toHaveLength(4);
  });

  test('that never says who it is, or never answers a ping, is sent away', async () => {
    const { port } = await serve({ limits: { authenticateWithinMs: 50, pingEveryMs: 30, pongWithinMs: 40 } });
    expect(await (await socket(port)).closed).toBe(3502);
    const silent = await socket(port);
    silent.raw.send(connect);
    expect(await silent.closed).toBe(3012);
  });

  test('that reads nothing is sent away before its queue passes the bound by more than one message', async () => {
    const { port, publish } = await serve({ limits: { queueBytesMax: 200_000, pongWithinMs: 50 } });
    const { raw } = await socket(port);
    raw.send(connect);
    raw.send('{"id":2,"subscribe":{"channel":"public:feed"}}');
    await new Promise((resolve) => setTimeout(resolve, 50));
    raw.pause();
    const other = phone(port, 'bob');
    other.connect();
    const { ids, outcome } = subscribed(other, PUBLIC_FEED);
    await outcome;
    let sent = 0;
    const connections = async () =>
      ((await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as { connections: number }).connections;
    while ((await connections()) === 2) await publish(PUBLIC_FEED, `e${(sent += 1)}`, 'x'.repeat(50_000));
    // The honest reader beside it misses nothing.
    await until(() => ids.length === sent);
    expect(ids).toEqual(Array.from({ length: sent }, (_, index) => `e${index + 1}`));
  });

  test('from a foreign page is refused before anything is said', async () => {
    const { port } = await serve({ allowedOrigins: ['https://play.example'] });
    await expect(socket(port, { origin: 'https://evil.example' })).rejects.toThrow('403');
    await socket(port, { origin: 'https://play.example' });
    await socket(port);
  });
});

describe('readConfig', () => {
  test('refuses an emulator outside a demo project', () => {
    const env = { GCLOUD_PROJECT: 'playnite', FIREBASE_AUTH_EMULATOR_HOST: 'localhost:9099' };
    expect(() => readConfig(env)).toThrow('refusing to start');
    expect(readConfig({ ...env, GCLOUD_PROJECT: 'demo-playnite' }).port).toBe(8000);
    expect(readConfig({ GCLOUD_PROJECT: 'playnite' }).firestoreOrigin).toBe('https://firestore.googleapis.com');
  });
});
