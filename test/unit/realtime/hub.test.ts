import { describe, expect, jest, test } from '@jest/globals';
import type { Broker, History, HistoryQuery, Publication } from '../../../realtime-server/src/broker/broker.ts';
import type { Channel } from '../../../realtime-server/src/channel.ts';
import { platformChannels } from '../../../realtime-server/src/channel-options.ts';
import { Hub } from '../../../realtime-server/src/hub.ts';
import type { Subscriber } from '../../../realtime-server/src/outbox.ts';
import { jsonCodec } from '../../../realtime-server/src/protocol/json.ts';
import { protobufCodec } from '../../../realtime-server/src/protocol/protobuf.ts';
import { formatsOf } from '../../../realtime-server/src/transport/formats.ts';

const FORMAT = formatsOf({ json: jsonCodec, protobuf: protobufCodec }).streamJson;
const MINUTE_MS = 60_000;
const FEED = 'public:feed';

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));
/** Gives up before the test does, so that nothing goes on after it. */
const UNTIL_MS = 4_500;
const until = async (holds: () => boolean) => {
  const by = Date.now() + UNTIL_MS;
  while (!holds()) {
    if (Date.now() > by) throw new Error('it did not come to that');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
};

/** A hub whose broker writes down what it is asked for, and answers when the test lets it. */
function world() {
  const asked: string[] = [];
  const told: string[] = [];
  const state = { fails: '', top: 0, gate: Promise.resolve(), now: 1_000_000, most: 0 };
  let open = 0;
  const answer = async (what: string) => {
    asked.push(what);
    await state.gate;
    if (state.fails !== '' && what.startsWith(state.fails)) throw new Error('no broker');
  };
  const broker: Pick<Broker, 'subscribe' | 'unsubscribe' | 'history'> = {
    async subscribe(channel) {
      open += 1;
      state.most = Math.max(state.most, open);
      await answer(`subscribe ${channel}`);
    },
    async unsubscribe(channel) {
      await answer(`unsubscribe ${channel}`);
      open -= 1;
    },
    async history(channel, { since }: HistoryQuery): Promise<History> {
      await answer(`history ${channel}`);
      const from = since?.offset ?? state.top;
      const publications: Publication[] = Array.from({ length: state.top - from }, (_, index) => ({
        offset: from + index + 1,
        data: `${from + index + 1}`,
      }));
      return { publications, position: { offset: state.top, epoch: 'a' }, complete: true };
    },
  };
  const hub = new Hub({
    broker,
    rights: { inTurn: (to, publication) => to.handOut(publication), whenIdle: () => undefined },
    optionsOf: platformChannels,
    lost: () => undefined,
    cache: () => undefined,
    delivered: () => undefined,
    now: () => state.now,
    log: { warn: jest.fn() },
  });
  const join = async (channel: Channel | undefined) => {
    const subscriber: Subscriber = {
      info: { user: 'u', client: 'c' },
      format: FORMAT,
      deliver: (frames) => void told.push(...frames.map(String)),
    };
    await channel?.join(
      subscriber,
      { wants: 0, from: undefined, permit: async () => {}, isGone: () => false },
      () => undefined,
    );
    return subscriber;
  };
  const holdUp = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    state.gate = promise;
    return resolve;
  };
  return { hub, asked, told, state, join, holdUp };
}

const released = (hub: Hub, channels: (Channel | undefined)[]) => {
  for (const channel of channels) if (channel) hub.release(channel);
};

describe('the channels of a node', () => {
  test('are opened once for all who want one at once, and closed after the last', async () => {
    const { hub, asked } = world();
    const channels = await Promise.all(Array.from({ length: 100 }, () => hub.acquire(FEED)));
    expect(new Set(channels).size).toBe(1);
    expect(asked).toEqual([`subscribe ${FEED}`, `history ${FEED}`]);
    released(hub, channels.slice(1));
    expect(hub.size).toBe(1);
    released(hub, channels.slice(0, 1));
    await turn();
    expect(hub.size).toBe(0);
    expect(asked.slice(2)).toEqual([`unsubscribe ${FEED}`]);
  });

  test('are opened again only when they have been closed, by one for all', async () => {
    const { hub, asked, holdUp, state } = world();
    const first = await hub.acquire(FEED);
    const release = holdUp();
    released(hub, [first]);
    const again = Promise.all(Array.from({ length: 10 }, () => hub.acquire(FEED)));
    await turn();
    expect(asked.slice(2)).toEqual([`unsubscribe ${FEED}`]);
    release();
    const channels = await again;
    expect(new Set(channels).size).toBe(1);
    expect(channels[0]).not.toBe(first);
    expect(asked.slice(2)).toEqual([`unsubscribe ${FEED}`, `subscribe ${FEED}`, `history ${FEED}`]);
    expect(state.most).toBe(1);
  });

  test.each(['subscribe', 'history'])('that fail to open at %s are open for the next who asks', async (call) => {
    const { hub, asked, state } = world();
    state.fails = call;
    const outcomes = await Promise.allSettled([hub.acquire(FEED), hub.acquire(FEED)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(hub.size).toBe(0);
    state.fails = '';
    const channel = await hub.acquire(FEED);
    expect(channel?.uses).toBe(1);
    expect(asked.filter((each) => each.startsWith('unsubscribe'))).toHaveLength(1);
  });

  test('can be opened again though the broker could not be told that they were closed', async () => {
    const { hub, state } = world();
    const channel = await hub.acquire(FEED);
    state.fails = 'unsubscribe';
    released(hub, [channel]);
    expect(await hub.acquire(FEED)).toBeDefined();
  });

  test('are as many as are in use, whoever comes and goes', async () => {
    const { hub } = world();
    const held: Channel[] = [];
    for (let round = 0; round < 300; round += 1) {
      const coming = Array.from({ length: round % 4 }, () => hub.acquire(FEED));
      released(hub, held.splice(0, (round * 7) % 5));
      for (const channel of await Promise.all(coming)) if (channel) held.push(channel);
      expect(new Set(held).size).toBeLessThanOrEqual(1);
      expect(hub.get(FEED)?.uses ?? 0).toBe(held.length);
    }
  });

  test('of a name that no channel can have are not opened', async () => {
    const { hub, asked } = world();
    expect(await hub.acquire('nonsense')).toBeUndefined();
    expect(asked).toEqual([]);
  });
});

describe('what a broker tells', () => {
  test('reaches the subscribers when it comes, and nobody when nobody is there', async () => {
    const { hub, told, state, join } = world();
    await join(await hub.acquire(FEED));
    state.top = 1;
    hub.receive(FEED, { offset: 1, data: '"one"' }, { offset: 1, epoch: 'a' });
    hub.receive('content:c1', { offset: 1, data: '"other"' }, { offset: 1, epoch: 'a' });
    await until(() => told.length > 0);
    expect(told.join('')).toContain('"one"');
    expect(told.join('')).not.toContain('"other"');
  });

  test('and was lost on the way is read when the connection is back', async () => {
    const { hub, told, state, join } = world();
    await join(await hub.acquire(FEED));
    state.top = 3;
    await hub.resume([FEED, 'content:c1']);
    await until(() => told.length > 0);
    expect(told.join('').match(/"data":\d/g)).toEqual(['"data":1', '"data":2', '"data":3']);
  });

  test('and was lost on a channel that is quiet is read within a minute, also when the broker fails at first', async () => {
    const { hub, told, state, join, asked } = world();
    await join(await hub.acquire(FEED));
    const before = asked.length;
    await hub.compareQuiet();
    expect(asked).toHaveLength(before);
    state.top = 1;
    state.now += MINUTE_MS;
    state.fails = 'history';
    await hub.compareQuiet();
    expect(told).toEqual([]);
    state.fails = '';
    await hub.compareQuiet();
    await until(() => told.length > 0);
    const compared = asked.length;
    await hub.compareQuiet();
    expect(asked).toHaveLength(compared);
  });

  test('is compared for some channels at a time, and for each in its turn', async () => {
    const { hub, asked, state } = world();
    for (let index = 0; index < 120; index += 1) await hub.acquire(`content:c${index}`);
    asked.length = 0;
    state.now += MINUTE_MS;
    for (const most of [50, 100, 120, 120]) {
      await hub.compareQuiet();
      expect(new Set(asked).size).toBe(most);
      expect(asked).toHaveLength(most);
    }
  });
});

describe('publications that come in turn after turn', () => {
  const TURNS = 40;
  /** Publishes one in each turn, to the channels by turns, and says how many frames they went out in. */
  async function publishInTurns(channels: readonly string[]) {
    const { hub, told, join } = world();
    for (const channel of channels) await join(await hub.acquire(channel));
    for (let number = 0; number < TURNS; number += 1) {
      const name = channels[number % channels.length] ?? '';
      const offset = Math.floor(number / channels.length) + 1;
      hub.receive(name, { offset, data: `${number}` }, { offset, epoch: 'a' });
      await turn();
    }
    await until(() => told.join('').match(/"data"/g)?.length === TURNS);
    return told;
  }
  const heardOn = (told: readonly string[], channel: string) =>
    Array.from(told.join('').matchAll(/"channel":"([^"]+)","pub":\{"data":(\d+)/g), ([, name, data]) =>
      name === channel ? [Number(data)] : [],
    ).flat();

  test('to several channels are gathered, and all of each is told in its order', async () => {
    const channels = [FEED, 'content:c1'];
    const told = await publishInTurns(channels);
    // Each turn's own would be as many as there were turns.
    expect(told.length).toBeLessThan(TURNS / 2);
    const numbers = Array.from({ length: TURNS }, (_, number) => number);
    expect(heardOn(told, FEED)).toEqual(numbers.filter((number) => number % 2 === 0));
    expect(heardOn(told, 'content:c1')).toEqual(numbers.filter((number) => number % 2 === 1));
  });

  test('to a single channel wait for nothing', async () => {
    expect(await publishInTurns([FEED])).toHaveLength(TURNS);
  });

  test('end with a turn that brings nothing', async () => {
    const { hub, told, join } = world();
    await join(await hub.acquire(FEED));
    await join(await hub.acquire('content:c1'));
    hub.receive(FEED, { offset: 1, data: '1' }, { offset: 1, epoch: 'a' });
    await turn();
    expect(told).toHaveLength(1);
    hub.receive('content:c1', { offset: 1, data: '2' }, { offset: 1, epoch: 'a' });
    await turn();
    await turn();
    expect(told).toHaveLength(2);
  });
});

describe('a client that has something to write', () => {
  test('writes it soon, whether or not anything is published', async () => {
    const { hub } = world();
    let flushed = 0;
    hub.write({ flush: () => void (flushed += 1) });
    await until(() => flushed > 0);
    expect(flushed).toBe(1);
  });
});
