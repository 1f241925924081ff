/** What the suites of Centrifugo's client SDKs expect of their server, asked by the stock JavaScript client of this one. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Centrifuge, type PublicationContext, type SubscribedContext, type Subscription } from 'centrifuge';
import { Centrifuge as ProtobufCentrifuge } from 'centrifuge/build/protobuf';
import { EventSource } from 'eventsource';
import { WebSocket } from 'ws';
import { type DevServer, startDevServer } from '../../support/dev-server.ts';

const API_KEY = 'test-api-key';
const KEPT = { history_ttl: '300s', force_recovery: true };
const CONFIG = {
  client: { insecure: true },
  http_server: { address: '127.0.0.1' },
  http_api: { key: API_KEY },
  http_stream: { enabled: true },
  sse: { enabled: true },
  channel: {
    without_namespace: { presence: true },
    namespaces: [
      { name: 'quiet' },
      { name: 'rooms', presence: true, join_leave: true },
      { name: 'kept', history_size: 100, ...KEPT },
      { name: 'asked', history_size: 100, history_ttl: '300s' },
      { name: 'small', history_size: 2, ...KEPT },
      { name: 'delta', history_size: 100, ...KEPT, allowed_delta_types: ['fossil'], delta_publish: true },
    ],
  },
};

const ERROR = { unknownChannel: 102, permissionDenied: 103, notAvailable: 108, lost: 112 };
const WRONG_EPOCH = 'an epoch that never was';

let server: DevServer;
beforeAll(async () => {
  server = await startDevServer(CONFIG);
});
afterAll(() => server.stop());

const clients: Centrifuge[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});

interface Way {
  transport: 'websocket' | 'http_stream' | 'sse';
  encoding: 'json' | 'protobuf';
}
const WAYS: Way[] = [
  { transport: 'websocket', encoding: 'json' },
  { transport: 'websocket', encoding: 'protobuf' },
  { transport: 'http_stream', encoding: 'json' },
  { transport: 'http_stream', encoding: 'protobuf' },
  { transport: 'sse', encoding: 'json' },
];

/** Opens a connection; the two clients differ in nothing that is declared. */
function open({ transport, encoding }: Way): Centrifuge {
  const address = `127.0.0.1:${server.port}`;
  const endpoint = `${transport === 'websocket' ? 'ws' : 'http'}://${address}/connection/${transport}`;
  const Client = encoding === 'json' ? Centrifuge : (ProtobufCentrifuge as unknown as typeof Centrifuge);
  const client = new Client([{ transport, endpoint }], {
    websocket: WebSocket,
    fetch,
    eventsource: EventSource,
    readableStream: ReadableStream,
    emulationEndpoint: `http://${address}/emulation`,
  });
  clients.push(client);
  client.connect();
  return client;
}

/** Applications of the protobuf client send bytes. */
const packed = ({ encoding }: Way, value: unknown): unknown =>
  encoding === 'json' ? value : new TextEncoder().encode(JSON.stringify(value));
const unpacked = ({ encoding }: Way, data: unknown): unknown =>
  encoding === 'json' ? data : JSON.parse(new TextDecoder().decode(data as Uint8Array));

let channels = 0;
const aChannel = (namespace?: string): string => `${namespace === undefined ? '' : `${namespace}:`}test${++channels}`;

const until = async (holds: () => boolean | Promise<boolean>) => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
};

async function subscribed(client: Centrifuge, channel: string, options = {}): Promise<Subscription> {
  const subscription = client.newSubscription(channel, options);
  subscription.subscribe();
  await subscription.ready();
  return subscription;
}

/** What comes of subscribing: its context, or the code with which it ended or failed. */
const outcomeOf = (subscription: Subscription) =>
  new Promise<SubscribedContext>((resolve, reject) => {
    subscription.once('subscribed', resolve);
    subscription.once('unsubscribed', ({ code, reason }) => reject(Object.assign(new Error(reason), { code })));
    subscription.subscribe();
  });

/** The publications of a subscription from now on, as the application reads them. */
function heardOn(way: Way, subscription: Subscription): unknown[] {
  const heard: unknown[] = [];
  subscription.on('publication', ({ data }: PublicationContext) => heard.push(unpacked(way, data)));
  return heard;
}

async function publishByService(
  channel: string,
  data: unknown,
  headers: Record<string, string> = { 'X-API-Key': API_KEY },
) {
  const response = await fetch(`http://127.0.0.1:${server.port}/api/publish`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ channel, data }),
  });
  return { status: response.status, body: (await response.json()) as unknown };
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ n: from + index }));

describe.each(WAYS)('a stock client over $transport with $encoding', (way) => {
  test('connects without a token, and disconnects', async () => {
    const client = open(way);
    const connected = new Promise<{ client: string }>((resolve) => void client.once('connected', resolve));
    const left = new Promise<{ code: number }>((resolve) => void client.once('disconnected', resolve));
    expect(await connected).toMatchObject({ client: expect.stringMatching(/.+/), transport: way.transport });
    client.disconnect();
    expect(await left).toMatchObject({ code: 0 });
  });

  test('hears what it publishes, and that it was itself', async () => {
    const client = open(way);
    const channel = aChannel();
    const subscription = await subscribed(client, channel);
    const heard = new Promise<PublicationContext>((resolve) => void subscription.once('publication', resolve));
    await subscription.publish(packed(way, { my: 'data' }));
    const publication = await heard;
    expect(unpacked(way, publication.data)).toEqual({ my: 'data' });
    expect(publication.info).toMatchObject({ user: '', client: expect.stringMatching(/.+/) });
  });

  test('publishes where it is not subscribed', async () => {
    const channel = aChannel();
    const subscription = await subscribed(open(way), channel);
    const heard = heardOn(way, subscription);
    await open(way).publish(channel, packed(way, { from: 'elsewhere' }));
    await until(() => heard.length > 0);
    expect(heard).toEqual([{ from: 'elsewhere' }]);
  });

  test('is present where it subscribes, and is told so where it does not', async () => {
    const client = open(way);
    const channel = aChannel();
    const subscription = await subscribed(client, channel);
    const others = open(way);
    expect(Object.values((await subscription.presence()).clients)).toMatchObject([{ user: '' }]);
    expect(await subscription.presenceStats()).toEqual({ numClients: 1, numUsers: 1 });
    expect(Object.keys((await others.presence(channel)).clients)).toHaveLength(1);
    subscription.unsubscribe();
    await until(async () => (await others.presenceStats(channel)).numClients === 0);
    expect((await client.presence(channel)).clients).toEqual({});
  });

  test('is told of its own joining, and of others that come and go, if it asks for that', async () => {
    const channel = aChannel('rooms');
    const first = open(way);
    const second = open(way);
    const events: string[] = [];
    const room = first.newSubscription(channel, { joinLeave: true });
    room.on('join', ({ info }) => events.push(`join ${info.client}`));
    room.on('leave', ({ info }) => events.push(`leave ${info.client}`));
    const id = async (client: Centrifuge) =>
      new Promise<string>((resolve) => void client.once('connected', (context) => resolve(context.client)));
    const [one, other] = await Promise.all([id(first), id(second)]);
    room.subscribe();
    await until(() => events.length === 1);
    const visit = await subscribed(second, channel);
    await until(() => events.length === 2);
    visit.unsubscribe();
    await until(() => events.length === 3);
    expect(events).toEqual([`join ${one}`, `join ${other}`, `leave ${other}`]);
  });

  test('reads the history forwards, backwards, from a position, by count and the position alone', async () => {
    const client = open(way);
    const channel = aChannel('kept');
    for (const each of numbers(1, 5)) await client.publish(channel, packed(way, each));
    const read = async (options: Parameters<Centrifuge['history']>[1]) => {
      const { publications, offset, epoch } = await client.history(channel, options);
      return { read: publications.map(({ data }) => (unpacked(way, data) as { n: number }).n), offset, epoch };
    };
    const { epoch, ...all } = await read({ limit: -1 });
    expect(all).toEqual({ read: [1, 2, 3, 4, 5], offset: 5 });
    expect(await read({})).toEqual({ read: [], offset: 5, epoch });
    expect(await read({ limit: 2 })).toEqual({ read: [1, 2], offset: 5, epoch });
    expect(await read({ limit: 2, reverse: true })).toEqual({ read: [5, 4], offset: 5, epoch });
    expect(await read({ limit: 2, since: { offset: 2, epoch } })).toEqual({ read: [3, 4], offset: 5, epoch });
    expect(await read({ limit: -1, since: { offset: 5, epoch } })).toEqual({ read: [], offset: 5, epoch });
    expect(await read({ limit: 2, since: { offset: 4, epoch }, reverse: true })).toMatchObject({ read: [3, 2] });
    await expect(read({ limit: -1, since: { offset: 2, epoch: WRONG_EPOCH } })).rejects.toMatchObject({
      code: ERROR.lost,
    });
  });

  test('recovers what it missed while it was unsubscribed, and hears on', async () => {
    const client = open(way);
    const channel = aChannel('kept');
    const subscription = await subscribed(client, channel);
    const heard = heardOn(way, subscription);
    await publishByService(channel, { n: 1 });
    await until(() => heard.length === 1);
    subscription.unsubscribe();
    for (const each of numbers(2, 4)) await publishByService(channel, each);
    expect(await outcomeOf(subscription)).toMatchObject({ recoverable: true, wasRecovering: true, recovered: true });
    await publishByService(channel, { n: 5 });
    await until(() => heard.length === 5);
    expect(heard).toEqual(numbers(1, 5));
  });

  test('recovers what it missed while it was disconnected', async () => {
    const client = open(way);
    const channel = aChannel('kept');
    const subscription = await subscribed(client, channel);
    const heard = heardOn(way, subscription);
    client.disconnect();
    for (const each of numbers(1, 3)) await publishByService(channel, each);
    const again = new Promise<SubscribedContext>((resolve) => void subscription.once('subscribed', resolve));
    client.connect();
    expect(await again).toMatchObject({ wasRecovering: true, recovered: true });
    await until(() => heard.length === 3);
    expect(heard).toEqual(numbers(1, 3));
  });

  test.each([
    { event: 'subscribed', before: [], after: numbers(1, 3) },
    { event: 'publication', before: numbers(1, 1), after: numbers(2, 3) },
  ] as const)('that unsubscribes on the $event of a recovery gets the rest with the next', async (round) => {
    const client = open(way);
    const channel = aChannel('kept');
    const subscription = await subscribed(client, channel);
    subscription.unsubscribe();
    for (const each of numbers(1, 3)) await publishByService(channel, each);
    const heard = heardOn(way, subscription);
    const ended = new Promise((resolve) => void subscription.once('unsubscribed', resolve));
    subscription.once(round.event, () => subscription.unsubscribe());
    subscription.subscribe();
    await ended;
    expect(heard.splice(0)).toEqual(round.before);
    subscription.subscribe();
    await until(() => heard.length === round.after.length);
    expect(heard).toEqual(round.after);
  });

  test('recovers since a position that it kept from before', async () => {
    const client = open(way);
    const channel = aChannel('kept');
    for (const each of numbers(1, 5)) await client.publish(channel, packed(way, each));
    const { epoch } = await client.history(channel, { limit: 0 });
    const subscription = client.newSubscription(channel, { since: { offset: 3, epoch } });
    const heard = heardOn(way, subscription);
    expect(await outcomeOf(subscription)).toMatchObject({ wasRecovering: true, recovered: true });
    await until(() => heard.length === 2);
    expect(heard).toEqual(numbers(4, 5));
  });

  test('is told that the history does not reach back to where it was, or is another', async () => {
    const client = open(way);
    const channel = aChannel('small');
    const subscription = await subscribed(client, channel);
    subscription.unsubscribe();
    for (const each of numbers(1, 4)) await publishByService(channel, each);
    expect(await outcomeOf(subscription)).toMatchObject({ wasRecovering: true, recovered: false });
    const heard = heardOn(way, subscription);
    await publishByService(channel, { n: 5 });
    await until(() => heard.length === 1);
    expect(heard).toEqual([{ n: 5 }]);
    const other = open(way).newSubscription(channel, { since: { offset: 5, epoch: WRONG_EPOCH } });
    expect(await outcomeOf(other)).toMatchObject({ wasRecovering: true, recovered: false });
  });

  test('can recover where the server does not force it, if it asks, and not where nothing is kept', async () => {
    const client = open(way);
    expect(await outcomeOf(client.newSubscription(aChannel('asked')))).toMatchObject({ recoverable: false });
    const asks = { recoverable: true, positioned: true };
    expect(await outcomeOf(client.newSubscription(aChannel('asked'), asks))).toMatchObject(asks);
    expect(await outcomeOf(client.newSubscription(aChannel('quiet'), asks))).toMatchObject({ recoverable: false });
  });

  test('reads publications that were sent as differences, after recovery too', async () => {
    const client = open(way);
    const channel = aChannel('delta');
    const subscription = await subscribed(client, channel, { delta: 'fossil' });
    const heard = heardOn(way, subscription);
    const states = numbers(1, 7).map((each) => ({ ...each, padding: 'x'.repeat(500) }));
    for (const state of states.slice(0, 3)) await publishByService(channel, state);
    await until(() => heard.length === 3);
    expect(subscription.deltaStats()).toMatchObject({ numPublications: 3, numFullPayloads: 1, numDeltaPayloads: 2 });
    subscription.unsubscribe();
    for (const state of states.slice(3, 6)) await publishByService(channel, state);
    expect(await outcomeOf(subscription)).toMatchObject({ recovered: true });
    for (const state of states.slice(6)) await publishByService(channel, state);
    await until(() => heard.length === 7);
    expect(heard).toEqual(states);
  });

  test('is refused with the codes of Centrifugo', async () => {
    const client = open(way);
    const data = packed(way, {});
    const { unknownChannel, permissionDenied, notAvailable } = ERROR;
    const refused = (asked: Promise<unknown>, code: number) => expect(asked).rejects.toMatchObject({ code });
    await refused(outcomeOf(client.newSubscription('nowhere:test')), unknownChannel);
    await refused(client.publish('nowhere:test', data), unknownChannel);
    await refused(client.presence('nowhere:test'), unknownChannel);
    await refused(client.presenceStats('nowhere:test'), unknownChannel);
    await refused(client.history('nowhere:test', { limit: 1 }), unknownChannel);
    await refused(outcomeOf(client.newSubscription('$private')), permissionDenied);
    await refused(client.presence('quiet:test'), notAvailable);
    await refused(client.presenceStats('quiet:test'), notAvailable);
    await refused(client.history('quiet:test', { limit: 1 }), notAvailable);
    await refused(client.rpc('method', data), notAvailable);
  });

  test('sends messages that nobody takes, and many commands in one batch', async () => {
    const client = open(way);
    const channel = aChannel();
    const subscription = await subscribed(client, channel);
    const heard = heardOn(way, subscription);
    const messages = numbers(1, 50);
    client.startBatching();
    const sent = [
      client.send(packed(way, { to: 'nobody' })),
      ...messages.map((each) => subscription.publish(packed(way, each))),
    ];
    client.stopBatching();
    await Promise.all(sent);
    await until(() => heard.length === messages.length);
    expect(heard).toEqual(messages);
  });

  test('subscribes and unsubscribes over and over, and is subscribed at the end', async () => {
    const client = open(way);
    const channel = aChannel();
    const subscription = client.newSubscription(channel);
    await client.ready();
    for (let round = 0; round < 10; round += 1) {
      subscription.subscribe();
      subscription.unsubscribe();
    }
    subscription.subscribe();
    expect(await subscription.presenceStats()).toEqual({ numClients: 1, numUsers: 1 });
  });

  test('with subscription tokens subscribes to many channels at once', async () => {
    const client = open(way);
    const getToken = async () => 'not looked at where everything is open';
    const subscriptions = Array.from({ length: 5 }, () => client.newSubscription(aChannel(), { getToken }));
    const outcomes = await Promise.all(subscriptions.map(outcomeOf));
    expect(outcomes).toHaveLength(5);
  });
});

describe('a service with the API key', () => {
  const KEYS: Record<string, string>[] = [{ 'X-API-Key': API_KEY }, { authorization: `apikey ${API_KEY}` }];
  test.each(KEYS)('may publish with %j', async (headers) => {
    expect(await publishByService(aChannel('kept'), {}, headers)).toMatchObject({
      status: 200,
      body: { result: { offset: 1, epoch: expect.stringMatching(/.+/) } },
    });
  });

  test('may not publish with another', async () => {
    expect(await publishByService(aChannel(), {}, { 'X-API-Key': 'another' })).toMatchObject({ status: 401 });
  });
});
