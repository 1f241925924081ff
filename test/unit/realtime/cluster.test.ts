import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { pino } from 'pino';
import {
  ANNOUNCE_EVERY_MS,
  Cluster,
  GONE_AFTER_MS,
  type LocalNode,
  REPLY_WITHIN_MS,
} from '../../../realtime-server/src/admin/cluster.ts';

const opened: AsyncDisposable[] = [];
beforeEach(() => void jest.useFakeTimers());
afterEach(async () => {
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
  jest.useRealTimers();
});

/** Nodes that hear all that one of them says, at once and in order, as through one broker. */
function network() {
  const nodes = new Map<string, Cluster>();
  const said: string[] = [];
  const cut = new Set<string>();
  const warnings: object[] = [];

  function join(
    nodeId: string,
    { channels = {}, sessions = [] }: { channels?: Record<string, number>; sessions?: string[] } = {},
  ) {
    const done: unknown[][] = [];
    const local: LocalNode = {
      disconnectUser: (...what) => void done.push(['disconnect', ...what]),
      unsubscribeUser: (...what) => void done.push(['unsubscribe', ...what]),
      subscribeUser: (...what) => void done.push(['subscribe', ...what]),
      recheckUser: (...what) => void done.push(['recheck', ...what]),
      channels: () => new Map(Object.entries(channels)),
      counts: () => ({ clients: 2, users: 1, channels: Object.keys(channels).length, subscriptions: 3 }),
      emulate: (session, data) => {
        done.push(['emulate', session, data.toString()]);
        return sessions.includes(session);
      },
    };
    const log = { ...pino({ level: 'silent' }), warn: (fields: object) => void warnings.push(fields), debug: () => {} };
    const control = async (message: string) => {
      if (cut.has(nodeId)) throw new Error('no broker');
      said.push(message);
      for (const [other, cluster] of nodes) if (!cut.has(other)) cluster.receive(message);
    };
    const cluster = new Cluster({
      nodeId,
      name: `${nodeId}-name`,
      version: '1',
      broker: { control },
      now: Date.now,
      log,
      local,
    });
    nodes.set(nodeId, cluster);
    opened.push(cluster);
    cluster.start();
    return { cluster, done, leave: () => nodes.delete(nodeId) };
  }
  return { join, said, cut, warnings };
}

const uids = (cluster: Cluster) => cluster.info().map(({ uid }) => uid);

describe('the nodes of a cluster', () => {
  test('know each other from the start, whoever came first', () => {
    const { join } = network();
    const [ann, bob, eve] = [join('ann'), join('bob'), join('eve')];
    expect(uids(ann.cluster)).toEqual(['ann', 'bob', 'eve']);
    expect(uids(bob.cluster).toSorted()).toEqual(['ann', 'bob', 'eve']);
    expect(uids(eve.cluster).toSorted()).toEqual(['ann', 'bob', 'eve']);
    expect(ann.cluster.info()[1]).toEqual({
      uid: 'bob',
      name: 'bob-name',
      version: '1',
      clients: 2,
      users: 1,
      channels: 0,
      subscriptions: 3,
      uptime: 0,
    });
  });

  test('say so every few seconds, and do not answer one another for ever', () => {
    const { join, said } = network();
    join('ann');
    join('bob');
    const atFirst = said.length;
    expect(atFirst).toBeLessThanOrEqual(4);
    jest.advanceTimersByTime(ANNOUNCE_EVERY_MS * 10);
    expect(said).toHaveLength(atFirst + 20);
  });

  test('forget one that says nothing any more, and at once one that leaves', async () => {
    const { join, cut } = network();
    const [ann, bob] = [join('ann'), join('bob')];
    join('eve');
    cut.add('eve');
    jest.advanceTimersByTime(GONE_AFTER_MS - ANNOUNCE_EVERY_MS);
    expect(uids(ann.cluster)).toContain('eve');
    jest.advanceTimersByTime(ANNOUNCE_EVERY_MS * 2);
    expect(uids(ann.cluster)).toEqual(['ann', 'bob']);
    await bob.cluster[Symbol.asyncDispose]();
    expect(uids(ann.cluster)).toEqual(['ann']);
  });

  test('all do what one is told, that one once only', async () => {
    const { join } = network();
    const [ann, bob] = [join('ann'), join('bob')];
    const ending = { code: 3503, reason: 'force disconnect' };
    await ann.cluster.disconnect({ user: 'u', client: 'c' }, ending, ['x']);
    await ann.cluster.unsubscribe({ user: 'u' }, 'news', { code: 2000, reason: 'gone' });
    await ann.cluster.subscribe({ user: 'u', session: 's' }, 'news');
    for (const { done } of [ann, bob]) {
      expect(done).toMatchObject([
        ['disconnect', { user: 'u', client: 'c' }, ending, ['x']],
        ['unsubscribe', { user: 'u' }, 'news', { code: 2000, reason: 'gone' }],
        ['subscribe', { user: 'u', session: 's' }, 'news'],
      ]);
    }
  });

  test('do at least their own part when the broker is away, and say that it was no more', async () => {
    const { join, cut } = network();
    const [ann, bob] = [join('ann'), join('bob')];
    cut.add('ann');
    await expect(ann.cluster.subscribe({ user: 'u' }, 'news')).rejects.toThrow('no broker');
    expect(ann.done).toHaveLength(1);
    expect(bob.done).toEqual([]);
  });
});

describe('commands of a client that came to another node', () => {
  test('reach the node of its session, and tell whether that has it', async () => {
    const { join } = network();
    const ann = join('ann', { sessions: ['mine'] });
    const bob = join('bob', { sessions: ['his'] });
    const eve = join('eve');
    const data = Buffer.from([0, 255, 10]);
    expect(await ann.cluster.emulate('bob', 'his', data)).toBe(true);
    expect(await ann.cluster.emulate('bob', 'other', data)).toBe(false);
    expect(await ann.cluster.emulate('ann', 'mine', data)).toBe(true);
    expect(bob.done).toEqual([
      ['emulate', 'his', data.toString()],
      ['emulate', 'other', data.toString()],
    ]);
    expect(eve.done).toEqual([]);
  });

  test('keep their order', async () => {
    const { join } = network();
    const [ann, bob] = [join('ann'), join('bob', { sessions: ['his'] })];
    await Promise.all(['1', '2', '3'].map((each) => ann.cluster.emulate('bob', 'his', Buffer.from(each))));
    expect(bob.done.map(([, , data]) => data)).toEqual(['1', '2', '3']);
  });

  test('are given up when the node does not answer or is unknown, or the broker is away', async () => {
    const { join, cut, said } = network();
    const { cluster } = join('ann');
    join('bob');
    cut.add('bob');
    const waiting = cluster.emulate('bob', 'session', Buffer.from('x'));
    await jest.advanceTimersByTimeAsync(REPLY_WITHIN_MS);
    expect(await waiting).toBe(false);
    cut.add('ann');
    expect(await cluster.emulate('bob', 'session', Buffer.from('x'))).toBe(false);
    const before = said.length;
    expect(await cluster.emulate('nobody', 'session', Buffer.from('x'))).toBe(false);
    expect(said).toHaveLength(before);
  });
});

describe('a survey', () => {
  test('sums the subscribers of each channel over all nodes', async () => {
    const { join } = network();
    const ann = join('ann', { channels: { news: 1, 'chat:1': 2 } });
    join('bob', { channels: { news: 10 } });
    join('eve');
    expect(await ann.cluster.channels()).toEqual(
      new Map([
        ['news', 11],
        ['chat:1', 2],
      ]),
    );
  });

  test.each([
    ['chat:*', ['chat:1', 'chat:12']],
    ['chat:?', ['chat:1']],
    ['*:1*', ['chat:1', 'chat:12']],
    ['*', ['chat:1', 'chat:12', 'news']],
    ['news', ['news']],
    ['new', []],
    ['n*s', ['news']],
    ['chat.1', []],
    [`${'*a'.repeat(100)}`, []],
  ])('finds the channels whose names fit %s', async (pattern, names) => {
    const { join } = network();
    const ann = join('ann', { channels: { news: 1, 'chat:1': 1 } });
    join('bob', { channels: { 'chat:12': 1 } });
    expect([...(await ann.cluster.channels(pattern)).keys()].toSorted()).toEqual(names);
  });

  test('of a node that is alone does not wait', async () => {
    const { join } = network();
    expect(await join('ann', { channels: { news: 1 } }).cluster.channels()).toEqual(new Map([['news', 1]]));
  });

  test('does without nodes that do not answer in time, and names them', async () => {
    const { join, cut, warnings } = network();
    const ann = join('ann', { channels: { news: 1 } });
    join('bob', { channels: { news: 2 } });
    join('eve', { channels: { news: 4 } });
    cut.add('eve');
    const survey = ann.cluster.channels();
    await jest.advanceTimersByTimeAsync(REPLY_WITHIN_MS);
    expect(await survey).toEqual(new Map([['news', 3]]));
    expect(warnings).toContainEqual({ nodes: ['eve'] });
  });

  test('comes in parts where there are many channels, and leaves none out', async () => {
    const { join, said } = network();
    const ann = join('ann');
    const channels = Object.fromEntries(Array.from({ length: 12_001 }, (_, index) => [`c${index}`, 1]));
    join('bob', { channels });
    expect((await ann.cluster.channels()).size).toBe(12_001);
    expect(Math.max(...said.map((message) => message.length))).toBeLessThan(200_000);
  });
});

describe('a control message', () => {
  test.each([
    ['no JSON', '{'],
    ['of no known kind', '{"type":"dance","from":"bob"}'],
    ['without a sender', '{"type":"gone"}'],
    ['with wrong fields', '{"type":"disconnect","from":"bob","user":1}'],
    ['nothing', 'null'],
  ])('that is %s is passed over, and logged', (_, message) => {
    const { join, warnings } = network();
    const ann = join('ann');
    expect(() => ann.cluster.receive(message)).not.toThrow();
    expect(ann.done).toEqual([]);
    expect(warnings).toHaveLength(1);
  });

  test('to another node, or an answer to a question that nobody asks any more, does nothing', () => {
    const { join, warnings } = network();
    const ann = join('ann', { sessions: ['s'] });
    ann.cluster.receive(JSON.stringify({ type: 'emulate', from: 'bob', to: 'eve', id: '1', session: 's', data: '' }));
    ann.cluster.receive(JSON.stringify({ type: 'emulated', from: 'bob', to: 'ann', id: '1', found: true }));
    expect(ann.done).toEqual([]);
    expect(warnings).toEqual([]);
  });
});
