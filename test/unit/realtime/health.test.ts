import { describe, expect, test } from '@jest/globals';
import type { Authority } from '../../../realtime-server/src/authority.ts';
import { Health, followedAuthority } from '../../../realtime-server/src/health.ts';
import { identityOf } from '../../support/realtime.ts';

/** A health whose clock stands still until the test moves it. */
function start() {
  let now = 0;
  const health = new Health(() => now);
  const pass = (ms: number) => void (now += ms);
  return { health, pass };
}

const never = () => new Promise<never>(() => undefined);
const fails = () => Promise.reject(new Error('away'));
/** Long enough for what was settled to be noted. */
const noted = () => new Promise<void>((resolve) => void setImmediate(resolve));

describe('a dependency', () => {
  test('is well as long as nothing is known against it, and while its calls are answered', async () => {
    const { health, pass } = start();
    const broker = health.of('broker');
    expect(health.report()).toEqual({ status: 'ok', dependencies: { broker: 'ok' } });
    for (let nth = 0; nth < 10; nth += 1) {
      broker.follow(Promise.resolve());
      await noted();
      pass(10_000);
    }
    expect(health.report().status).toBe('ok');
  });

  test('that failed a call is degraded, and so is the whole, but nothing else; half a minute later it is well again', async () => {
    const { health, pass } = start();
    health.of('authority').follow(Promise.resolve());
    health.of('broker').follow(fails());
    await noted();
    const degraded = { status: 'degraded', dependencies: { authority: 'ok', broker: 'degraded' } };
    expect(health.report()).toEqual(degraded);
    pass(29_999);
    expect(health.report()).toEqual(degraded);
    pass(1);
    expect(health.report().status).toBe('ok');
  });

  test('that fails every second call stays degraded all along', async () => {
    const { health, pass } = start();
    const broker = health.of('broker');
    for (let nth = 0; nth < 20; nth += 1) {
      broker.follow(nth % 2 === 0 ? fails() : Promise.resolve());
      await noted();
      pass(10_000);
      expect(health.report().status).toBe('degraded');
    }
  });

  test('that leaves one call of many without an answer is degraded until the answer is there', async () => {
    const { health, pass } = start();
    const broker = health.of('broker');
    const answer = Promise.withResolvers<void>();
    broker.follow(answer.promise);
    pass(2_000);
    broker.follow(never());
    broker.follow(Promise.resolve());
    await noted();
    expect(health.report().status).toBe('ok');
    pass(1_001);
    expect(health.report().status).toBe('degraded');
    answer.resolve();
    await noted();
    // The younger one is not overdue yet.
    expect(health.report().status).toBe('ok');
    pass(2_000);
    expect(health.report().status).toBe('degraded');
  });
});

describe('a dependency that is probed', () => {
  test('is asked when somebody wants to know, once at a time and not more often than every five seconds', async () => {
    const { health, pass } = start();
    let probes = 0;
    health.of('events').probeWith(async () => (probes += 1));
    for (let nth = 0; nth < 100; nth += 1) health.report();
    await noted();
    expect(probes).toBe(1);
    pass(4_999);
    health.report();
    expect(probes).toBe(1);
    pass(1);
    health.report();
    expect(probes).toBe(2);
  });

  test('is degraded while it gives no answer, and well with the answer', async () => {
    const { health, pass } = start();
    const answer = Promise.withResolvers<void>();
    let probes = 0;
    health.of('events').probeWith(() => {
      probes += 1;
      return answer.promise;
    });
    expect(health.report().status).toBe('ok');
    pass(10_000);
    expect(health.report().status).toBe('degraded');
    expect(probes).toBe(1);
    answer.resolve();
    await noted();
    expect(health.report().status).toBe('ok');
  });

  test('is degraded when the probe fails, or what is heard of it otherwise', async () => {
    const { health, pass } = start();
    let isAway = true;
    const events = health.of('events');
    events.probeWith(() => (isAway ? fails() : Promise.resolve()));
    health.report();
    await noted();
    expect(health.report().status).toBe('degraded');
    isAway = false;
    pass(30_000);
    expect(health.report().status).toBe('ok');
    events.failed();
    expect(health.report().status).toBe('degraded');
  });
});

describe('an authority', () => {
  const ann = identityOf('ann');
  const authority: Authority = {
    authenticate: async (token) => (token === 'ann' ? ann : 'invalid'),
    authorize: async () => 'denied',
    standings: async () => new Map(),
    ownChannels: () => ['user:ann'],
  };

  test('that refuses has answered', async () => {
    const { health } = start();
    const followed = followedAuthority(authority, health.of('authority'));
    expect(await followed.authenticate('eve')).toBe('invalid');
    expect(await followed.authenticate('ann')).toBe(ann);
    expect(await followed.authorize(ann, 'content:c1')).toBe('denied');
    expect(followed.ownChannels(ann)).toEqual(['user:ann']);
    expect(health.report().status).toBe('ok');
  });

  test.each([
    ['authenticate', (asked: Authority) => asked.authenticate('ann')],
    ['authorize', (asked: Authority) => asked.authorize(ann, 'content:c1')],
    ['standings', (asked: Authority) => asked.standings?.(['ann'])],
  ])('that cannot say is degraded, and who asked is told (%s)', async (method, ask) => {
    const { health } = start();
    const followed = followedAuthority({ ...authority, [method]: fails }, health.of('authority'));
    await expect(ask(followed)).rejects.toThrow('away');
    expect(health.report().dependencies).toEqual({ authority: 'degraded' });
  });

  test('whose accounts do not change is not asked how they stand', () => {
    const { standings: _, ...unchanging } = authority;
    expect(followedAuthority(unchanging, start().health.of('authority')).standings).toBeUndefined();
  });
});
