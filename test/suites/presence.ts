/**
 * What every presence store keeps, wherever it remembers.
 *
 * Where they differ: in memory there is one node, whose clients leave or end with it, so entries do not expire. In Redis an
 * entry that nobody renews is gone after PRESENCE_TTL_MS, by the clocks of the nodes.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { PresenceStore } from '../../realtime-server/src/presence/presence.ts';

/** Stores of nodes that share them; where there is a single node, its store. */
export type OpenPresences = () => Promise<{ stores: PresenceStore[] } & AsyncDisposable>;

const ANN = { user: 'ann', client: 'ann-1' };
const ANN_TOO = { user: 'ann', client: 'ann-2' };
const BOB = { user: 'bob', client: 'bob-1' };
const STRANGE = { user: 'ü "b"\n{}', client: '😀' };

/** Proves a presence store. */
export function provesPresence(name: string, open: OpenPresences): void {
  describe(`${name}, as every presence store,`, () => {
    let opened: Awaited<ReturnType<OpenPresences>>;
    const nth = (number: number): PresenceStore => {
      const store = opened.stores[number] ?? opened.stores[0];
      if (!store) throw new Error('no store was opened');
      return store;
    };
    const one = () => nth(0);
    const other = () => nth(1);
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(async () => {
      await opened[Symbol.asyncDispose]();
    });

    test('knows nobody in a channel that nobody entered', async () => {
      expect(await one().get('c')).toEqual(new Map());
      expect(await one().stats('c')).toEqual({ clients: 0, users: 0 });
      await one().remove('c', ANN);
    });

    test('shows who entered, to every node, and counts users once', async () => {
      for (const info of [ANN, ANN_TOO, BOB, STRANGE]) await one().add('c', info);
      const present = await other().get('c');
      expect(present).toEqual(new Map([ANN, ANN_TOO, BOB, STRANGE].map((info) => [info.client, info])));
      expect(await other().stats('c')).toEqual({ clients: 4, users: 3 });
      expect(await other().stats('d')).toEqual({ clients: 0, users: 0 });
    });

    test('counts a user until the last of the clients has left', async () => {
      for (const info of [ANN, ANN_TOO, BOB]) await one().add('c', info);
      await other().remove('c', ANN);
      expect(await one().stats('c')).toEqual({ clients: 2, users: 2 });
      await other().remove('c', ANN);
      expect(await one().stats('c')).toEqual({ clients: 2, users: 2 });
      await other().remove('c', ANN_TOO);
      expect(await one().stats('c')).toEqual({ clients: 1, users: 1 });
      await other().remove('c', BOB);
      expect(await one().get('c')).toEqual(new Map());
      expect(await one().stats('c')).toEqual({ clients: 0, users: 0 });
    });

    test('counts who enters again once, and follows a client whose user changed', async () => {
      for (const info of [ANN, ANN, ANN]) await one().add('c', info);
      expect(await other().stats('c')).toEqual({ clients: 1, users: 1 });
      await other().add('c', { ...ANN, user: 'bob' });
      expect(await one().get('c')).toEqual(new Map([[ANN.client, { ...ANN, user: 'bob' }]]));
      expect(await one().stats('c')).toEqual({ clients: 1, users: 1 });
      await one().remove('c', ANN);
      expect(await one().stats('c')).toEqual({ clients: 0, users: 0 });
    });

    test('takes entering and leaving in the order in which a node says so, without waiting', async () => {
      await Promise.all([one().add('c', ANN), one().remove('c', ANN), one().add('c', BOB)]);
      expect([...(await one().get('c')).keys()]).toEqual([BOB.client]);
    });

    test('is exact when two hundred come at once and half of them go', async () => {
      const clients = Array.from({ length: 200 }, (_, nth) => ({ user: `u${nth % 20}`, client: `c${nth}` }));
      await Promise.all(clients.map((info, nth) => (nth % 3 ? one() : other()).add('c', info)));
      expect(await one().stats('c')).toEqual({ clients: 200, users: 20 });
      await Promise.all(clients.slice(0, 100).map((info) => one().remove('c', info)));
      expect(await other().stats('c')).toEqual({ clients: 100, users: 20 });
      expect((await other().get('c')).size).toBe(100);
    });

    test.each(['{a}', '}', '', 'a b\n"', '😀'])('tells the channel %j from others', async (channel) => {
      await one().add(channel, ANN);
      expect([...(await other().get(channel)).values()]).toEqual([ANN]);
      expect((await other().get(`${channel}}`)).size).toBe(0);
    });

    test('gives what was there when it was asked, and can be closed twice', async () => {
      await one().add('c', ANN);
      const present = await one().get('c');
      await one().remove('c', ANN);
      expect(present.size).toBe(1);
      await one()[Symbol.asyncDispose]();
      await one()[Symbol.asyncDispose]();
    });
  });
}
