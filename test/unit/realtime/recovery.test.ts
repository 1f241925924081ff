import { afterEach, describe, expect, test } from '@jest/globals';
import { PUBLIC_FEED } from '@playnite/contracts/realtime';
import { Centrifuge, type SubscribedContext } from 'centrifuge';
import { platformChannels } from '../../../realtime-server/src/channel-options.ts';
import { publicationOf, serveRealtime } from '../../support/realtime.ts';
import { randomOf } from '../../support/random.ts';

const CHANNELS = [PUBLIC_FEED, 'content:c1', 'content:c2'];
const CLIENTS = 40;
const ROUNDS = 250;
/** Small enough that some who are away for long cannot recover. */
const HISTORY_SIZE = 60;

const opened: AsyncDisposable[] = [];
const closers: (() => void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
});

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));
/** Gives up before the test does, so that nothing goes on after it. */
const UNTIL_MS = 10_000;
const until = async (holds: () => boolean) => {
  const by = Date.now() + UNTIL_MS;
  while (!holds()) {
    if (Date.now() > by) throw new Error('it did not come to that');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

const idOf = (data: unknown) => (data as { id: string }).id;

describe('a client that is cut off again and again', () => {
  test.each([[1], [2], [3]])(
    'hears exactly what was published, in order, or is told that it has not (seed %i)',
    async (seed) => {
      const random = randomOf(seed);
      const pick = (most: number) => Math.floor(random() * most);
      const { server, endpoint } = await serveRealtime({
        optionsOf: (channel) => {
          const options = platformChannels(channel);
          return options && { ...options, history: { size: HISTORY_SIZE, ttlMs: 60_000 } };
        },
      });
      opened.push(server);
      const published = new Map(CHANNELS.map((channel) => [channel, 0]));
      const publish = async (channel: string) => {
        const number = (published.get(channel) ?? 0) + 1;
        published.set(channel, number);
        await server.publish([{ channel, publication: publicationOf(`${channel} ${number}`) }]);
      };

      let recovered = 0;
      let lost = 0;
      const wrong: string[] = [];
      const clients = await Promise.all(
        Array.from({ length: CLIENTS }, async (_, index) => {
          const client = new Centrifuge(endpoint, { token: `u${index}`, minReconnectDelay: 1, maxReconnectDelay: 20 });
          closers.push(() => client.disconnect());
          client.connect();
          /** Of each channel, the number of the publication that was heard last. */
          const heard = new Map<string, number>();
          for (const channel of CHANNELS) {
            const subscription = client.newSubscription(channel);
            subscription.on('subscribed', ({ streamPosition, wasRecovering, recovered: whole }) => {
              if (wasRecovering && whole) recovered += 1;
              if (wasRecovering && !whole) lost += 1;
              // The stock client emits what it recovers after this event, so the count goes on from what it had.
              if (!whole) heard.set(channel, streamPosition?.offset ?? Number.NaN);
            });
            subscription.on('publication', ({ data }) => {
              const expected = `${channel} ${(heard.get(channel) ?? Number.NaN) + 1}`;
              if (idOf(data) !== expected) wrong.push(`u${index} heard ${idOf(data)} for ${expected}`);
              heard.set(channel, Number(idOf(data).split(' ')[1]));
            });
            subscription.subscribe();
          }
          await Promise.all(CHANNELS.map(async (channel) => client.getSubscription(channel)?.ready()));
          return { client, uid: `u${index}`, heard };
        }),
      );

      for (let round = 0; round < ROUNDS; round += 1) {
        for (let burst = pick(4); burst > 0; burst -= 1) void publish(CHANNELS[pick(CHANNELS.length)] ?? PUBLIC_FEED);
        const { client, uid } = clients[pick(CLIENTS)] ?? clients[0] ?? {};
        const dice = random();
        if (dice < 0.2) client?.disconnect();
        else if (dice < 0.6) client?.connect();
        else if (uid !== undefined && dice < 0.8)
          void server.node.cluster.disconnect({ user: uid }, { code: 3000, reason: 'come back' });
        if (random() < 0.5) await turn();
        else await new Promise((resolve) => setTimeout(resolve, pick(4)));
      }
      for (const { client } of clients) client.connect();
      await Promise.all(
        clients.flatMap(({ client }) => CHANNELS.map(async (channel) => client.getSubscription(channel)?.ready())),
      );
      for (const channel of CHANNELS) await publish(channel);
      await until(
        () =>
          wrong.length > 0 ||
          clients.every(({ heard }) => CHANNELS.every((channel) => heard.get(channel) === published.get(channel))),
      );
      expect(wrong).toEqual([]);
      // Both ways were gone.
      expect(recovered).toBeGreaterThan(0);
      expect(lost).toBeGreaterThan(0);
    },
    15_000,
  );
});

describe('what was published while few could read it', () => {
  test('is not recovered by those who could not when it is public again', async () => {
    const { server, endpoint } = await serveRealtime();
    opened.push(server);
    const channel = 'content:c1';
    const publish = (id: string, audience: string) =>
      server.publish([{ channel, publication: publicationOf(id), audience }]);
    const client = new Centrifuge(endpoint, { token: 'ann' });
    closers.push(() => client.disconnect());
    client.connect();
    const subscription = client.newSubscription(channel);
    const ids: string[] = [];
    subscription.on('publication', ({ data }) => ids.push(idOf(data)));
    subscription.subscribe();
    await subscription.ready();
    await publish('e1', 'public');
    await until(() => ids.length === 1);
    client.disconnect();
    await publish('e2', 'private');
    await publish('e3', 'private');
    await publish('e4', 'public');
    const back = new Promise<SubscribedContext>((resolve) => subscription.once('subscribed', resolve));
    client.connect();
    expect(await back).toMatchObject({ wasRecovering: true, recovered: false });
    await publish('e5', 'public');
    await until(() => ids.includes('e5'));
    expect(ids).toEqual(['e1', 'e5']);
    const { publications } = await subscription.history({ limit: 10 });
    expect(publications.map(({ data }) => idOf(data))).toEqual(['e4', 'e5']);
  });
});
