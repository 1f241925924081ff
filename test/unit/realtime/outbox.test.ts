import { afterEach, describe, expect, test } from '@jest/globals';
import { DISCONNECTS, PUBLIC_FEED } from '@playnite/contracts/realtime';
import { Centrifuge } from 'centrifuge';
import { applyDelta } from 'fossil-delta';
import { WebSocket } from 'ws';
import type { Publication } from '../../../realtime-server/src/broker/broker.ts';
import type { Limits } from '../../../realtime-server/src/limits.ts';
import { Outbox, type Subscriber, WANTS } from '../../../realtime-server/src/outbox.ts';
import { jsonCodec } from '../../../realtime-server/src/protocol/json.ts';
import { protobufCodec } from '../../../realtime-server/src/protocol/protobuf.ts';
import { formatsOf } from '../../../realtime-server/src/transport/formats.ts';
import type { Format } from '../../../realtime-server/src/transport/transport.ts';
import { publicationOf, serveRealtime } from '../../support/realtime.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const FORMATS = formatsOf({ json: jsonCodec, protobuf: protobufCodec });
const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `${from + index}`);

interface Line {
  push: {
    channel: string;
    pub?: { offset?: number; data: unknown; delta?: boolean };
    join?: { info: { client: string } };
    leave?: { info: { client: string } };
  };
}

/** A subscriber that keeps each frame it is handed. */
function reader(client: string, onFrames: () => void = () => {}, format: Format = FORMATS.streamJson) {
  const frames: Buffer[] = [];
  const subscriber: Subscriber = {
    info: { user: client, client },
    format,
    deliver: (handed) => {
      frames.push(...handed);
      onFrames();
    },
  };
  const pushes = () =>
    Buffer.concat(frames)
      .toString()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as Line).push);
  return {
    subscriber,
    frames,
    pushes,
    heard: () => pushes().flatMap(({ pub }) => (pub ? [`${String(pub.data)}`] : [])),
  };
}

/** An outbox and its subscribers. */
function outboxOf() {
  const outbox = new Outbox('c');
  const subscribers = new Map<Subscriber, number>();
  let offset = 0;
  return {
    outbox,
    add: (subscriber: Subscriber, wants = 0) => {
      subscribers.set(subscriber, wants);
      outbox.join(subscriber);
    },
    remove: (subscriber: Subscriber) => {
      subscribers.delete(subscriber);
      outbox.leave(subscriber);
    },
    /** Publishes JSON data; `fields` are the rest of it. */
    publish: (data: string, fields: Partial<Publication> = {}) =>
      outbox.add({ offset: (offset += 1), data, ...fields }),
    flush: () => outbox.flush(subscribers),
    subscribers,
  };
}

describe('what came in one turn', () => {
  test('is handed over as one frame, whose bytes all subscribers share', () => {
    const { add, publish, flush } = outboxOf();
    const [ann, bob] = [reader('ann'), reader('bob')];
    add(ann.subscriber);
    add(bob.subscriber);
    for (const data of numbers(0, 100)) publish(data);
    expect(ann.frames).toEqual([]);
    expect(flush()).toBe(200);
    expect(ann.frames).toHaveLength(1);
    expect(ann.heard()).toEqual(numbers(0, 100));
    expect(bob.frames[0]).toBe(ann.frames[0]);
  });

  test('is encoded once for each format', () => {
    const { add, publish, flush } = outboxOf();
    const ann = reader('ann');
    const [bob, eve] = [1, 2].map(() => reader('bob', () => {}, FORMATS.websocketProtobuf));
    for (const each of [ann, bob, eve]) if (each) add(each.subscriber);
    publish('1');
    flush();
    expect(bob?.frames[0]).toBe(eve?.frames[0]);
    expect(bob?.frames[0]?.[0]).toBe(0x82);
    expect(ann.heard()).toEqual(['1']);
  });

  test('keeps its order from turn to turn, and is sent but once', () => {
    const { add, publish, flush } = outboxOf();
    const ann = reader('ann');
    add(ann.subscriber);
    for (const data of numbers(0, 20)) {
      publish(data);
      if (Number(data) % 3 === 0) flush();
    }
    flush();
    expect(flush()).toBe(0);
    expect(ann.heard()).toEqual(numbers(0, 20));
  });

  test('reaches who joined within it only as far as it followed', () => {
    const { add, publish, flush } = outboxOf();
    const [ann, bob, eve] = [reader('ann'), reader('bob'), reader('eve')];
    add(ann.subscriber);
    publish('0');
    add(bob.subscriber);
    publish('1');
    add(eve.subscriber);
    flush();
    publish('2');
    flush();
    expect([ann.heard(), bob.heard(), eve.heard()]).toEqual([['0', '1', '2'], ['1', '2'], ['2']]);
  });

  test.each([['alone'], ['beside others']])(
    'reaches who left and came back, %s, only as far as it followed',
    (company) => {
      const { add, remove, publish, flush } = outboxOf();
      const ann = reader('ann');
      add(ann.subscriber);
      if (company === 'beside others') add(reader('bob').subscriber);
      publish('0');
      remove(ann.subscriber);
      add(ann.subscriber);
      publish('1');
      flush();
      expect(ann.heard()).toEqual(['1']);
    },
  );

  test('does not reach who left before its end', () => {
    const { add, remove, publish, flush } = outboxOf();
    const ann = reader('ann');
    add(ann.subscriber);
    publish('0');
    remove(ann.subscriber);
    expect(flush()).toBe(0);
    expect(ann.frames).toEqual([]);
  });

  test('is cut into frames when it is large, and does not reach who was removed while it was handed over', () => {
    const { add, remove, publish, flush } = outboxOf();
    const late = reader('late');
    const ann = reader('ann', () => remove(late.subscriber));
    add(ann.subscriber);
    add(late.subscriber);
    const texts = numbers(10, 20).map((each) => JSON.stringify(each.repeat(10_000)));
    for (const text of texts) publish(text);
    flush();
    expect(ann.frames.length).toBeGreaterThan(1);
    expect(Math.max(...ann.frames.map(({ length }) => length))).toBeLessThanOrEqual(65_536);
    expect(ann.heard().map((each) => JSON.stringify(each))).toEqual(texts);
    expect(late.frames).toEqual([]);
  });

  test('is counted in bytes, not characters, and a push larger than a frame goes by itself', () => {
    const { add, publish, flush } = outboxOf();
    const ann = reader('ann');
    add(ann.subscriber);
    const large = 'ü'.repeat(40_000);
    for (const text of ['a', large, 'b']) publish(JSON.stringify(text));
    flush();
    expect(ann.frames).toHaveLength(3);
    expect(ann.heard()).toEqual(['a', large, 'b']);
  });

  test('tells who comes and goes to those who asked, in order with the publications', () => {
    const { add, publish, flush, outbox } = outboxOf();
    const [ann, bob] = [reader('ann'), reader('bob')];
    add(ann.subscriber, WANTS.joinLeave);
    add(bob.subscriber);
    const info = { user: 'eve', client: 'e' };
    outbox.add({ join: info });
    publish('1');
    outbox.add({ leave: info });
    // Only publications are counted.
    expect(flush()).toBe(2);
    expect(ann.pushes().map((push) => Object.keys(push)[1])).toEqual(['join', 'pub', 'leave']);
    expect(bob.pushes().map((push) => Object.keys(push)[1])).toEqual(['pub']);
    outbox.add({ join: info });
    flush();
    expect(bob.frames).toHaveLength(1);
  });
});

describe('differences', () => {
  const state = (views: number) => JSON.stringify({ title: 'A film about nothing in particular', views });

  /** What a subscriber of differences has in the end. */
  const applied = (pushes: Line['push'][], before?: string) => {
    const texts: string[] = [];
    let last = before;
    for (const { pub } of pushes) {
      if (!pub) continue;
      const text = String(pub.data);
      last = pub.delta ? Buffer.from(applyDelta(Buffer.from(last ?? ''), Buffer.from(text))).toString() : text;
      texts.push(last);
    }
    return texts;
  };

  test('begin after a whole publication, go on from turn to turn, and reach only those who asked', () => {
    const { add, publish, flush } = outboxOf();
    const [ann, bob] = [reader('ann'), reader('bob')];
    add(ann.subscriber, WANTS.delta);
    add(bob.subscriber);
    for (const views of [1, 2, 3, 4]) {
      publish(state(views), { delta: true });
      if (views % 2 === 0) flush();
    }
    expect(ann.pushes().map(({ pub }) => pub?.delta === true)).toEqual([false, true, true, true]);
    expect(applied(ann.pushes())).toEqual([1, 2, 3, 4].map(state));
    expect(bob.pushes().map(({ pub }) => pub?.data)).toEqual(
      [1, 2, 3, 4].map((views) => JSON.parse(state(views)) as unknown),
    );
  });

  test('begin for who joins amid a turn with the first that it gets', () => {
    const { add, publish, flush } = outboxOf();
    const [ann, bob] = [reader('ann'), reader('bob')];
    add(ann.subscriber, WANTS.delta);
    publish(state(1), { delta: true });
    add(bob.subscriber, WANTS.delta);
    publish(state(2), { delta: true });
    flush();
    publish(state(3), { delta: true });
    flush();
    expect(applied(ann.pushes())).toEqual([1, 2, 3].map(state));
    expect(applied(bob.pushes())).toEqual([2, 3].map(state));
    expect(bob.pushes().map(({ pub }) => pub?.delta === true)).toEqual([false, true]);
  });

  test('are to what a subscriber got before it joined, when it has recovered that, also amid a turn', () => {
    const { add, publish, flush } = outboxOf();
    const [ann, bob] = [reader('ann'), reader('bob')];
    add(ann.subscriber);
    publish(state(1), { delta: true });
    publish(state(2), { delta: true });
    add(bob.subscriber, WANTS.delta | WANTS.deltaBase);
    publish(state(3), { delta: true });
    flush();
    expect(bob.pushes().map(({ pub }) => pub?.delta === true)).toEqual([true]);
    expect(applied(bob.pushes(), state(2))).toEqual([state(3)]);
  });

  test('are never to a publication other than the one before', () => {
    const { add, publish, flush } = outboxOf();
    const [ann, bob] = [reader('ann'), reader('bob')];
    add(ann.subscriber);
    publish(state(1), { delta: true });
    flush();
    // Publications 2 to 4 went by without the node; bob has recovered them from elsewhere.
    add(bob.subscriber, WANTS.delta | WANTS.deltaBase);
    publish(state(5), { delta: true, offset: 5 });
    publish(state(6), { delta: true, offset: 6 });
    flush();
    expect(bob.pushes().map(({ pub }) => pub?.delta === true)).toEqual([false, true]);
    expect(applied(bob.pushes(), state(4))).toEqual([5, 6].map(state));
  });

  test('are not made where the publisher did not ask for them, nor where they would be longer', () => {
    const { add, publish, flush } = outboxOf();
    const ann = reader('ann');
    add(ann.subscriber, WANTS.delta);
    publish(state(1));
    publish(state(2));
    publish('"x"', { delta: true });
    flush();
    expect(ann.pushes().map(({ pub }) => pub?.delta === true)).toEqual([false, false, false]);
    expect(applied(ann.pushes())).toEqual([state(1), state(2), '"x"']);
  });
});

/** A server that believes every token, to which everything is public. */
async function serve(limits: Partial<Limits> = {}) {
  const { server, endpoint: url } = await serveRealtime({ limits });
  closers.push(() => server[Symbol.asyncDispose]());
  const publish = (id: string, data: unknown = {}) =>
    server.publish([{ channel: PUBLIC_FEED, publication: publicationOf(id, data) }]);
  return { publish, url };
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
  await new Promise((resolve) => raw.once('message', resolve));
  raw.send(`{"id":2,"subscribe":{"channel":"${PUBLIC_FEED}"}}`);
  await subscribed;
  return { raw, frames, closed };
}

describe('over the wire', () => {
  test('a hundred publications of one turn are one text message', async () => {
    const { publish, url } = await serve();
    const { frames, raw } = await listener(url);
    const next = new Promise((resolve) => raw.once('message', resolve));
    await Promise.all(numbers(0, 100).map((id) => publish(id)));
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
        for (let burst = (published % 7) + 1; burst > 0 && published < total; burst -= 1)
          await publish(`${published++}`);
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
    await publish('last');
    await done;
    // The first publication has offset 1, so the position that was told is the number of the next.
    expect(ids).toEqual([...numbers(offset, total), 'last']);
  });

  test('a reader that takes nothing in is sent away as slow; one that reads gets large bursts whole', async () => {
    const { publish, url } = await serve({ queueBytesMax: 100_000, pongWithinMs: 200 });
    const [stalled, healthy] = [await listener(url), await listener(url)];
    stalled.raw.pause();
    let published = 0;
    let lines = 0;
    let read = 2;
    const heard = () => {
      for (; read < healthy.frames.length; read += 1) lines += healthy.frames[read]?.split('\n').length ?? 0;
      return lines;
    };
    for (let round = 0; round < 300; round += 1) {
      await publish(`${published++}`, 'x'.repeat(50_000));
      while (heard() < published) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    // The close frame is behind what was queued, and can be read once the reader wakes, if it wakes in time.
    stalled.raw.resume();
    expect([DISCONNECTS.slow.code, 1006]).toContain(await stalled.closed);
    expect(stalled.frames.length).toBeLessThan(published);
  });
});
