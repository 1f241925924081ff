import { afterEach, describe, expect, test } from '@jest/globals';
import { PUBLIC_FEED } from '@playnite/contracts/realtime';
import { MemoryBroker } from '../../../../realtime-server/src/broker/memory-broker.ts';
import type { Limits } from '../../../../realtime-server/src/limits.ts';
import {
  type BareSocket,
  type Phone,
  bareSocket,
  eventually,
  pause,
  phone,
  settled,
} from '../../../support/live-clients.ts';
import { identityOf, publicationOf, serveRealtime } from '../../../support/realtime.ts';

const HOUR_MS = 3_600_000;
const TWO_HOURS_MS = 2 * HOUR_MS;
const PING_EVERY_MS = 300;

const opened: AsyncDisposable[] = [];
const phones: Phone[] = [];
const sockets: BareSocket[] = [];
afterEach(async () => {
  for (const { client } of phones.splice(0)) client.disconnect();
  for (const { socket } of sockets.splice(0)) socket.terminate();
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
});

/** A server whose clock the test sets. Tokens are `user expiry`, and are believed by the server's clock. */
async function serve(limits: Partial<Limits> = {}) {
  let shiftMs = 0;
  const now = () => Date.now() + shiftMs;
  const denied = new Set<string>();
  const { server, endpoint } = await serveRealtime({
    now,
    broker: new MemoryBroker({ now }),
    limits: { pingEveryMs: PING_EVERY_MS, pongWithinMs: PING_EVERY_MS, ...limits },
    authority: {
      authenticate: async (token) => {
        const [uid = '', expiresAt] = token.split(' ');
        return Number(expiresAt) <= now() ? 'expired' : identityOf(token, { uid, expiresAt: Number(expiresAt) });
      },
      authorize: async (_, channel) => (denied.has(channel) ? 'denied' : 'allowed'),
    },
  });
  opened.push(server);
  /** A bare socket whose token was answered, be it with an error. */
  const comeIn = async (token: string) => {
    const bare = await bareSocket(endpoint);
    sockets.push(bare);
    bare.say({ id: 1, connect: { token } });
    await eventually('the token was answered', () => bare.received.length > 0);
    return bare;
  };
  return {
    server,
    endpoint,
    comeIn,
    denied,
    now,
    setBy: (ms: number) => void (shiftMs += ms),
    call: (getToken: () => Promise<string>, channels: string[] = []) => {
      const each = phone(endpoint, '', channels, { getToken });
      phones.push(each);
      return each;
    },
  };
}

const ttlOf = ({ received: [first = ''] }: BareSocket) => Number(/"ttl":(-?\d+)/.exec(first)?.[1]);
const errorOf = ({ received: [first = ''] }: BareSocket) => {
  const code = /"error":\{"code":(\d+)/.exec(first)?.[1];
  return code === undefined ? undefined : Number(code);
};
const pingsOf = (each: BareSocket) => each.received.filter((message) => message === '{}').length;

describe('a clock that jumps', () => {
  test('two hours ahead ends what has expired by then, takes no expired token, and lets in who has a new one', async () => {
    const { server, comeIn, call, now, setBy } = await serve();
    const ann = call(async () => `ann ${now() + HOUR_MS}`, [PUBLIC_FEED]);
    await settled([ann]);
    const token = `eve ${now() + HOUR_MS}`;
    const eve = await comeIn(token);
    expect(ttlOf(eve)).toBeLessThanOrEqual(HOUR_MS / 1000);
    setBy(TWO_HOURS_MS);
    expect(await eve.closed).toBe(3005);
    expect((await comeIn(token)).received[0]).toContain('"code":109');
    await eventually('ann is back', () => ann.lost.includes(3005) && ann.client.state === 'connected');
    await settled([ann]);
    await server.publish([{ channel: PUBLIC_FEED, publication: publicationOf('e1') }]);
    await eventually('ann hears', () => ann.heard.get(PUBLIC_FEED)?.includes('e1') === true);
    expect(ttlOf(await comeIn(`bob ${now() + 500}`))).toBe(1);
  });

  test('two hours back ends nobody, and pings, limits and rechecks go on', async () => {
    const { server, comeIn, denied, now, setBy } = await serve({ commandsPerSecondMax: 50, recheckEveryMs: 500 });
    const token = `ann ${now() + HOUR_MS}`;
    const ann = await comeIn(token);
    ann.say({ id: 2, subscribe: { channel: 'content:c1' } });
    await eventually('ann is subscribed', () => ann.received.length > 1);
    await eventually('ann was pinged', () => pingsOf(ann) > 0);
    setBy(-TWO_HOURS_MS);
    const pinged = pingsOf(ann);
    denied.add('content:c1');
    await eventually('ann is pinged on', () => pingsOf(ann) >= pinged + 3);
    await eventually('the right that ended is noticed', () =>
      ann.received.some((each) => each.includes('"code":2000')),
    );
    for (let second = 0; second < 3; second += 1) {
      ann.say(...Array.from({ length: 30 }, (_, nth) => ({ id: 100 * (second + 1) + nth, ping: {} })));
      await pause(1_050);
    }
    expect(ann.socket.readyState).toBe(ann.socket.OPEN);
    const late = await comeIn(token);
    expect(ttlOf(late)).toBeGreaterThan(0);
    late.socket.pause();
    await eventually('the dead are noticed', () => server.node.connections === 1);
  }, 20_000);

  test('again and again tells no ttl that is not a positive number, and accepts no expired token', async () => {
    const { comeIn, now, setBy } = await serve();
    for (const hours of [2, -2, -2, 2, 2, -2]) {
      setBy(hours * HOUR_MS);
      const lifeMs = [HOUR_MS, 1, 0, -1, -HOUR_MS];
      const answers = await Promise.all(lifeMs.map((ms) => comeIn(`eve ${now() + ms}`)));
      const outcomes = answers.map((each) => (errorOf(each) === undefined ? ttlOf(each) : 'refused'));
      // A millisecond is over or not by the time that the token is read.
      expect(outcomes).toEqual([expect.any(Number), expect.anything(), 'refused', 'refused', 'refused']);
      expect(Number(outcomes[0])).toBeGreaterThan(HOUR_MS / 1000 - 60);
      expect([1, 'refused']).toContain(outcomes[1]);
      expect(answers.slice(2).map(errorOf)).toEqual([109, 109, 109]);
    }
  });
});
