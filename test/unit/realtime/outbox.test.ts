import { afterEach, describe, expect, test } from '@jest/globals';
import { DISCONNECTS, PUBLIC_FEED } from '@playnite/contracts/realtime';
import { Centrifuge } from 'centrifuge';
import { pino } from 'pino';
import { WebSocket } from 'ws';
import { MemoryBroker } from '../../../realtime-server/src/broker/memory-broker.ts';
import { Hub, type Subscriber } from '../../../realtime-server/src/hub.ts';
import { DEFAULT_LIMITS, type Limits } from '../../../realtime-server/src/limits.ts';
import { WEBSOCKET_PATH, createRealtimeServer } from '../../../realtime-server/src/server.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `${from + index}`);

/** A subscriber that keeps each message it is handed. */
function reader(clientId: string, onMessage: () => void = () => {}) {
  const messages: (string | Buffer)[] = [];
  const subscriber: Subscriber = {
    clientId,
    uid: clientId,
    deliver: (message) => {
      messages.push(message);
      onMessage();
    },
  };
  return { subscriber, messages, lines: () => messages.flatMap((message) => message.toString().split('\n')) };
}

describe('the hub', () => {
  test('hands over what came in one turn as one message, whose bytes all subscribers share', async () => {
    const hub = new Hub();
    const [ann, bob] = [reader('ann'), reader('bob')];
    hub.add('c', ann.subscriber);
    hub.add('c', bob.subscriber);
    for (const push of numbers(0, 100)) hub.broadcast('c', push);
    expect(ann.messages).toEqual([]);
    await turn();
    expect(ann.messages).toHaveLength(1);
    expect(ann.lines()).toEqual(numbers(0, 100));
    expect(bob.messages[0]).toBe(ann.messages[0]);
  });

  test('keeps the order from turn to turn, and sends nothing twice', async () => {
    const hub = new Hub();
    const ann = reader('ann');
    hub.add('c', ann.subscriber);
    for (const push of numbers(0, 20)) {
      hub.broadcast('c', push);
      if (Number(push) % 3 === 0) await turn();
    }
    await turn();
    expect(ann.lines()).toEqual(numbers(0, 20));
  });

  test('gives who joins within a turn only what follows', async () => {
    const hub = new Hub();
    const [ann, bob, eve] = [reader('ann'), reader('bob'), reader('eve')];
    hub.add('c', ann.subscriber);
    hub.broadcast('c', '0');
    hub.add('c', bob.subscriber);
    hub.broadcast('c', '1');
    hub.add('c', eve.subscriber);
    await turn();
    hub.broadcast('c', '2');
    await turn();
    expect([ann.lines(), bob.lines(), eve.lines()]).toEqual([['0', '1', '2'], ['1', '2'], ['2']]);
  });

  test.each([['alone'], ['beside others']])(
    'gives who leaves and comes back within a turn, %s, only what follows',
    async (company) => {
      const hub = new Hub();
      const ann = reader('ann');
      hub.add('c', ann.subscriber);
      if (company === 'beside others') hub.add('c', reader('bob').subscriber);
      hub.broadcast('c', '0');
      hub.remove('c', 'ann');
      hub.add('c', ann.subscriber);
      hub.broadcast('c', '1');
      await turn();
      expect(ann.lines()).toEqual(['1']);
    },
  );

  test('gives who left before the end of the turn nothing', async () => {
    const hub = new Hub();
    const ann = reader('ann');
    hub.add('c', ann.subscriber);
    hub.broadcast('c', '0');
    hub.remove('c', 'ann');
    await turn();
    expect(ann.messages).toEqual([]);
    expect(hub.channelCount).toBe(0);
  });

  test('cuts a large turn into messages, and gives who is removed at the first none of the others', async () => {
    const hub = new Hub();
    const ann = reader('ann');
    const slow = reader('slow', () => hub.remove('c', 'slow'));
    hub.add('c', slow.subscriber);
    hub.add('c', ann.subscriber);
    const pushes = numbers(10, 20).map((each) => each.repeat(10_000));
    for (const push of pushes) hub.broadcast('c', push);
    await turn();
    expect(ann.messages.length).toBeGreaterThan(1);
    expect(Math.max(...ann.messages.map((message) => message.length))).toBeLessThanOrEqual(65_536);
    expect(ann.lines()).toEqual(pushes);
    expect(slow.messages).toHaveLength(1);
  });

  test('counts bytes, not characters, and sends a push larger than a message by itself', async () => {
    const hub = new Hub();
    const ann = reader('ann');
    hub.add('c', ann.subscriber);
    const large = 'ü'.repeat(40_000);
    for (const push of ['a', large, 'b']) hub.broadcast('c', push);
    await turn();
    expect(ann.messages.map(String)).toEqual(['a', large, 'b']);
  });
});

/** A server that believes every token, to which everything is public. */
async function serve(limits: Partial<Limits> = {}) {
  const all = { ...DEFAULT_LIMITS, ...limits };
  const server = createRealtimeServer({
    broker: new MemoryBroker(all, Date.now),
    authenticate: async (token) => ({ uid: token, expiresAt: Date.now() + 3_600_000, token }),
    authorize: async () => 'allowed',
    limits: all,
    allowedOrigins: [],
    now: Date.now,
    log: pino({ level: 'silent' }),
    version: 'test',
  });
  const port = await server.listen('127.0.0.1', 0);
  server.setReady(true);
  closers.push(() => server[Symbol.asyncDispose]());
  const publish = (id: string, data: unknown = {}) =>
    server.publish([
      { channel: PUBLIC_FEED, publication: { type: 'test.published', id, at: new Date().toISOString(), data } },
    ]);
  return { publish, url: `ws://127.0.0.1:${port}${WEBSOCKET_PATH}` };
}

/** A bare socket that has subscribed to the public feed. */
async function listener(url: string) {
  const raw = new WebSocket(url);
  closers.push(() => raw.terminate());
  const frames: string[] = [];
  const subscribed = new Promise<void>((resolve) => {
    raw.on('message', (data, isBinary) => {
      frames.push(isBinary ? 'binary' : (data as Buffer).toString());
      if (frames.length === 2) resolve();
    });
  });
  const closed = new Promise<number>((resolve) => raw.once('close', resolve));
  await new Promise((resolve, reject) => raw.once('open', resolve).once('error', reject));
  raw.send('{"id":1,"connect":{"token":"ann"}}');
  raw.send(`{"id":2,"subscribe":{"channel":"${PUBLIC_FEED}"}}`);
  await subscribed;
  return { raw, frames, closed };
}

describe('over the wire', () => {
  test('a hundred publications of one turn are one text message', async () => {
    const { publish, url } = await serve();
    const { frames, raw } = await listener(url);
    const next = new Promise((resolve) => raw.once('message', resolve));
    for (const id of numbers(0, 100)) publish(id);
    await next;
    expect(frames).toHaveLength(3);
    expect(frames[2]?.split('\n')).toHaveLength(100);
  });

  test('a stock client that comes amid publications hears each that follows exactly once, in order', async () => {
    const { publish, url } = await serve();
    const total = 3_000;
    let published = 0;
    const publishing = (async () => {
      while (published < total) {
        for (let burst = (published % 7) + 1; burst > 0 && published < total; burst -= 1) publish(`${published++}`);
        await turn();
      }
    })();
    const client = new Centrifuge(url, { token: 'ann' });
    closers.push(() => client.disconnect());
    client.connect();
    const subscription = client.newSubscription(PUBLIC_FEED);
    const ids: string[] = [];
    let offset = Number.NaN;
    const done = new Promise<void>((resolve) => {
      subscription.on('subscribed', ({ streamPosition }) => (offset = streamPosition?.offset ?? Number.NaN));
      subscription.on('publication', ({ data }) => {
        ids.push((data as { id: string }).id);
        if (ids.at(-1) === 'last') resolve();
      });
    });
    subscription.subscribe();
    await subscription.ready();
    await publishing;
    publish('last');
    await done;
    // The first publication has offset 1, so the position that was told is the number of the next.
    expect(ids).toEqual([...numbers(offset, total), 'last']);
  });

  test('a reader that takes nothing in is sent away as slow; one that reads gets large bursts whole', async () => {
    const { publish, url } = await serve({ queueBytesMax: 100_000, pongWithinMs: 200 });
    const [stalled, healthy] = [await listener(url), await listener(url)];
    stalled.raw.pause();
    let published = 0;
    const heard = () => healthy.frames.slice(2).join('\n').split('\n').length;
    for (let round = 0; round < 300; round += 1) {
      publish(`${published++}`, 'x'.repeat(50_000));
      while (heard() < published) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    // The close frame is behind what was queued, and can be read once the reader wakes, if it wakes in time.
    stalled.raw.resume();
    expect([DISCONNECTS.slow.code, 1006]).toContain(await stalled.closed);
    expect(stalled.frames.length).toBeLessThan(published);
  });
});
