/**
 * What every broker keeps, wherever it remembers.
 *
 * Where they differ:
 * - In memory there is one node, and a publication is with it when `publish` returns its promise. Through Redis there are
 *   many; a publication arrives a little later, also at the node that it came from.
 * - In memory a position is kept for 12 TTLs after it was last written to or asked for, and as long as the node is subscribed.
 *   In Redis it is kept an hour at least, and nodes renew those of the channels that they are subscribed to.
 * - Ids (10 minutes) and versions (an hour) end by the clock that the broker was given; in Redis by that of Redis.
 * - In memory at most 200,000 ids and as many versions are remembered, the newest 100,000 for sure; in Redis as many as come while they last.
 * - A call to memory cannot fail. One to Redis can, and may have been carried out all the same.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type {
  Broker,
  ClientInfo,
  HistoryQuery,
  Publication,
  PublishOptions,
  StreamPosition,
} from '../../realtime-server/src/broker/broker.ts';
import { ALL, HISTORY, numbers, provesHistory } from './broker-history.ts';

/** Brokers of nodes that are one; of a broker with a single node, that one. */
export type OpenBrokers = (now: () => number) => Promise<{ brokers: Broker[] } & AsyncDisposable>;

type Heard =
  | { channel: string; publication: Publication; position: StreamPosition }
  | { channel: string; join: ClientInfo }
  | { channel: string; leave: ClientInfo }
  | { control: string }
  | { resumed: readonly string[] };

export interface Node {
  broker: Broker;
  heard: Heard[];
  /** The data that was heard on a channel. */
  data: (channel: string) => string[];
}

const ANN = { user: 'ann', client: 'ann-1' };
const HEARD_WITHIN_MS = 20_000;

/** Starts a broker, and keeps what it tells. */
export async function nodeOf(broker: Broker): Promise<Node> {
  const heard: Heard[] = [];
  await broker.start({
    onPublication: (channel, publication, position) => heard.push({ channel, publication, position }),
    onJoin: (channel, join) => heard.push({ channel, join }),
    onLeave: (channel, leave) => heard.push({ channel, leave }),
    onControl: (control) => heard.push({ control }),
    onResume: (resumed) => heard.push({ resumed }),
  });
  const data = (channel: string) =>
    heard.flatMap((each) => ('publication' in each && each.channel === channel ? [each.publication.data] : []));
  return { broker, heard, data };
}

/** Waits until something is so. */
export async function until(isSo: () => boolean): Promise<void> {
  const end = Date.now() + HEARD_WITHIN_MS;
  while (!isSo() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(isSo()).toBe(true);
}

/** Proves a broker. */
export function provesBroker(name: string, open: OpenBrokers): void {
  describe(`${name}, as every broker,`, () => {
    let now = 0;
    let opened: Awaited<ReturnType<OpenBrokers>>;
    let nodes: Node[];
    const nth = (number: number): Broker => {
      const broker = opened.brokers[number] ?? opened.brokers[0];
      if (!broker) throw new Error('no broker was opened');
      return broker;
    };
    const one = () => nth(0);
    const other = () => nth(1);

    beforeEach(async () => {
      now = Date.now();
      opened = await open(() => now);
      nodes = await Promise.all(opened.brokers.map((broker) => nodeOf(broker)));
    });
    afterEach(async () => {
      await opened[Symbol.asyncDispose]();
    });

    /** Publishes to `c`, each number as its data; the position of the last. */
    async function publish(from: number, to: number, options: PublishOptions = {}): Promise<StreamPosition> {
      let position = { offset: 0, epoch: '' };
      for (const number of numbers(from, to))
        ({ position } = await one().publish('c', `${number}`, { history: HISTORY, ...options }));
      return position;
    }
    const read = async (query: Partial<HistoryQuery> = {}) => {
      const { publications, ...rest } = await other().history('c', { ...ALL, ...query });
      return { ...rest, data: publications.map(({ data }) => Number(data)) };
    };
    const everywhere = (isSo: (node: Node) => boolean) => until(() => nodes.every(isSo));

    describe('numbers and delivers', () => {
      test('publications of a channel without a gap, from one, each channel by itself', async () => {
        const first = await one().publish('c', '1', { history: HISTORY });
        expect(first).toEqual({ position: { offset: 1, epoch: expect.stringMatching(/.+/) } });
        expect(await other().publish('c', '2', { history: HISTORY })).toEqual({
          position: { ...first.position, offset: 2 },
        });
        const { position } = await one().publish('d', '1', { history: HISTORY });
        expect(position.offset).toBe(1);
        expect(position.epoch).not.toBe(first.position.epoch);
      });

      test('to each node that is subscribed, with everything that was said about it', async () => {
        await Promise.all(nodes.map(({ broker }) => broker.subscribe('c')));
        const said = { info: ANN, tags: { kind: 'a "b"\n' }, rights: 'before', delta: true } as const;
        const { position } = await one().publish('c', '{"a":1}', {
          history: HISTORY,
          id: 'id',
          audience: 'all',
          ...said,
        });
        await everywhere(({ heard }) => heard.length > 0);
        const publication = { offset: 1, data: '{"a":1}', ...said };
        for (const { heard } of nodes) expect(heard).toEqual([{ channel: 'c', publication, position }]);
        expect((await other().history('c', ALL)).publications).toEqual([publication]);
      });

      test('a publication of a channel without history, that has no offset and is not kept', async () => {
        await other().subscribe('c');
        const position = { offset: 0, epoch: '' };
        expect(await one().publish('c', '1', {})).toEqual({ position });
        await until(() => nodes.some(({ heard }) => heard.length > 0));
        expect(nodes.flatMap(({ heard }) => heard)).toEqual([
          { channel: 'c', publication: { offset: 0, data: '1' }, position },
        ]);
        expect(await read()).toMatchObject({ data: [], position: { offset: 0 } });
      });

      test('nothing of a channel that nobody subscribed to, or gave up', async () => {
        await other().subscribe('given up');
        await other().subscribe('c');
        await other().unsubscribe('given up');
        await one().publish('never', '1', { history: HISTORY });
        await one().publish('given up', '1', { history: HISTORY });
        await one().publishJoin('given up', ANN);
        await one().publish('c', '1', { history: HISTORY });
        await until(() => nodes.some(({ heard }) => heard.length > 0));
        expect(nodes.flatMap(({ heard }) => heard)).toMatchObject([{ channel: 'c' }]);
      });

      test('what was subscribed to last, however often it was given up and wanted again meanwhile', async () => {
        const channels = numbers(0, 40).map((number) => `${number}`);
        const wanted = new Set<string>();
        const steps = numbers(0, 400).map((step) => ({
          channel: `${(step * 7) % 40}`,
          wants: ((step * step) >> 2) % 3 > 0,
        }));
        await Promise.all(
          steps.map(({ channel, wants }) => {
            if (wants) wanted.add(channel);
            else wanted.delete(channel);
            return wants ? other().subscribe(channel) : other().unsubscribe(channel);
          }),
        );
        for (const channel of channels) await one().publish(channel, '1', { history: HISTORY });
        await other().subscribe('last');
        await one().publish('last', '1', { history: HISTORY });
        await until(() => nodes.some(({ data }) => data('last').length === 1));
        const heard = nodes.flatMap((node) => channels.filter((channel) => node.data(channel).length > 0));
        expect(wanted.size).toBeGreaterThan(10);
        expect(wanted.size).toBeLessThan(40);
        expect(new Set(heard)).toEqual(wanted);
      });

      test('a thousand publications at once to all nodes in the order of their offsets', async () => {
        await Promise.all(nodes.map(({ broker }) => broker.subscribe('c')));
        const published = await Promise.all(
          numbers(0, 1_000).map((number) =>
            (number % 2 ? one() : other()).publish('c', `${number}`, { history: HISTORY }),
          ),
        );
        expect(published.map(({ position }) => position.offset).toSorted((a, b) => a - b)).toEqual(numbers(1, 1_001));
        await everywhere(({ heard }) => heard.length === 1_000);
        const byOffset = new Map(published.map(({ position }, number) => [position.offset, `${number}`]));
        for (const { heard, data } of nodes) {
          expect(heard.map((each) => 'position' in each && each.position.offset)).toEqual(numbers(1, 1_001));
          expect(data('c')).toEqual(numbers(1, 1_001).map((offset) => byOffset.get(offset)));
        }
      });

      test.each([
        ['braces', '{a}{', '}'],
        ['a closing brace first', '}a', '}b'],
        ['spaces and colons', 'a b:c', 'a b:'],
        ['line breaks and quotes', 'a\n"b"\'', 'a\n"b"'],
        ['an emoji', 'photo:😀', 'photo:😃'],
        ['nothing', '', ' '],
      ])('to a channel whose name has %s, and to no other', async (_, channel, like) => {
        const data = JSON.stringify({ text: '😀 "quotes" \\ \n \r \u2028 \u2029 \u0000 ü', '{': '}' });
        for (const each of [channel, like]) await other().subscribe(each);
        await one().publish(channel, data, { history: HISTORY, id: 'i', version: { key: 'k', number: 1 } });
        await one().publishJoin(channel, { user: '"ä\n', client: '😀' });
        await until(() => nodes.some(({ heard }) => heard.length === 2));
        expect(nodes.flatMap(({ heard }) => heard)).toMatchObject([
          { channel, publication: { data } },
          { channel, join: { user: '"ä\n', client: '😀' } },
        ]);
        expect((await other().history(channel, ALL)).publications).toEqual([{ offset: 1, data }]);
        expect((await other().history(like, ALL)).publications).toEqual([]);
      });

      test('data that has line breaks between its values, and data of a megabyte', async () => {
        const texts = ['{\n  "a": 1\n}', JSON.stringify('ü'.repeat(500_000))];
        await other().subscribe('c');
        for (const text of texts) await one().publish('c', text, { history: HISTORY });
        await until(() => nodes.some(({ data }) => data('c').length === 2));
        expect(nodes.flatMap(({ data }) => data('c'))).toEqual(texts);
        expect((await other().history('c', ALL)).publications.map(({ data }) => data)).toEqual(texts);
      });

      test('who came and went to the nodes that are subscribed, and what nodes tell one another to all', async () => {
        await Promise.all(nodes.map(({ broker }) => broker.subscribe('c')));
        await one().publishJoin('c', ANN);
        await one().publishLeave('c', ANN);
        await one().control('to "all"\n');
        await everywhere(({ heard }) => heard.length === 3);
        for (const { heard } of nodes) {
          expect(heard).toContainEqual({ control: 'to "all"\n' });
          expect(heard.filter((each) => 'channel' in each)).toEqual([
            { channel: 'c', join: ANN },
            { channel: 'c', leave: ANN },
          ]);
        }
      });
    });

    describe('suppresses', () => {
      test('all but the first of fifty publications of one id at once, and answers each with its position', async () => {
        await other().subscribe('c');
        const published = await Promise.all(
          numbers(0, 50).map((number) =>
            (number % 2 ? one() : other()).publish('c', `${number}`, { history: HISTORY, id: 'i' }),
          ),
        );
        const position = { offset: 1, epoch: published[0]?.position.epoch };
        for (const each of published) expect(each.position).toEqual(position);
        expect(published.filter(({ suppressed }) => suppressed === undefined)).toHaveLength(1);
        expect(published.filter(({ suppressed }) => suppressed === 'duplicate')).toHaveLength(49);
        await publish(50, 51);
        await until(() => nodes.some(({ heard }) => heard.length > 1));
        expect(nodes.flatMap(({ data }) => data('c'))).toHaveLength(2);
        expect((await read()).data).toHaveLength(2);
      });

      test('a duplicate with the position of the first, whatever came in between; ids are those of a channel', async () => {
        const first = await one().publish('c', '1', { history: HISTORY, id: 'i' });
        await publish(2, 4);
        expect(await other().publish('c', '4', { history: HISTORY, id: 'i' })).toEqual({
          ...first,
          suppressed: 'duplicate',
        });
        expect(await one().publish('d', '1', { history: HISTORY, id: 'i' })).not.toHaveProperty('suppressed');
        expect(await one().publish('c', '5', { history: HISTORY, id: '' })).toMatchObject({ position: { offset: 4 } });
        expect(await one().publish('c', '5', { history: HISTORY, id: '' })).toHaveProperty('suppressed', 'duplicate');
      });

      test('a duplicate in a channel without history', async () => {
        await other().subscribe('c');
        const position = { offset: 0, epoch: '' };
        expect(await one().publish('c', '1', { id: 'i' })).toEqual({ position });
        expect(await one().publish('c', '2', { id: 'i' })).toEqual({ position, suppressed: 'duplicate' });
        await one().publish('c', '3', {});
        await until(() => nodes.some(({ heard }) => heard.length > 1));
        expect(nodes.flatMap(({ data }) => data('c'))).toEqual(['1', '3']);
      });

      test('a version that is not newer than the last of its key in the channel', async () => {
        const version = (key: string, number: number) =>
          one().publish('c', `${number}`, { history: HISTORY, version: { key, number } });
        const second = await version('a', 2);
        await publish(0, 1);
        const newest = { ...second.position, offset: 2 };
        expect(await version('a', 1)).toEqual({ position: newest, suppressed: 'version' });
        expect(await version('a', 2)).toEqual({ position: newest, suppressed: 'version' });
        expect(await version('b', 1)).toEqual({ position: { ...newest, offset: 3 } });
        expect(await version('a', 10)).toEqual({ position: { ...newest, offset: 4 } });
        expect(await version('a', 9)).toHaveProperty('suppressed', 'version');
        expect(await version('a', 1_763_700_000_000)).not.toHaveProperty('suppressed');
        const elsewhere = await one().publish('d', '1', { history: HISTORY, version: { key: 'a', number: 1 } });
        expect(elsewhere).not.toHaveProperty('suppressed');
        expect((await read()).data).toEqual([2, 0, 1, 10, 1_763_700_000_000]);
      });

      test('no id of a publication whose version was too old: it may come again with a newer one', async () => {
        await one().publish('c', '2', { history: HISTORY, version: { key: 'a', number: 2 } });
        const options = { history: HISTORY, id: 'i' };
        expect(await one().publish('c', '1', { ...options, version: { key: 'a', number: 1 } })).toHaveProperty(
          'suppressed',
        );
        expect(await one().publish('c', '3', { ...options, version: { key: 'a', number: 3 } })).not.toHaveProperty(
          'suppressed',
        );
      });
    });

    provesHistory({ one, publish, read, pass: (ms) => (now += ms) });

    test('can be closed twice, and hears nothing afterwards', async () => {
      const [node] = nodes;
      await node?.broker.subscribe('c');
      await node?.broker[Symbol.asyncDispose]();
      await node?.broker[Symbol.asyncDispose]();
      await other().publish('c', '1', { history: HISTORY });
      await other().control('late');
      if (nodes[1]) await until(() => nodes[1]?.heard.length === 1);
      expect(node?.heard).toEqual([]);
    });
  });
}
