import { describe, expect, test } from '@jest/globals';
import type { History, Publication, StreamPosition } from '../../../realtime-server/src/broker/broker.ts';
import { Stream } from '../../../realtime-server/src/stream.ts';
import { randomOf } from '../../support/random.ts';

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

/** A stream of a broker of which a test decides what it keeps, what it tells, and when it answers. */
function world() {
  const state = {
    epoch: 'a',
    top: 0,
    /** What came before is no longer kept. */
    first: 1,
    fails: false,
    reads: 0,
    hold: undefined as Promise<void> | undefined,
    /** Happens after a read was answered by the broker, and before the node has the answer. */
    onRead: () => undefined as void,
  };
  const delivered: string[] = [];
  let lost = 0;
  const publicationAt = (offset: number): Publication => ({ offset, data: `${offset}` });
  const answer = (since?: StreamPosition): History => {
    const position = { offset: state.top, epoch: state.epoch };
    if (!since) return { publications: [], position, complete: true };
    const complete = since.epoch === state.epoch && since.offset >= state.first - 1 && since.offset <= state.top;
    const publications = complete ? range(since.offset + 1, state.top + 1).map(publicationAt) : [];
    return { publications, position, complete };
  };
  const stream = new Stream({
    async read(since) {
      state.reads += 1;
      await Promise.resolve();
      if (state.fails) throw new Error('no broker');
      const answered = answer(since);
      state.onRead();
      await state.hold;
      return answered;
    },
    deliver: ({ data }) => void delivered.push(data),
    lost: () => {
      lost += 1;
      delivered.push('lost');
    },
  });
  const holdUp = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    state.hold = promise;
    return () => {
      state.hold = undefined;
      resolve();
    };
  };
  const tell = (offset: number, epoch = state.epoch) => stream.receive(publicationAt(offset), epoch);
  /** Publishes and tells of it. */
  const publish = (count = 1) => {
    for (let left = count; left > 0; left -= 1) tell((state.top += 1));
  };
  return { state, stream, delivered, holdUp, tell, publish, lostTimes: () => lost };
}

const strings = (from: number, to: number) => range(from, to).map(String);

describe('a stream', () => {
  test('begins where the channel is, and hands on what follows', async () => {
    const { state, stream, delivered, publish } = world();
    state.top = 7;
    await stream.open();
    expect(stream.position).toEqual({ offset: 7, epoch: 'a' });
    publish(3);
    expect(delivered).toEqual(strings(8, 11));
    expect(stream.position).toEqual({ offset: 10, epoch: 'a' });
    expect(state.reads).toBe(1);
  });

  test('hands on what comes while it is being opened, if it is not in what was read', async () => {
    const { state, stream, delivered, holdUp, tell } = world();
    state.top = 2;
    const release = holdUp();
    const opening = stream.open();
    for (const offset of [2, 3, 4]) tell(offset);
    expect(stream.isCatchingUp).toBe(true);
    release();
    await opening;
    expect(delivered).toEqual(['3', '4']);
  });

  test('hands on each once, whatever comes twice', async () => {
    const { stream, delivered, publish, tell } = world();
    await stream.open();
    publish(3);
    for (const offset of [1, 3, 2]) tell(offset);
    publish();
    expect(delivered).toEqual(strings(1, 5));
  });

  test('reads what was not told, and hands on the rest behind it', async () => {
    const { state, stream, delivered, publish, holdUp } = world();
    await stream.open();
    publish(2);
    state.top += 3;
    const release = holdUp();
    publish();
    publish();
    expect(delivered).toEqual(strings(1, 3));
    release();
    await turn();
    expect(delivered).toEqual(strings(1, 8));
    expect(state.reads).toBe(2);
    expect(stream.isCatchingUp).toBe(false);
  });

  test('hands on what came out of order in order', async () => {
    const { state, stream, delivered, tell } = world();
    await stream.open();
    state.top = 3;
    for (const offset of [2, 3, 1]) tell(offset);
    await turn();
    expect(delivered).toEqual(strings(1, 4));
  });

  test('says once that what lies between cannot be had, and goes on from there', async () => {
    const { state, stream, delivered, publish, lostTimes } = world();
    await stream.open();
    publish(2);
    state.top = 20;
    state.first = 15;
    publish();
    await turn();
    publish();
    expect(delivered).toEqual(['1', '2', 'lost', '22']);
    expect(lostTimes()).toBe(1);
  });

  test('says so too when the broker forgot everything and begins anew, at any offset', async () => {
    for (const top of [1, 2, 3, 9]) {
      const { state, stream, delivered, publish } = world();
      await stream.open();
      publish(2);
      Object.assign(state, { epoch: 'b', top: top - 1 });
      publish();
      await turn();
      publish();
      expect(delivered).toEqual(['1', '2', 'lost', `${top + 1}`]);
      expect(stream.position).toEqual({ offset: top + 1, epoch: 'b' });
    }
  });

  test('drops what waits from an epoch that has ended', async () => {
    const { state, stream, delivered, holdUp, publish, tell } = world();
    await stream.open();
    publish(2);
    const release = holdUp();
    tell(9);
    Object.assign(state, { epoch: 'b', top: 0 });
    publish(2);
    tell(12, 'a');
    publish();
    release();
    await turn();
    await stream.catchUp();
    publish();
    expect(delivered.slice(0, 3)).toEqual(['1', '2', 'lost']);
    expect(delivered.at(-1)).toBe('4');
    expect(stream.position).toEqual({ offset: 4, epoch: 'b' });
  });

  test('stands still while it cannot read, and hands everything on when it can again', async () => {
    const { state, stream, delivered, publish } = world();
    await stream.open();
    publish(2);
    state.fails = true;
    state.top += 1;
    publish(3);
    await turn();
    await expect(stream.catchUp()).rejects.toThrow('no broker');
    expect(delivered).toEqual(strings(1, 3));
    expect(stream.position.offset).toBe(2);
    state.fails = false;
    publish();
    await turn();
    expect(delivered).toEqual(strings(1, 8));
  });

  test('fails to open where the broker cannot tell, and can be opened later', async () => {
    const { state, stream, delivered, publish } = world();
    state.top = 4;
    state.fails = true;
    await expect(stream.open()).rejects.toThrow('no broker');
    state.fails = false;
    await stream.open();
    publish();
    expect(delivered).toEqual(['5']);
  });

  test('is one read for all who ask at once', async () => {
    const { state, stream, delivered } = world();
    await stream.open();
    state.top = 5;
    await Promise.all(range(0, 20).map(() => stream.catchUp()));
    expect(state.reads).toBe(2);
    expect(delivered).toEqual(strings(1, 6));
  });

  test('reads again what there was no room for while it read', async () => {
    const { state, stream, delivered, holdUp, publish } = world();
    await stream.open();
    const release = holdUp();
    state.top = 1;
    publish(3_000);
    release();
    await stream.catchUp();
    expect(delivered).toEqual(strings(1, 3_002));
    expect(state.reads).toBe(3);
  });

  test('comes to rest after it was flooded, though something is published during every further read', async () => {
    const { state, stream, delivered, holdUp, publish } = world();
    await stream.open();
    const release = holdUp();
    state.top = 1;
    publish(3_000);
    state.onRead = () => publish();
    release();
    await stream.catchUp();
    expect(delivered).toEqual(strings(1, state.top + 1));
  });

  test('gives up for now on a channel that is flooded during every read, and is whole once that ends', async () => {
    const { state, stream, delivered, publish } = world();
    await stream.open();
    state.onRead = () => publish(2_000);
    await expect(stream.catchUp()).rejects.toThrow('faster than it can be read');
    state.onRead = () => undefined;
    publish();
    await turn();
    expect(delivered).toEqual(strings(1, state.top + 1));
  });

  test.each(range(0, 30).map((seed) => [seed]))(
    'hands on everything, once, in order, or says that it cannot, whatever the broker does (seed %i)',
    async (seed) => {
      const random = randomOf(seed);
      const { state, stream, delivered, publish, tell } = world();
      await stream.open();
      let epochs = 0;
      let isSlow = false;
      const release: (() => void)[] = [];
      for (let step = 0; step < 400; step += 1) {
        const dice = random();
        if (dice < 0.5) publish(1 + Math.floor(random() * 3));
        else if (dice < 0.6) state.top += 1 + Math.floor(random() * 3);
        else if (dice < 0.7) tell(Math.max(1, state.top - Math.floor(random() * 5)));
        else if (dice < 0.75) state.fails = !state.fails;
        else if (dice < 0.8) state.first = Math.max(state.first, state.top - 3);
        else if (dice < 0.81) Object.assign(state, { epoch: `e${(epochs += 1)}`, top: 0, first: 1 });
        else if (dice < 0.9) {
          isSlow = !isSlow;
          if (isSlow) {
            const { promise, resolve } = Promise.withResolvers<void>();
            state.hold = promise;
            release.push(resolve);
          } else {
            state.hold = undefined;
            for (const each of release.splice(0)) each();
          }
        } else await turn();
      }
      Object.assign(state, { fails: false, hold: undefined });
      for (const each of release.splice(0)) each();
      await turn();
      await stream.catchUp();
      publish();
      await turn();
      expect(stream.position).toEqual({ offset: state.top, epoch: state.epoch });
      expect(delivered.at(-1)).toBe(`${state.top}`);
      const breaks = delivered.filter((each, index) => {
        const before = delivered[index - 1] ?? 'lost';
        return each !== 'lost' && before !== 'lost' && Number(each) !== Number(before) + 1;
      });
      expect(breaks).toEqual([]);
    },
  );
});
