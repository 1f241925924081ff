import { afterEach, describe, expect, test } from '@jest/globals';
import { DISCONNECTS, PUBLIC_FEED, userChannel } from '@playnite/contracts/realtime';
import { Centrifuge, type SubscribedContext } from 'centrifuge';
import { Centrifuge as ProtobufCentrifuge } from 'centrifuge/build/protobuf';
import { WebSocket } from 'ws';
import { platformChannels } from '../../../realtime-server/src/channel-options.ts';
import { DEFAULT_LIMITS } from '../../../realtime-server/src/limits.ts';
import { jsonCodec } from '../../../realtime-server/src/protocol/json.ts';
import { protobufCodec } from '../../../realtime-server/src/protocol/protobuf.ts';
import { formatsOf } from '../../../realtime-server/src/transport/formats.ts';
import { type ServerSettings, identityOf, publicationOf, serveRealtime } from '../../support/realtime.ts';

const CONTENT = 'content:c1';

const opened: AsyncDisposable[] = [];
const closers: (() => void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
});

/** Gives up before the test does, so that nothing goes on after it. */
const UNTIL_MS = 4_500;
const until = async (holds: () => boolean) => {
  const by = Date.now() + UNTIL_MS;
  while (!holds()) {
    if (Date.now() > by) throw new Error('it did not come to that');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function serve(settings: ServerSettings = {}) {
  const { server, endpoint } = await serveRealtime(settings);
  opened.push(server);
  const publish = (channel: string, id: string, data: unknown = {}) =>
    server.publish([{ channel, publication: publicationOf(id, data) }]);
  return { server, endpoint, publish, cluster: server.node.cluster };
}

/** A bare socket; `messages` are what the server said, one by one, `frames` as they came. */
async function socket(endpoint: string) {
  const raw = new WebSocket(endpoint);
  closers.push(() => raw.terminate());
  const frames: string[] = [];
  raw.on('message', (data) => frames.push((data as Buffer).toString()));
  const closed = new Promise<number>((resolve) => raw.once('close', resolve));
  await new Promise((resolve, reject) => raw.once('open', resolve).once('error', reject));
  const messages = () =>
    frames.flatMap((frame) => frame.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>));
  const say = (...commands: object[]) => raw.send(commands.map((command) => JSON.stringify(command)).join('\n'));
  return { raw, frames, messages, closed, say };
}

/** A stock client. */
function phone(endpoint: string, token: string, options: object = {}, Client: typeof Centrifuge = Centrifuge) {
  const client = new Client(endpoint, { token, minReconnectDelay: 10, ...options });
  closers.push(() => client.disconnect());
  return client;
}

async function subscribed(client: Centrifuge, channel: string, options: object = {}) {
  const subscription = client.newSubscription(channel, options);
  const heard: { id: string; data: unknown }[] = [];
  subscription.on('publication', ({ data }) => heard.push(data as { id: string; data: unknown }));
  subscription.subscribe();
  client.connect();
  await subscription.ready(5_000);
  return { subscription, heard, ids: () => heard.map(({ id }) => id) };
}

const connect = { id: 1, connect: { token: 'ann' } };

describe('a connection', () => {
  test('may send many commands at once, and has them answered in order, those that need not wait in one frame', async () => {
    const { endpoint } = await serve();
    const { frames, messages, say } = await socket(endpoint);
    say(connect, { id: 2, subscribe: { channel: CONTENT } }, { id: 3, ping: {} });
    await until(() => messages().length === 3);
    expect(messages().map(({ id }) => id)).toEqual([1, 2, 3]);
    const before = frames.length;
    say(...Array.from({ length: 20 }, (_, index) => ({ id: index + 4, presence: { channel: 'content:other' } })));
    await until(() => messages().length === 23);
    expect(messages().map(({ id }) => id)).toEqual(Array.from({ length: 23 }, (_, index) => index + 1));
    expect(frames.length - before).toBeLessThanOrEqual(20);
  });

  test('hears nothing before the reply to its connect, and then what came meanwhile, without being told of anything else', async () => {
    const gate = Promise.withResolvers<void>();
    const { endpoint, publish, cluster } = await serve({
      authority: {
        ownChannels: ({ uid }) => [userChannel(uid), 'content:mine', CONTENT],
        authorize: async (_, channel) => {
          if (channel === CONTENT) await gate.promise;
          return 'allowed';
        },
      },
    });
    const { messages, say } = await socket(endpoint);
    say(connect);
    await pause(50);
    await publish(userChannel('ann'), 'e1');
    await cluster.unsubscribe({ user: 'ann' }, 'content:mine', { code: 2000, reason: 'gone' });
    await pause(20);
    expect(messages()).toEqual([]);
    gate.resolve();
    await until(() => messages().length >= 3);
    const [first, ...rest] = messages();
    expect(first).toHaveProperty('connect');
    expect(rest.find(({ push }) => (push as { pub?: unknown }).pub)).toMatchObject({
      push: { channel: userChannel('ann'), pub: { data: { id: 'e1' } } },
    });
    expect(rest.find(({ push }) => (push as { unsubscribe?: unknown }).unsubscribe)).toMatchObject({
      push: { channel: 'content:mine', unsubscribe: { code: 2000 } },
    });
  });

  test('is pinged at a time of its own, and stays when it answers', async () => {
    const { endpoint } = await serve({ limits: { pingEveryMs: 1_000, pongWithinMs: 500 } });
    const firsts: number[] = [];
    const sockets = await Promise.all(Array.from({ length: 30 }, () => socket(endpoint)));
    for (const { raw, say } of sockets) {
      let isPinged = false;
      raw.on('message', (data) => {
        if ((data as Buffer).toString() !== '{}') return;
        if (!isPinged) firsts.push(Date.now());
        isPinged = true;
        raw.send('{}');
      });
      say(connect);
    }
    await until(() => firsts.length === 30);
    // In as many ticks as there are in a period, more or less: never all at once.
    expect(Math.max(...firsts) - Math.min(...firsts)).toBeGreaterThan(200);
    await pause(700);
    expect(sockets.every(({ raw }) => raw.readyState === WebSocket.OPEN)).toBe(true);
  });

  test('goes on with a renewed token, and ends for good with somebody else’s', async () => {
    const { endpoint } = await serve({
      authority: { authenticate: async (token) => identityOf(token.split('-')[0] ?? '', { token }) },
    });
    const { say, messages, closed } = await socket(endpoint);
    say({ id: 1, connect: { token: 'ann-1' } }, { id: 2, refresh: { token: 'ann-2' } });
    await until(() => messages().length === 2);
    expect(messages()[1]).toMatchObject({ id: 2, refresh: { expires: true } });
    say({ id: 3, refresh: { token: 'bob-1' } });
    expect(await closed).toBe(DISCONNECTS.invalidToken.code);
  });

  test('ends when its token does, and a stock client comes back with another', async () => {
    let issued = 0;
    const firstEnds = Date.now() + 300;
    const { endpoint } = await serve({
      limits: { expiredGraceMs: 100 },
      authority: {
        authenticate: async (token) => {
          if (token !== 't1') return identityOf('ann', { token });
          return Date.now() < firstEnds ? identityOf('ann', { token, expiresAt: firstEnds }) : 'expired';
        },
      },
    });
    const silent = await socket(endpoint);
    silent.say({ id: 1, connect: { token: 't1' } });
    const ann = phone(endpoint, '', { getToken: async () => `t${(issued += 1)}` });
    ann.connect();
    await ann.ready(5_000);
    expect(await silent.closed).toBe(DISCONNECTS.expired.code);
    await until(() => issued === 2);
    await ann.ready(5_000);
  });

  test('of an account that is shut out is refused for good', async () => {
    const { endpoint } = await serve({ authority: { authenticate: async () => 'barred' } });
    const { say, closed } = await socket(endpoint);
    say(connect);
    expect(await closed).toBe(DISCONNECTS.forced.code);
  });

  test('is one of so many of its user, and one may come when another went', async () => {
    const { endpoint } = await serve({ admission: { perUserMax: 2 } });
    const [first, second, third] = [await socket(endpoint), await socket(endpoint), await socket(endpoint)];
    for (const each of [first, second]) {
      each.say(connect);
      await until(() => each.messages().length === 1);
    }
    third.say(connect);
    expect(await third.closed).toBe(DISCONNECTS.connectionLimit.code);
    first.raw.close();
    await first.closed;
    const fourth = await socket(endpoint);
    fourth.say(connect);
    await until(() => fourth.messages().length === 1);
    const bob = await socket(endpoint);
    bob.say({ id: 1, connect: { token: 'bob' } });
    await until(() => bob.messages().length === 1);
  });
});

describe('who comes and goes', () => {
  test('is told to those who ask, and not to others', async () => {
    const { endpoint } = await serve();
    const told: string[] = [];
    const [ann, bob, eve] = [phone(endpoint, 'ann'), phone(endpoint, 'bob'), phone(endpoint, 'eve')];
    const asking = await subscribed(ann, CONTENT, { joinLeave: true });
    const other = await subscribed(bob, CONTENT);
    const unasked: unknown[] = [];
    other.subscription.on('join', (context) => unasked.push(context));
    other.subscription.on('leave', (context) => unasked.push(context));
    asking.subscription.on('join', ({ info }) => told.push(`join ${info.user}`));
    asking.subscription.on('leave', ({ info }) => told.push(`leave ${info.user}`));
    await subscribed(eve, CONTENT);
    eve.disconnect();
    await until(() => told.includes('leave eve'));
    expect(told.filter((each) => each.endsWith('eve'))).toEqual(['join eve', 'leave eve']);
    expect(unasked).toEqual([]);
    const { clients } = await asking.subscription.presence();
    expect(
      Object.values(clients)
        .map(({ user }) => user)
        .toSorted(),
    ).toEqual(['ann', 'bob']);
    await expect(ann.presence(PUBLIC_FEED)).rejects.toMatchObject({ code: 103 });
  });
});

describe.each([
  ['JSON', Centrifuge],
  ['protobuf', ProtobufCentrifuge as unknown as typeof Centrifuge],
])('differences, with the stock client over %s', (name, Client) => {
  const stateOf = (views: number) => ({
    title: 'Ein Film über nichts – “Ümläute”, 日本',
    views,
    text: 'x'.repeat(500),
  });
  const bytes = (data: unknown) =>
    (data instanceof Uint8Array ? JSON.parse(Buffer.from(data).toString()) : data) as {
      data: { views: number };
    };

  test('make the same publications as their whole, from the first on and after it was away', async () => {
    const { endpoint, publish, server } = await serve();
    const client = phone(endpoint, 'ann', {}, Client);
    const { subscription, heard } = await subscribed(client, CONTENT, { delta: 'fossil' });
    const views = () => heard.map((each) => bytes(each).data.views);
    for (const each of [1, 2, 3]) await publish(CONTENT, `e${each}`, stateOf(each));
    await until(() => heard.length === 3);
    const back = new Promise<SubscribedContext>((resolve) => subscription.once('subscribed', resolve));
    client.disconnect();
    for (const each of [4, 5]) await publish(CONTENT, `e${each}`, stateOf(each));
    client.connect();
    expect(await back).toMatchObject({ recovered: true });
    await publish(CONTENT, 'e6', stateOf(6));
    await until(() => heard.length === 6);
    expect(views()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(bytes(heard[5]).data).toEqual(stateOf(6));
    // And when it was away without missing anything.
    const again = new Promise<SubscribedContext>((resolve) => subscription.once('subscribed', resolve));
    await server.node.cluster.disconnect({ user: 'ann' }, { code: 3000, reason: 'come back' });
    expect(await again).toMatchObject({ recovered: true });
    for (const each of [7, 8]) await publish(CONTENT, `e${each}`, stateOf(each));
    await until(() => heard.length === 8);
    expect(views()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test(`reach a client whose ${name} stands beside others that did not ask`, async () => {
    const { endpoint, publish } = await serve();
    const [ann, bob] = [phone(endpoint, 'ann', {}, Client), phone(endpoint, 'bob', {}, Client)];
    const with_ = await subscribed(ann, CONTENT, { delta: 'fossil' });
    const without = await subscribed(bob, CONTENT);
    for (const each of [1, 2, 3]) await publish(CONTENT, `e${each}`, stateOf(each));
    await until(() => with_.heard.length === 3 && without.heard.length === 3);
    expect(with_.heard.map(bytes)).toEqual(without.heard.map(bytes));
  });
});

describe('a service', () => {
  test('subscribes and unsubscribes clients that did not ask, and sends them away', async () => {
    const { endpoint, publish, cluster } = await serve();
    const [ann, bob] = [phone(endpoint, 'ann'), phone(endpoint, 'bob')];
    const told: string[] = [];
    ann.on('subscribed', ({ channel }) => told.push(`subscribed ${channel}`));
    ann.on('unsubscribed', ({ channel }) => told.push(`unsubscribed ${channel}`));
    ann.on('publication', ({ channel, data }) => told.push(`${channel} ${(data as { id: string }).id}`));
    ann.connect();
    bob.connect();
    await Promise.all([ann.ready(), bob.ready()]);
    await until(() => told.length === 1);
    await cluster.subscribe({ user: 'ann' }, CONTENT);
    await until(() => told.length === 2);
    await publish(CONTENT, 'e1');
    await until(() => told.length === 3);
    await cluster.unsubscribe({ user: 'ann' }, CONTENT, { code: 2000, reason: 'enough' });
    await publish(CONTENT, 'e2');
    await publish(userChannel('ann'), 'e3');
    await until(() => told.at(-1) === 'user:ann e3');
    expect(told.slice(1)).toEqual([`subscribed ${CONTENT}`, `${CONTENT} e1`, `unsubscribed ${CONTENT}`, 'user:ann e3']);
    const ended = new Promise<number>((resolve) => ann.once('disconnected', ({ code }) => resolve(code)));
    await cluster.disconnect({ user: 'ann' }, DISCONNECTS.forced);
    expect(await ended).toBe(DISCONNECTS.forced.code);
    expect(bob.state).toBe('connected');
  });
});

describe('a channel’s history', () => {
  /** A client on a channel with five publications. */
  async function five() {
    const { endpoint, publish } = await serve();
    const { subscription } = await subscribed(phone(endpoint, 'ann'), CONTENT);
    for (const each of [1, 2, 3, 4, 5]) await publish(CONTENT, `e${each}`);
    const { epoch } = await subscription.history({ limit: 0 });
    const read = async (options: Parameters<typeof subscription.history>[0]) =>
      (await subscription.history(options)).publications.map(({ data }) => (data as { id: string }).id);
    return { subscription, epoch, read };
  }

  test('is read from a position on, forwards and backwards, as much as is asked for', async () => {
    const { subscription, epoch, read } = await five();
    expect(await read({ limit: -1 })).toEqual(['e1', 'e2', 'e3', 'e4', 'e5']);
    expect(await read({ limit: 2 })).toEqual(['e1', 'e2']);
    expect(await read({ limit: 2, reverse: true })).toEqual(['e5', 'e4']);
    expect(await read({ limit: 2, since: { epoch, offset: 2 } })).toEqual(['e3', 'e4']);
    expect(await read({ limit: 9, since: { epoch, offset: 3 }, reverse: true })).toEqual(['e2', 'e1']);
    expect(await read({ limit: 9, since: { epoch: '', offset: 4 } })).toEqual(['e5']);
    expect(await subscription.history({ limit: 0 })).toMatchObject({ publications: [], offset: 5 });
  });

  test.each([
    ['of another epoch', { epoch: 'other', offset: 1 }],
    ['of the future', { epoch: '', offset: 99 }],
  ])('from a position %s cannot be had', async (_, since) => {
    const { subscription } = await five();
    await expect(subscription.history({ limit: 9, since })).rejects.toMatchObject({ code: 112 });
  });
});

describe('a client that reads nothing', () => {
  test('is not slow for one large answer, and has a queue of its own for what follows that', async () => {
    const { server, publish } = await serve();
    const { queueBytesMax } = DEFAULT_LIMITS;
    const quarter = 'x'.repeat(queueBytesMax / 4);
    for (let nth = 0; nth < 10; nth += 1) await publish(CONTENT, `before${nth}`, quarter);
    const history = platformChannels(CONTENT)?.history ?? { size: 0, ttlMs: 0 };
    const { position } = await server.node.broker.history(CONTENT, { limit: 0, history });

    const queue = { bytes: 0 };
    const codes: number[] = [];
    const events = server.node.connect({
      name: 'websocket',
      format: formatsOf({ json: jsonCodec, protobuf: protobufCodec }).websocketJson,
      emulated: false,
      address: '127.0.0.1',
      get queuedBytes() {
        return queue.bytes;
      },
      write: (frames) => frames.forEach(({ length }) => (queue.bytes += length)),
      close: ({ code }) => void codes.push(code),
    });
    closers.push(() => events.onClosed());
    const say = (command: object) => events.onMessage(Buffer.from(JSON.stringify(command)));
    say(connect);
    await until(() => queue.bytes > 0);
    queue.bytes = 0;
    say({ id: 2, subscribe: { channel: CONTENT, recover: true, epoch: position.epoch, offset: 0 } });
    await until(() => queue.bytes > 2 * queueBytesMax);
    const head = queue.bytes;
    for (let nth = 0; nth < 3; nth += 1) await publish(CONTENT, `after${nth}`, quarter);
    await until(() => queue.bytes > head + 3 * quarter.length);
    expect(codes).toEqual([]);
    await publish(CONTENT, 'last', quarter);
    await until(() => codes.length > 0);
    expect(codes).toEqual([DISCONNECTS.slow.code]);
  });
});
