/** Rights that end while connections live: what must not be heard is not heard, whoever is slow, late, behind or coming back. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { DISCONNECTS } from '@playnite/contracts/realtime';
import { Centrifuge } from 'centrifuge';
import { pino } from 'pino';
import { WebSocket } from 'ws';
import type { Authority, Standing } from '../../../../realtime-server/src/authority.ts';
import { needsLookUp } from '../../../../realtime-server/src/authorize.ts';
import { RedisBroker } from '../../../../realtime-server/src/broker/redis-broker.ts';
import { RedisPresence } from '../../../../realtime-server/src/presence/redis-presence.ts';
import { openRedis } from '../../../../realtime-server/src/redis.ts';
import { RedisVerdicts } from '../../../../realtime-server/src/redis-verdicts.ts';
import type { RealtimeServer } from '../../../../realtime-server/src/server.ts';
import {
  type BareSocket,
  type Phone,
  bareSocket,
  eventually,
  idOf,
  pause,
  phone,
  settled,
} from '../../../support/live-clients.ts';
import { type ServerSettings, identityOf, publicationOf, serveRealtime } from '../../../support/realtime.ts';
import { type TestRedis, startRedis } from '../../../support/redis.ts';

const OWNER = 'owner';
const TRIALS = 300;
/** Trials that go on at once. */
const AT_ONCE = 10;
/** Of what a trial waits for at random: look-ups, and who does something at what moment. */
const MOMENT_MAX_MS = 12;
const PRIVATE = /^secret/;

const opened: AsyncDisposable[] = [];
const closers: (() => void)[] = [];
const phones: Phone[] = [];
const sockets: BareSocket[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  for (const { client } of phones.splice(0)) client.disconnect();
  for (const { socket } of sockets.splice(0)) socket.terminate();
  for (const each of opened.splice(0).toReversed()) await each[Symbol.asyncDispose]();
});

async function serve(settings: ServerSettings) {
  const { server, endpoint } = await serveRealtime(settings);
  opened.push(server);
  const call = (token: string, channels: string[] = [], options = {}) => {
    const each = phone(endpoint, token, channels, options);
    phones.push(each);
    return each;
  };
  return { server, endpoint, call };
}

/** Two nodes, as two processes would be, on one Redis. */
async function serveTwo(settings: ServerSettings) {
  const redis = await startRedis();
  opened.push(redis);
  const node = async () => {
    const connection = await openRedis({ url: redis.url, log: pino({ level: 'silent' }) });
    opened.push(connection);
    const prefix = { prefix: 'authority' };
    return serve({
      ...settings,
      broker: new RedisBroker(connection, prefix),
      presence: new RedisPresence(connection, prefix),
      verdicts: new RedisVerdicts(connection, { ...prefix, needsLookUp }),
    });
  };
  return { redis, nodes: [await node(), await node()] as const };
}

describe('a connection', () => {
  test('that does not say who it is ends with 3502; one that does goes on', async () => {
    const { endpoint, call } = await serve({ limits: { authenticateWithinMs: 300 } });
    const ann = call('ann');
    const silent = await Promise.all(Array.from({ length: 20 }, () => bareSocket(endpoint)));
    sockets.push(...silent);
    expect(await Promise.all(silent.map(({ closed }) => closed))).toEqual(silent.map(() => 3502));
    expect(ann.client.state).toBe('connected');
    expect(ann.lost).toEqual([]);
  });

  test('whose token has expired ends with 3005 within the grace; one that renews it in time goes on', async () => {
    const lifeMs = 1_100;
    const { endpoint, call } = await serve({
      limits: { expiredGraceMs: 400 },
      authority: { authenticate: async (token) => identityOf(token, { expiresAt: Date.now() + lifeMs }) },
    });
    let renewals = 0;
    const getToken = async () => `ann${(renewals += 1)}`;
    const ann = call('ann0', [], { getToken });
    const forgetful = await bareSocket(endpoint);
    sockets.push(forgetful);
    forgetful.say({ id: 1, connect: { token: 'eve' } });
    expect(await forgetful.closed).toBe(3005);
    // A renewal must be of the same user: `ann1` is another, and ends the connection for good.
    await eventually('a renewal for somebody else was refused', () => ann.lost.includes(3500));
    const bob = call('bob', [], { getToken: async () => 'bob' });
    await pause(3 * lifeMs);
    expect(bob.client.state).toBe('connected');
    expect(bob.lost).toEqual([]);
  }, 20_000);

  test('of an account that is disabled or signed out ends with 3500 within a round, among 500 that go on', async () => {
    const standings = new Map<string, Standing | undefined>();
    const batches: number[] = [];
    const { server, endpoint } = await serve({
      limits: { reverifyEveryMs: 200 },
      authority: {
        standings: async (uids) => {
          batches.push(uids.length);
          const now = uids.map((uid) => [uid, standings.has(uid) ? standings.get(uid) : { signedInSince: 0 }] as const);
          return new Map(now.flatMap(([uid, standing]) => (standing ? [[uid, standing] as const] : [])));
        },
      },
    });
    const all = await Promise.all(Array.from({ length: 500 }, () => bareSocket(endpoint)));
    sockets.push(...all);
    all.forEach((each, nth) => each.say({ id: 1, connect: { token: `user${nth}` } }));
    await eventually('all are connected', () => all.every(({ received }) => received.length > 0));
    standings.set('user7', undefined);
    standings.set('user400', { signedInSince: Date.now() + 1 });
    expect(await Promise.all([all[7]?.closed, all[400]?.closed])).toEqual([3500, 3500]);
    expect(server.node.connections).toBe(498);
    expect(Math.max(...batches)).toBeLessThanOrEqual(100);
  });

  test('of somebody who is shut out ends with 3503 on every node, and cannot come back', async () => {
    const barred = new Set<string>();
    const authenticate: Authority['authenticate'] = async (token) => (barred.has(token) ? 'barred' : identityOf(token));
    const { nodes } = await serveTwo({ authority: { authenticate } });
    const eves = nodes.map(({ call }) => call('eve'));
    const ann = nodes[1].call('ann');
    await settled([...eves, ann]);
    barred.add('eve');
    await nodes[0].server.node.cluster.disconnect({ user: 'eve' }, DISCONNECTS.forced);
    await eventually('both are gone', () => eves.every(({ client }) => client.state === 'disconnected'));
    expect(eves.map(({ lost }) => lost)).toEqual([[3503], [3503]]);
    const again = nodes[1].call('eve');
    await eventually('the next is refused', () => again.client.state === 'disconnected');
    expect(again.lost).toEqual([3503]);
    expect(ann.client.state).toBe('connected');
  });

  test('loses on every node the subscriptions that a recheck finds ended, and no other', async () => {
    const denied = new Set<string>();
    const { nodes } = await serveTwo({
      authority: { authorize: async ({ uid }, channel) => (denied.has(`${uid} ${channel}`) ? 'denied' : 'allowed') },
    });
    const channels = ['content:c1', 'content:c2'];
    const anns = nodes.map(({ call }) => call('ann', channels));
    const bobs = nodes.map(({ call }) => call('bob', channels));
    await settled([...anns, ...bobs]);
    for (const uid of ['ann', 'bob']) denied.add(`${uid} content:c1`);
    await nodes[0].server.node.cluster.recheck('ann');
    const stateOf = ({ client }: Phone, channel: string) => client.getSubscription(channel)?.state;
    await eventually('the subscriptions have ended', () =>
      anns.every((each) => stateOf(each, 'content:c1') === 'unsubscribed'),
    );
    for (const each of anns) expect(stateOf(each, 'content:c2')).toBe('subscribed');
    for (const each of bobs) expect(stateOf(each, 'content:c1')).toBe('subscribed');
  });
});

describe('a content that turns private', () => {
  const moment = () => pause(Math.random() * MOMENT_MAX_MS);
  const isPrivate = new Set<string>();
  /** Answers as things were when it was asked, and some time later. */
  const authorize: Authority['authorize'] = async ({ uid }, channel) => {
    const verdict = uid === OWNER || !isPrivate.has(channel) ? 'allowed' : 'denied';
    await moment();
    return verdict;
  };
  const limits = { commandsPerSecondMax: 100_000, channelsMax: 1_000, recheckEveryMs: 60_000 };

  interface Stage {
    publishOn: Pick<RealtimeServer, 'publish'>;
    /** Where the strangers are. */
    endpoint: string;
    /** Makes the strangers' node miss what is told just then. */
    disturb?: (trial: number) => Promise<unknown>;
  }

  /**
   * In each trial a content is published, then switched to private with an update, then published to again. One stranger
   * is subscribed from the start, one comes during the switch, one recovers during it, and one reads the history all along.
   *
   * @returns what strangers heard that they may not, and how often they heard what they may
   */
  async function play({ publishOn, endpoint, disturb }: Stage) {
    const leaks: string[] = [];
    let heardBefore = 0;
    let heardByOwner = 0;
    const connect = async (token: string) => {
      const client = new Centrifuge(endpoint, { token, websocket: WebSocket, minReconnectDelay: 10 });
      closers.push(() => client.disconnect());
      client.connect();
      await client.ready(10_000);
      return client;
    };
    const [owner, subscribed, coming, recovering, reading, late] = await Promise.all(
      [OWNER, 'subscribed', 'coming', 'recovering', 'reading', 'late'].map(connect),
    );
    if (!owner || !subscribed || !coming || !recovering || !reading || !late) throw new Error('not all are connected');

    const watch = (who: string, client: Centrifuge, channel: string, since?: { offset: number; epoch: string }) => {
      const subscription = client.newSubscription(channel, {
        minResubscribeDelay: 5,
        maxResubscribeDelay: 20,
        ...(since ? { since } : {}),
      });
      const first = new Promise<void>((resolve) => {
        subscription.once('subscribed', () => resolve());
        subscription.once('unsubscribed', () => resolve());
      });
      subscription.on('publication', ({ data }) => {
        const id = idOf(data);
        if (who === OWNER) heardByOwner += 1;
        else if (PRIVATE.test(id)) leaks.push(`${who} heard ${id} of ${channel}`);
        else heardBefore += 1;
      });
      subscription.subscribe();
      return { subscription, first };
    };

    async function trial(nth: number): Promise<void> {
      const channel = `content:t${nth}`;
      const publish = (id: string, switches: boolean) =>
        publishOn.publish([
          {
            channel,
            publication: publicationOf(`${id}-${nth}`),
            ...(switches ? { rights: 'before' as const } : {}),
            ...(id.startsWith('secret') ? { audience: 'private' } : { audience: 'public' }),
          },
        ]);
      const watches = [
        watch(OWNER, owner as Centrifuge, channel),
        watch('subscribed', subscribed as Centrifuge, channel),
      ];
      const reader = watch('reading', reading as Centrifuge, channel);
      await Promise.all([...watches, reader].map(({ first }) => first));
      await publish('public', true);
      const { epoch } = await reader.subscription.history({ limit: 0 }).catch(() => ({ epoch: '' }));

      let isOver = false;
      const reads = (async () => {
        while (!isOver) {
          const read = await reader.subscription.history({ limit: 10 }).catch(() => undefined);
          for (const { data } of read?.publications ?? [])
            if (PRIVATE.test(idOf(data))) leaks.push(`reading read ${idOf(data)} of ${channel}`);
          await pause(1);
        }
      })();
      const comes = moment().then(() => watches.push(watch('coming', coming as Centrifuge, channel)));
      const recovers = moment().then(() =>
        watches.push(watch('recovering', recovering as Centrifuge, channel, { offset: 0, epoch })),
      );
      await moment();
      const disturbed = disturb?.(nth);
      isPrivate.add(channel);
      await publish('secret-update', true);
      await publish('secret-later', false);
      await Promise.all([comes, recovers, disturbed]);
      // Also who comes when all is over, on whatever was kept of the time before.
      watches.push(watch('late', late as Centrifuge, channel, { offset: 0, epoch }));
      await Promise.all(watches.map(({ first }) => first));
      isOver = true;
      await reads;
      const [own] = watches;
      await eventually('the owner has heard all', () => own !== undefined && own.subscription.state === 'subscribed');
      for (const { subscription } of [...watches, reader]) {
        subscription.unsubscribe();
        subscription.removeAllListeners();
      }
    }

    for (let from = 0; from < TRIALS; from += AT_ONCE)
      await Promise.all(Array.from({ length: AT_ONCE }, (_, nth) => trial(from + nth)));
    return { leaks, heardBefore, heardByOwner };
  }

  test('tells no stranger anything private, in 300 trials with slow look-ups', async () => {
    isPrivate.clear();
    const { server, endpoint } = await serve({ limits, authority: { authorize } });
    const { leaks, heardBefore, heardByOwner } = await play({ publishOn: server, endpoint });
    expect(leaks).toEqual([]);
    expect(heardBefore).toBeGreaterThanOrEqual(TRIALS);
    expect(heardByOwner).toBeGreaterThanOrEqual(2 * TRIALS);
  }, 60_000);

  test.each([
    ['on two nodes', undefined],
    [
      'on two nodes, of which the strangers’ is cut off from the news',
      (redis: TestRedis) => (nth: number) =>
        nth % 5 === 0 ? redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub') : Promise.resolve(),
    ],
  ])(
    'tells no stranger anything private, in 300 trials %s',
    async (_, disturbing) => {
      isPrivate.clear();
      const { redis, nodes } = await serveTwo({ limits, authority: { authorize } });
      const [{ server }, { endpoint }] = nodes;
      const disturb = disturbing?.(redis);
      const { leaks, heardBefore, heardByOwner } = await play({
        publishOn: server,
        endpoint,
        ...(disturb ? { disturb } : {}),
      });
      expect(leaks).toEqual([]);
      expect(heardBefore).toBeGreaterThanOrEqual(TRIALS / 2);
      expect(heardByOwner).toBeGreaterThanOrEqual(TRIALS);
    },
    60_000,
  );
});
