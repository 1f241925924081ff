/** Stock clients that read a channel of large publications and the public feed, and that stop to read when they are told. */
import { PUBLIC_FEED } from '@playnite/contracts/realtime';
import { phone } from '../../test/support/live-clients.ts';
import { LARGE, type ReadersState, readersOrder, readersSpec } from './words.ts';

const spec = readersSpec.parse(JSON.parse(process.argv[2] ?? ''));
const phones = Array.from({ length: spec.readers }, (_, nth) =>
  phone(spec.endpoint, `reader${nth}`, [LARGE, PUBLIC_FEED]),
);

/** Whether it has heard `e1` and all that follow, up to the last. */
const hasHeardAll = (heard: readonly string[], published: number): boolean =>
  heard.length === published && heard.every((id, index) => id === `e${index + 1}`);

const report = (published: number): ReadersState => ({
  whole: phones.filter(
    ({ client, heard, recovered }) =>
      Object.values(client.subscriptions()).every(({ state }) => state === 'subscribed') &&
      [...heard.values()].every((ids) => hasHeardAll(ids, published)) &&
      recovered.every(Boolean),
  ).length,
});

process.on('message', (message) => {
  const order = readersOrder.parse(message);
  if (order.do === 'renew') {
    for (const { client } of phones) {
      client.disconnect();
      client.connect();
    }
  }
  if (order.do === 'stall') for (const each of phones) each.stall();
  if (order.do === 'resume') for (const each of phones) each.resume();
  process.send?.(report(order.do === 'report' ? order.published : 0));
});
process.once('disconnect', () => process.exit());
