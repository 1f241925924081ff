/** The part of the suite for brokers that is about what they remember. */
import { describe, expect, test } from '@jest/globals';
import type { Broker, HistoryQuery, PublishOptions, StreamPosition } from '../../realtime-server/src/broker/broker.ts';

export const HISTORY = { size: 5, ttlMs: 60_000 };
export const ALL = { limit: 1_000, history: HISTORY };

/** The numbers from one on and before another. */
export const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, nth) => from + nth);

interface World {
  /** A broker. */
  one: () => Broker;
  /** Publishes to `c` through it, each number as its data; the position of the last. */
  publish: (from: number, to: number, options?: PublishOptions) => Promise<StreamPosition>;
  /** Asks another node's, where there is one, what there is of `c`. */
  read: (query?: Partial<HistoryQuery>) => Promise<{ data: number[]; position: StreamPosition; complete: boolean }>;
  /** Lets time go by. */
  pass: (ms: number) => void;
}

export function provesHistory({ one, publish, read, pass }: World): void {
  describe('remembers', () => {
    test('what came since a position, and nothing since the newest', async () => {
      const { epoch } = await publish(1, 5);
      const position = { offset: 4, epoch };
      expect(await read({ since: { offset: 2, epoch } })).toEqual({ data: [3, 4], position, complete: true });
      expect(await read({ since: { offset: 0, epoch } })).toEqual({ data: [1, 2, 3, 4], position, complete: true });
      expect(await read({ since: position })).toEqual({ data: [], position, complete: true });
      expect(await read()).toEqual({ data: [1, 2, 3, 4], position, complete: true });
    });

    test.each([
      ['newer than the newest', 5],
      ['of 2^53', 2 ** 53],
      ['of 1e300', 1e300],
    ])('nothing since an offset %s', async (_, offset) => {
      const position = await publish(1, 5);
      expect(await read({ since: { ...position, offset } })).toEqual({ data: [], position, complete: false });
    });

    test('nothing since a position of another epoch', async () => {
      const position = await publish(1, 5);
      for (const epoch of ['other', ''])
        expect(await read({ since: { offset: 4, epoch } })).toEqual({ data: [], position, complete: false });
    });

    test('no more than the size of the history, and knows what is missing', async () => {
      const position = await publish(1, 13);
      expect(await read()).toEqual({ data: [8, 9, 10, 11, 12], position, complete: true });
      expect(await read({ since: { ...position, offset: 7 } })).toMatchObject({
        data: [8, 9, 10, 11, 12],
        complete: true,
      });
      expect(await read({ since: { ...position, offset: 6 } })).toEqual({ data: [], position, complete: false });
    });

    test('long histories, of which only the newest stay', async () => {
      const history = { size: 100, ttlMs: 60_000 };
      const { epoch } = await publish(1, 501, { history });
      expect((await read({ history })).data).toEqual(numbers(401, 501));
      expect((await read({ history, since: { offset: 450, epoch }, limit: 3 })).data).toEqual([451, 452, 453]);
      expect((await read({ history, since: { offset: 450, epoch }, limit: 3, reverse: true })).data).toEqual([
        449, 448, 447,
      ]);
    });

    test('nothing that is past its time, and knows what is missing', async () => {
      const { epoch } = await publish(1, 3);
      pass(HISTORY.ttlMs - 1_000);
      const position = await publish(3, 4);
      pass(2_000);
      expect(await read()).toEqual({ data: [3], position, complete: true });
      expect(await read({ since: { offset: 2, epoch } })).toMatchObject({ data: [3], complete: true });
      expect(await read({ since: { offset: 1, epoch } })).toEqual({ data: [], position, complete: false });
      pass(HISTORY.ttlMs);
      expect(await read()).toEqual({ data: [], position, complete: true });
      expect(await read({ since: position })).toMatchObject({ complete: true });
      expect(await read({ since: { offset: 2, epoch } })).toMatchObject({ complete: false });
      expect(await publish(4, 5)).toEqual({ offset: 4, epoch });
    });

    test('a whole history that is past its time as little as a part of it', async () => {
      const history = { size: 300, ttlMs: 60_000 };
      const { epoch } = await publish(1, 201, { history });
      pass(history.ttlMs + 1);
      expect(await publish(201, 202, { history })).toEqual({ offset: 201, epoch });
      expect((await read({ history })).data).toEqual([201]);
      expect(await read({ history, since: { offset: 199, epoch } })).toMatchObject({ data: [], complete: false });
    });

    test('the position of a channel that nobody wrote to: what comes later is since then', async () => {
      const { position, complete } = await one().history('c', { ...ALL, limit: 0 });
      expect(position).toEqual({ offset: 0, epoch: expect.stringMatching(/.+/) });
      expect(complete).toBe(true);
      await publish(1, 3);
      expect(await read({ since: position })).toMatchObject({ data: [1, 2], complete: true });
    });

    test('the position alone, for who asks for nothing else', async () => {
      const position = await publish(1, 4);
      expect(await read({ limit: 0 })).toEqual({ data: [], position, complete: true });
      expect(await read({ limit: 0, since: { ...position, offset: 1 } })).toEqual({
        data: [],
        position,
        complete: true,
      });
      expect(await read({ limit: 0, since: { offset: 1, epoch: 'other' } })).toMatchObject({ complete: false });
    });

    test('and gives at most as many as were asked for, the oldest first or the newest', async () => {
      const { epoch } = await publish(1, 6);
      expect((await read({ limit: 2 })).data).toEqual([1, 2]);
      expect((await read({ limit: 2, since: { offset: 2, epoch } })).data).toEqual([3, 4]);
      expect((await read({ limit: 2, reverse: true })).data).toEqual([5, 4]);
      expect((await read({ reverse: true })).data).toEqual([5, 4, 3, 2, 1]);
      expect((await read({ limit: 2, reverse: true, since: { offset: 4, epoch } })).data).toEqual([3, 2]);
      expect((await read({ limit: Infinity, reverse: true, since: { offset: 3, epoch } })).data).toEqual([2, 1]);
      expect((await read({ limit: Infinity, since: { offset: 3, epoch } })).data).toEqual([4, 5]);
    });

    test('and reads backwards up to where the history ends, which is complete', async () => {
      const { epoch } = await publish(1, 13);
      const back = await read({ reverse: true, limit: 10, since: { offset: 10, epoch } });
      expect(back).toMatchObject({ data: [9, 8], complete: true });
      expect(await read({ reverse: true, since: { offset: 3, epoch } })).toMatchObject({ data: [], complete: true });
      expect(await read({ reverse: true, since: { offset: 3, epoch: 'other' } })).toMatchObject({ complete: false });
      expect(await read({ reverse: true, since: { offset: 99, epoch } })).toMatchObject({
        data: [],
        complete: false,
      });
    });

    test('nothing for others than it was said to: a change of audience ends what came before', async () => {
      const { epoch } = await publish(1, 3, { audience: 'followers' });
      const position = await publish(3, 5, { audience: 'public' });
      expect(await read()).toEqual({ data: [3, 4], position, complete: true });
      expect(await read({ since: { offset: 1, epoch } })).toEqual({ data: [], position, complete: false });
      expect(await read({ since: { offset: 2, epoch } })).toMatchObject({ data: [3, 4], complete: true });
      // What says nothing of its audience has the one of the publication before.
      await publish(5, 6);
      expect((await publish(6, 7, { audience: 'public' })).offset).toBe(6);
      expect((await read()).data).toEqual([3, 4, 5, 6]);
    });

    test('nothing of an unknown audience once one is named', async () => {
      await publish(1, 3);
      await publish(3, 4, { audience: '' });
      expect((await read()).data).toEqual([3]);
    });

    test('nothing of a history that was removed; the numbers go on', async () => {
      const position = await publish(1, 4);
      await one().removeHistory('c');
      await one().removeHistory('never written to');
      expect(await read()).toEqual({ data: [], position, complete: true });
      expect(await read({ since: { ...position, offset: 2 } })).toMatchObject({ complete: false });
      expect(await read({ since: position })).toMatchObject({ complete: true });
      expect(await publish(4, 5)).toEqual({ ...position, offset: 4 });
      expect((await read()).data).toEqual([4]);
    });
  });
}
