import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { Broker, Publication } from '../../../realtime-server/src/broker/broker.ts';
import { MemoryBroker } from '../../../realtime-server/src/broker/memory-broker.ts';
import { ANNOUNCED_SUBSCRIBERS_MAX, Channel, type Joined } from '../../../realtime-server/src/channel.ts';
import type { ChannelOptions } from '../../../realtime-server/src/channel-options.ts';
import { type Subscriber, WANTS } from '../../../realtime-server/src/outbox.ts';
import { differenceOf } from '../../../realtime-server/src/protocol/delta.ts';
import { jsonCodec } from '../../../realtime-server/src/protocol/json.ts';
import { protobufCodec } from '../../../realtime-server/src/protocol/protobuf.ts';
import type { Outlet } from '../../../realtime-server/src/rights.ts';
import { formatsOf } from '../../../realtime-server/src/transport/formats.ts';

const HISTORY = { size: 50, ttlMs: 60_000 };
const OPTIONS: ChannelOptions = {
  presence: false,
  joinLeave: true,
  history: HISTORY,
  forceRecovery: true,
  clientPublish: 'none',
  openReads: false,
  delta: true,
};
const FORMAT = formatsOf({ json: jsonCodec, protobuf: protobufCodec }).streamJson;

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
});

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
const ticks = async (count: number) => {
  for (let left = count; left > 0; left -= 1) await Promise.resolve();
};

/** Rights in whose turn everything is at once, until the test holds them up. */
function rightsOf() {
  let held: { waiting: (() => void)[]; idle: PromiseWithResolvers<void> } | undefined;
  return {
    inTurn: (to: Outlet, publication: Publication) => {
      if (held) held.waiting.push(() => to.handOut(publication));
      else to.handOut(publication);
    },
    whenIdle: () => held?.idle.promise,
    hold: () => void (held = { waiting: [], idle: Promise.withResolvers() }),
    release: () => {
      const ended = held;
      held = undefined;
      for (const deliver of ended?.waiting ?? []) deliver();
      ended?.idle.resolve();
    },
  };
}

/** One channel of a node whose broker is in memory, or is deaf: then the channel is told of nothing. */
async function world(history: (broker: MemoryBroker) => Broker['history'] = (broker) => broker.history.bind(broker)) {
  const broker = new MemoryBroker();
  opened.push(broker);
  const rights = rightsOf();
  let isDeaf = false;
  const lost = jest.fn();
  const cache = jest.fn();
  const channel = new Channel('c', OPTIONS, {
    broker: { history: history(broker) },
    rights,
    pending: () => undefined,
    lost,
    cache,
  });
  await broker.start({
    onPublication: (_, publication, position) => {
      if (!isDeaf) channel.receive(publication, position);
    },
    onJoin: () => undefined,
    onLeave: () => undefined,
    onControl: () => undefined,
    onResume: () => undefined,
  });
  await broker.subscribe('c');
  await channel.open();
  const publish = (id: number, fields: Partial<Publication> = {}) =>
    broker.publish('c', `${id}`, { history: HISTORY, ...fields });
  const deafen = (deaf: boolean) => void (isDeaf = deaf);
  return { broker, channel, rights, lost, cache, publish, deafen };
}

/** Joins, and tells what the client has in the end: what it recovered and what was delivered. */
function joiner(
  channel: Channel,
  settings: { from?: Joined['position']; permit?: () => Promise<void>; wants?: number } = {},
) {
  const { from, permit = async () => {}, wants = 0 } = settings;
  const delivered: number[] = [];
  const announced: string[] = [];
  let joined: Joined | undefined;
  let isGone = false;
  const subscriber: Subscriber = {
    info: { user: 'u', client: 'c' },
    format: FORMAT,
    deliver: (frames) => {
      for (const line of Buffer.concat([...frames])
        .toString()
        .split('\n')
        .filter((each) => each !== '')) {
        const { push } = JSON.parse(line) as { push: { pub?: { data: number }; join?: unknown; leave?: unknown } };
        if (push.pub) delivered.push(push.pub.data);
        else announced.push(push.join ? 'join' : 'leave');
      }
    },
  };
  const request = { wants, from: from && { recover: true, ...from }, permit, isGone: () => isGone };
  const done = channel.join(subscriber, request, (result) => (joined = result));
  return {
    done,
    subscriber,
    announced,
    go: () => void (isGone = true),
    joined: () => joined,
    has: () => [...(joined?.publications ?? []).map(({ data }) => Number(data)), ...delivered],
  };
}

describe('a client that joins', () => {
  test.each(range(0, 40).map((tick) => [tick]))(
    'gets a publication that comes at any moment of it exactly once (after %i ticks)',
    async (tick) => {
      for (const start of [0, 1, 3]) {
        const { channel, publish } = await world();
        const { epoch } = (await publish(1)).position;
        for (const id of [2, 3]) await publish(id);
        channel.flush();
        const client = joiner(channel, { from: { epoch, offset: start } });
        await ticks(tick);
        void publish(4);
        await client.done;
        void publish(5);
        channel.flush();
        expect(client.joined()?.recovered).toBe(true);
        expect(client.has()).toEqual(range(start + 1, 6));
      }
    },
  );

  test('is told a position that what it gets follows, when it does not come back', async () => {
    for (const tick of range(0, 30)) {
      const { channel, publish } = await world();
      await publish(1);
      channel.flush();
      const client = joiner(channel);
      await ticks(tick);
      void publish(2);
      await client.done;
      void publish(3);
      channel.flush();
      expect(client.joined()).not.toHaveProperty('recovered');
      expect(client.has()).toEqual(range((client.joined()?.position.offset ?? Number.NaN) + 1, 4));
    }
  });

  test('waits until it is clear who may hear what is held back, and gets all of it', async () => {
    const { channel, rights, publish } = await world();
    const { epoch } = (await publish(1)).position;
    rights.hold();
    await publish(2, { rights: 'before' });
    await publish(3);
    const client = joiner(channel, { from: { epoch, offset: 1 } });
    await ticks(50);
    expect(client.joined()).toBeUndefined();
    await publish(4);
    rights.release();
    await client.done;
    await publish(5);
    channel.flush();
    expect(client.has()).toEqual([2, 3, 4, 5]);
  });

  test('is asked about again when its right may have ended meanwhile, and kept out if it has', async () => {
    const gate = Promise.withResolvers<void>();
    let isHeldUp = false;
    const { channel, publish } = await world((broker) => async (name, query) => {
      const read = await broker.history(name, query);
      if (isHeldUp) await gate.promise;
      return read;
    });
    const { epoch } = (await publish(1)).position;
    let asked = 0;
    isHeldUp = true;
    const client = joiner(channel, {
      from: { epoch, offset: 0 },
      permit: async () => {
        asked += 1;
        if (asked > 1) throw new Error('permission denied');
      },
    });
    await ticks(20);
    await publish(2, { rights: 'before' });
    gate.resolve();
    await expect(client.done).rejects.toThrow('permission denied');
    expect(client.joined()).toBeUndefined();
    expect(channel.subscribers.size).toBe(0);
  });

  test('and is gone before it is in leaves nothing behind', async () => {
    const { channel, publish } = await world();
    const { epoch } = (await publish(1)).position;
    const client = joiner(channel, { from: { epoch, offset: 0 } });
    client.go();
    await client.done;
    expect(client.joined()).toBeUndefined();
    expect(channel.subscribers.size).toBe(0);
  });

  test('gets what the broker has and the node was not told', async () => {
    const { channel, publish, deafen } = await world();
    const ann = joiner(channel);
    await ann.done;
    const { epoch } = (await publish(1)).position;
    deafen(true);
    for (const id of [2, 3]) await publish(id);
    deafen(false);
    const [behind, far] = [0, 1].map((offset) => joiner(channel, { from: { epoch, offset } }));
    await Promise.all([behind, far].map(async (each) => each?.done));
    await publish(4);
    await channel.catchUp();
    channel.flush();
    expect(behind?.has()).toEqual([1, 2, 3, 4]);
    expect(far?.has()).toEqual([2, 3, 4]);
    expect(ann.has()).toEqual([1, 2, 3, 4]);
  });

  test('comes in on a channel whose broker is ahead of the node at every read', async () => {
    let id = 1;
    let isBusy = false;
    const { channel, publish, deafen } = await world((broker) => async (name, query) => {
      if (isBusy) {
        deafen(true);
        await broker.publish('c', `${(id += 1)}`, { history: HISTORY });
        deafen(false);
      }
      return broker.history(name, query);
    });
    const { epoch } = (await publish(1)).position;
    isBusy = true;
    const client = joiner(channel, { from: { epoch, offset: 0 } });
    await client.done;
    isBusy = false;
    await publish((id += 1));
    await channel.catchUp();
    channel.flush();
    expect(client.has()).toEqual(range(1, id + 1));
  });

  test('shares the read with all who come back from the same place', async () => {
    let reads = 0;
    const { channel, publish, cache } = await world((broker) => async (name, query) => {
      if (query.limit > 0) reads += 1;
      await ticks(5);
      return broker.history(name, query);
    });
    const { epoch } = (await publish(1)).position;
    for (const id of range(2, 11)) await publish(id);
    const clients = range(0, 1_000).map((index) => joiner(channel, { from: { epoch, offset: index < 900 ? 4 : 10 } }));
    await ticks(8);
    await publish(11);
    await Promise.all(clients.map(({ done }) => done));
    channel.flush();
    expect(reads).toBeLessThan(10);
    expect(cache).toHaveBeenCalledWith('hit');
    for (const [index, client] of clients.entries()) expect(client.has()).toEqual(range(index < 900 ? 5 : 11, 12));
  });

  test('and was away for too long is told so, and gets what follows', async () => {
    const { channel, publish } = await world();
    const { epoch } = (await publish(1)).position;
    for (const id of range(2, 102)) await publish(id);
    const client = joiner(channel, { from: { epoch, offset: 1 } });
    await client.done;
    await publish(102);
    channel.flush();
    expect(client.joined()).toMatchObject({ recovered: false, position: { epoch, offset: 101 } });
    expect(client.has()).toEqual([102]);
  });

  test('is refused when the broker cannot be read, and let in when it can', async () => {
    let fails = false;
    const { channel, publish } = await world((broker) => async (name, query) => {
      if (fails) throw new Error('no broker');
      return broker.history(name, query);
    });
    const { epoch } = (await publish(1)).position;
    fails = true;
    await expect(joiner(channel, { from: { epoch, offset: 0 } }).done).rejects.toThrow('no broker');
    expect(channel.subscribers.size).toBe(0);
    fails = false;
    const client = joiner(channel, { from: { epoch, offset: 0 } });
    await client.done;
    expect(client.has()).toEqual([1]);
  });

  test('is sent away from a channel that never comes to rest', async () => {
    const { channel, publish } = await world();
    let id = 0;
    const { epoch } = (await publish((id += 1))).position;
    const client = joiner(channel, {
      from: { epoch, offset: 0 },
      permit: async () => void setTimeout(() => void publish((id += 1), { rights: 'before' })),
    });
    // Its right changes with every try.
    const busy = joiner(channel, {
      from: { epoch, offset: 0 },
      permit: async () => void (await publish((id += 1), { rights: 'before' })),
    });
    await client.done;
    await busy.done.catch(() => undefined);
    expect(channel.subscribers.has(client.subscriber)).toBe(true);
  });
});

describe('a channel', () => {
  test('whose broker has lost what lies between says so, once', async () => {
    const { channel, publish, deafen, lost } = await world();
    const client = joiner(channel);
    await client.done;
    await publish(1);
    deafen(true);
    for (const id of range(2, 102)) await publish(id);
    deafen(false);
    await channel.catchUp();
    expect(lost).toHaveBeenCalledTimes(1);
    await publish(102);
    expect(lost).toHaveBeenCalledTimes(1);
  });

  test('gives no history out before it is clear who may hear what is in it', async () => {
    const { channel, publish, rights, deafen } = await world();
    await publish(1);
    rights.hold();
    deafen(true);
    await publish(2, { rights: 'before' });
    deafen(false);
    let isTold = false;
    const history = channel.history({ limit: 10 }).finally(() => (isTold = true));
    await ticks(100);
    expect(isTold).toBe(false);
    rights.release();
    expect((await history).publications).toHaveLength(2);
  });

  test('tells who comes and goes up to a number of subscribers, and above it tells nobody', async () => {
    const { channel } = await world();
    const info = { user: 'eve', client: 'e' };
    channel.announce({ join: info });
    const clients = range(0, ANNOUNCED_SUBSCRIBERS_MAX).map(() => joiner(channel, { wants: WANTS.joinLeave }));
    await Promise.all(clients.map(({ done }) => done));
    channel.announce({ join: info });
    channel.flush();
    const more = joiner(channel, { wants: WANTS.joinLeave });
    await more.done;
    channel.announce({ leave: info });
    channel.flush();
    expect(clients[0]?.announced).toEqual(['join']);
    expect(more.announced).toEqual([]);
    channel.leave(more.subscriber);
    channel.announce({ leave: info });
    channel.flush();
    expect(clients[0]?.announced).toEqual(['join', 'leave']);
  });

  test('takes differences to what was published while nobody was subscribed from nowhere', async () => {
    const { channel, broker } = await world();
    const text = (views: number) => JSON.stringify({ title: 'A film about nothing in particular', views });
    const publish = (views: number) => broker.publish('c', text(views), { history: HISTORY, delta: true });
    const ann = joiner(channel);
    await ann.done;
    const { epoch } = (await publish(1)).position;
    channel.flush();
    channel.leave(ann.subscriber);
    await publish(2);
    channel.flush();
    const sent: string[] = [];
    const bob: Subscriber = {
      info: { user: 'bob', client: 'b' },
      format: FORMAT,
      deliver: (frames) => void sent.push(Buffer.concat([...frames]).toString()),
    };
    const from = { recover: true, epoch, offset: 0 };
    const permit = async () => {};
    await channel.join(bob, { wants: WANTS.delta, from, permit, isGone: () => false }, () => undefined);
    await publish(3);
    channel.flush();
    const { push } = JSON.parse(sent[0] ?? '') as { push: { pub: { data: string; delta?: boolean } } };
    // Bob has the second; a difference must be to that one.
    const difference = Buffer.from(differenceOf(text(2), text(3)) ?? []).toString();
    expect(push.pub.data).toBe(push.pub.delta ? difference : text(3));
  });
});
