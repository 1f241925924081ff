/** `SLOW_STALLED` and `SLOW_HEALTHY` set the size. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { PUBLIC_FEED } from '@playnite/contracts/realtime';
import { DEFAULT_LIMITS } from '../../../../realtime-server/src/limits.ts';
import { type Phone, eventually, phone, settled } from '../../../support/live-clients.ts';
import { publicationOf, serveRealtime } from '../../../support/realtime.ts';

const LARGE = 'content:large';
const STALLED = Number(process.env['SLOW_STALLED'] ?? 20);
const HEALTHY = Number(process.env['SLOW_HEALTHY'] ?? 180);
/** Of the healthy, those that read the large publications too. */
const HEALTHY_OF_LARGE = 10;
/** A publication of the large channel; the history keeps 500, twice what fills the kernel's buffers and ours. */
const LARGE_BYTES = 48_000;
const LARGE_MAX = 480;
const MEBIBYTE = 1024 * 1024;
/** What the server may hold for slow readers, each with its one message more, and as much again for all else. */
const GROWTH_MAX = 2 * STALLED * (DEFAULT_LIMITS.queueBytesMax + LARGE_BYTES) + 100 * MEBIBYTE;
const TEST_MAX_MS = 100 * (STALLED + HEALTHY);

const opened: AsyncDisposable[] = [];
const phones: Phone[] = [];
afterEach(async () => {
  for (const { client } of phones.splice(0)) client.disconnect();
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
});

const countTo = (count: number) => Array.from({ length: count }, (_, index) => `e${index + 1}`);

describe('slow consumers', () => {
  test(
    'are sent away as slow, cost the others nothing, and miss nothing once they read again',
    async () => {
      const { server, port, endpoint } = await serveRealtime();
      opened.push(server);
      const many = (count: number, name: string, channels: string[]) =>
        Array.from({ length: count }, (_, nth) =>
          phone(endpoint, `${name}${nth}`, channels, { maxServerPingDelay: 60_000 }),
        );
      const stalled = many(STALLED, 'stalled', [LARGE, PUBLIC_FEED]);
      const healthyOfLarge = many(HEALTHY_OF_LARGE, 'large', [LARGE, PUBLIC_FEED]);
      const healthy = [...healthyOfLarge, ...many(HEALTHY - HEALTHY_OF_LARGE, 'healthy', [PUBLIC_FEED])];
      phones.push(...stalled, ...healthy);
      await settled(phones);

      for (const each of stalled) each.stall();
      const before = process.memoryUsage.rss();
      let most = before;
      const large = 'x'.repeat(LARGE_BYTES);
      let sent = 0;
      while (server.node.connections > HEALTHY) {
        sent += 1;
        if (sent > LARGE_MAX) throw new Error(`${server.node.connections - HEALTHY} slow readers are still there`);
        await server.publish([
          { channel: LARGE, publication: publicationOf(`e${sent}`, large) },
          { channel: PUBLIC_FEED, publication: publicationOf(`e${sent}`) },
        ]);
        // Clients and server share this process: they are to be slow by their sockets, not by its one thread.
        await eventually('the healthy have read', () =>
          healthyOfLarge.every(({ heard }) => heard.get(LARGE)?.length === sent),
        );
        most = Math.max(most, process.memoryUsage.rss());
      }
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      expect(metrics).toMatch(new RegExp(`code="3008".* ${STALLED}\\n`));
      console.log(
        `${STALLED} stalled among ${HEALTHY}: sent away after ${sent} publications, memory ${Math.round((most - before) / MEBIBYTE)} MiB more than ${Math.round(before / MEBIBYTE)} MiB`,
      );
      expect(most - before).toBeLessThan(GROWTH_MAX);

      await eventually('the healthy have read all', () =>
        healthy.every(({ heard }) => heard.get(PUBLIC_FEED)?.length === sent),
      );
      for (const each of healthy) {
        expect(each.heard.get(PUBLIC_FEED)).toEqual(countTo(sent));
        expect(each.lost).toEqual([]);
      }

      for (const each of stalled) each.resume();
      await eventually('the stalled have read all', () =>
        stalled.every(({ heard }) => heard.get(LARGE)?.length === sent && heard.get(PUBLIC_FEED)?.length === sent),
      );
      for (const each of stalled) {
        expect(each.lost).toEqual([3008]);
        expect(each.recovered).toEqual([true, true]);
        expect(each.heard.get(LARGE)).toEqual(countTo(sent));
        expect(each.heard.get(PUBLIC_FEED)).toEqual(countTo(sent));
      }
    },
    TEST_MAX_MS,
  );
});
