/** What the live stream says of itself while emulators that it depends on answer nobody. */
import { expect, test } from '@jest/globals';
import { contentChannel } from '@playnite/contracts/realtime';
import { becomes, stall } from '../support/faults.ts';
import { stranger, target } from '../support/platform.ts';

/** Enough for a question that comes some seconds after the last one to be put, and to be overdue. */
const STALL_MS = 12_000;
/** Failures have been forgotten by then. */
const WELL_WITHIN_MS = 60_000;

const get = (path: string) => fetch(`http://${target.addresses.realtime}${path}`);
/** Parsed here, since what `fetch` parses comes from without the test's own context, and is strictly equal to nothing in it. */
const dependencies = async () =>
  (JSON.parse(await (await get('/health')).text()) as { dependencies: unknown }).dependencies;
const WELL = { broker: 'ok', authority: 'ok', events: 'ok' };

test(
  'while Firestore and Pub/Sub stand still the live stream is degraded, keeps its clients, and is well after their return',
  async () => {
    const ann = await stranger('ann');
    // What tests before this one did to the platform counts for a while.
    await becomes(dependencies, WELL, WELL_WITHIN_MS);
    const stalled = Promise.all([/pubsub-emulator/, /firestore[^ ]*\.jar/].map((program) => stall(program, STALL_MS)));
    // Firestore is asked whether she may; of Pub/Sub nobody wants anything.
    const refused = ann.subscribe(contentChannel('nosuchthing')).catch(({ code }: { code: unknown }) => code);
    await becomes(dependencies, { broker: 'ok', authority: 'degraded', events: 'degraded' }, STALL_MS);
    const [health, ready] = await Promise.all(['/health', '/ready'].map(get));
    expect([health?.status, ready?.status]).toEqual([200, 200]);
    expect(ann.live.state).toBe('connected');
    await stalled;
    expect(await refused).toBe(103);
    await becomes(dependencies, WELL, WELL_WITHIN_MS);
  },
  STALL_MS + 3 * WELL_WITHIN_MS,
);
