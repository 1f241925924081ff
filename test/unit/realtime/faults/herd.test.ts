/** `HERD_CLIENTS` sets the size. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { z } from 'zod';
import { RedisBroker } from '../../../../realtime-server/src/broker/redis-broker.ts';
import { openRedis } from '../../../../realtime-server/src/redis.ts';
import { startProxy } from '../../../support/chaos-proxy.ts';
import { type Phone, eventually, phone, settled } from '../../../support/live-clients.ts';
import { publicationOf, serveRealtime } from '../../../support/realtime.ts';
import { type RealtimeProcess, startRealtimeProcess } from '../../../support/realtime-process.ts';
import { startRedis } from '../../../support/redis.ts';

const CLIENTS = Number(process.env['HERD_CLIENTS'] ?? 500);
const PREFIX = 'herd';
const SHARED = Array.from({ length: 5 }, (_, nth) => `content:c${nth}`);
/** The shared channels, and each client's own. */
const CHANNELS = SHARED.length + CLIENTS;
const BEFORE = 10;
const AWAY = 10;
const IDS = Array.from({ length: BEFORE + AWAY }, (_, nth) => `e${nth}`);
/** Handshakes that the server takes in a second, so that the herd is over it at first. */
const HANDSHAKES_PER_SECOND = CLIENTS * 0.25;
const HANDSHAKES_BURST = CLIENTS * 0.2;
/** What may be looked up again: some grants were about to be renewed when the server was killed. */
const LOOKUPS_MAX = SHARED.length + 10;

/** All come back from one place, within some seconds; a read serves them for one. */
const READS_OF_PLACE_MAX = 10;
/** Clients that are busy with each other in one process take so long, by their number. */
const WITHIN_MS = 30 * CLIENTS;
const TEST_MAX_MS = 80 * CLIENTS;

const p99 = (values: readonly number[]): number =>
  Math.round(values.toSorted((one, other) => one - other)[Math.floor(values.length * 0.99)] ?? 0);

const opened: AsyncDisposable[] = [];
const phones: Phone[] = [];
afterEach(async () => {
  for (const { client } of phones.splice(0)) client.disconnect();
  for (const each of opened.splice(0).toReversed()) await each[Symbol.asyncDispose]();
});

const PROBE = path.resolve(import.meta.dirname, '../../../support/handshakes-child.ts');
const PROBE_EVERY_MS = 50;
const probed = z.object({ tookMs: z.array(z.number()), refused: z.array(z.string()) });

/** Makes handshakes beside the herd; what is returned ends that, and says how they went. */
function probeHandshakes(endpoint: string): () => Promise<z.infer<typeof probed>> {
  const child = fork(PROBE, [endpoint, `${PROBE_EVERY_MS}`], { execArgv: [] });
  opened.push({
    async [Symbol.asyncDispose]() {
      child.kill();
    },
  });
  return async () => {
    child.send('stop');
    const [report] = (await once(child, 'message')) as unknown[];
    return probed.parse(report);
  };
}

/** Reads of histories so far, and the delay of the event loop, in milliseconds, that one in a hundred of its turns had. */
const observe = async ({ port }: RealtimeProcess) => {
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return {
    reads: Number(/operation="history".* (\d+)\n/.exec(metrics)?.[1] ?? 0),
    lagMs: Math.round(Number(/lag_seconds.*quantile="0.99".* (\S+)\n/.exec(metrics)?.[1] ?? 0) * 1_000),
  };
};

describe('a herd that comes back after its server was killed', () => {
  test(
    'is all back, has all that it missed, and asks of the database and of Redis no more than it must',
    async () => {
      const redis = await startRedis();
      opened.push(redis);
      const settings = { redis: { url: redis.url, prefix: PREFIX }, authorizeAfterMs: 20 };
      let server = await startRealtimeProcess({ ...settings, admission: { handshakesPerSecond: 10_000 } });
      opened.push({ [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() });
      const proxy = await startProxy(() => server.port);
      opened.push(proxy);
      const other = await openRedis({ url: redis.url, log: pino({ level: 'silent' }) });
      opened.push(other);
      // Another node, for what is published while the first is away.
      const publisher = await serveRealtime({ broker: new RedisBroker(other, settings.redis) });
      opened.push(publisher.server);
      const publish = (from: number, count: number) =>
        Promise.all(
          SHARED.map(async (channel) => {
            for (const id of IDS.slice(from, from + count))
              await publisher.server.publish([{ channel, publication: publicationOf(id) }]);
          }),
        );

      const endpoint = `ws://127.0.0.1:${proxy.port}/connection/websocket`;
      phones.push(...Array.from({ length: CLIENTS }, (_, nth) => phone(endpoint, `user${nth}`, SHARED)));
      await settled(phones, WITHIN_MS);
      await publish(0, BEFORE);
      const haveHeard = (count: number) => () =>
        phones.every(({ heard }) => [...heard.values()].every(({ length }) => length === count));
      await eventually('all have heard what came before', haveHeard(BEFORE), WITHIN_MS);
      expect((await server.status()).lookupsMax).toBe(1);

      proxy.setOpen(false);
      await server.stop('SIGKILL');
      await publish(BEFORE, AWAY);
      server = await startRealtimeProcess({
        ...settings,
        admission: { handshakesPerSecond: HANDSHAKES_PER_SECOND, handshakesBurst: HANDSHAKES_BURST },
      });
      const probe = probeHandshakes(server.endpoint);
      proxy.setOpen(true);
      const openSince = performance.now();
      await settled(phones, WITHIN_MS);
      const backMs = performance.now() - openSince;
      const { tookMs, refused } = await probe();
      await eventually('all have heard what came while they were away', haveHeard(BEFORE + AWAY), WITHIN_MS);

      expect(refused).toContain('503');
      for (const { heard, recovered } of phones) {
        expect([...heard.values()]).toEqual(SHARED.map(() => IDS));
        expect(recovered).toEqual(SHARED.map(() => true));
      }
      const { lookups, unhandled, clients } = await server.status();
      expect(clients).toBe(CLIENTS);
      expect(unhandled).toBe(0);
      expect(lookups).toBeLessThanOrEqual(LOOKUPS_MAX);
      const { reads, lagMs } = await observe(server);
      console.log(
        `${CLIENTS} were back after ${Math.round(backMs)} ms, with ${lookups} look-ups and ${reads} reads of histories; ` +
          `p99 of ${tookMs.length} handshakes meanwhile ${p99(tookMs)} ms, of the server's event loop ${lagMs} ms`,
      );
      expect(reads).toBeLessThanOrEqual(CHANNELS + SHARED.length * READS_OF_PLACE_MAX);
    },
    TEST_MAX_MS,
  );
});
