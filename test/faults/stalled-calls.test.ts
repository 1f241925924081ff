/** What a function's process does to its callers, and to itself, while a dependency answers nobody. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { SILENCE_MAX_MS, UNAVAILABLE } from '../../functions/src/platform/breaker.ts';
import { CALL_DEADLINE_MS } from '../../functions/src/platform/errors.ts';
import { createTopic, db, listenIn } from '../support/backstage.ts';
import { stall } from '../support/faults.ts';
import { newId } from '../support/social.ts';
import { type Ended, type Load, underLoad } from '../support/standstill.ts';

const STALL_MS = 2 * SILENCE_MAX_MS;
const BEFORE_MS = 1_000;
const EVERY_MS = 20;
/** Long enough that there is time left after the standstill. */
const LOAD_MS = BEFORE_MS + STALL_MS + 5_000;
/** What a call may be late by on a busy machine. */
const LATE_MS = 10_000;
const HEAP_GROWTH_MAX = 32 * 1024 * 1024;
const TEST_MAX_MS = LOAD_MS + 120_000;
/** Calls at the end of the load, when all is over. */
const LAST = 20;

/** Hears what is published to a new topic. */
async function hearing(topic: string): Promise<() => Promise<string[]>> {
  await createTopic(topic);
  const takeRecorded = await listenIn([topic]);
  return async () => {
    const ids: string[] = [];
    for (let found = await takeRecorded(); found.length > 0; found = await takeRecorded()) {
      ids.push(...found.map(({ json }) => String((JSON.parse(json) as { id: unknown }).id)));
    }
    return ids;
  };
}

/** By a name to be stored under, a way to see what has been. */
const STORED: Record<Load['dependency'], (name: string) => Promise<() => Promise<string[]>>> = {
  Firestore: (name) => Promise.resolve(async () => (await db.collection(name).get()).docs.map((each) => each.id)),
  'Pub/Sub': hearing,
};

const idsOf = (ended: readonly Ended[], outcome: string) =>
  ended.filter((each) => each.outcome === outcome).map(({ id }) => id);

test.each([
  ['Firestore', /firestore[^ ]*\.jar/],
  ['Pub/Sub', /pubsub-emulator/],
] as const)(
  'while %s stands still, calls are refused at once after a while, and what was acknowledged is there afterwards',
  async (dependency, program) => {
    const name = newId('standstill');
    const stored = await STORED[dependency](name);
    const { ended, underWayMax, heapGrowthBytes } = await underLoad(
      { dependency, name, forMs: LOAD_MS, everyMs: EVERY_MS },
      async () => {
        await sleep(BEFORE_MS);
        await stall(program, STALL_MS);
      },
    );
    const outcomes = Map.groupBy(ended, ({ outcome }) => outcome);
    console.log(
      `${dependency}: ${[...outcomes].map(([outcome, { length }]) => `${length} ${outcome}`).join(', ')}; at most ${underWayMax} under way; heap ${Math.round(heapGrowthBytes / 1024)} KiB larger`,
    );

    expect(ended.filter(({ outcome, retryable }) => outcome !== 'done' && !retryable)).toEqual([]);
    expect(Math.max(...ended.map(({ ms }) => ms))).toBeLessThan(CALL_DEADLINE_MS + LATE_MS);
    const refused = ended.filter(({ outcome }) => outcome === UNAVAILABLE);
    expect(refused.length).toBeGreaterThan(0);
    expect(Math.max(...refused.map(({ ms }) => ms))).toBeLessThan(SILENCE_MAX_MS);
    // Those that wait are those of the first seconds, however long it takes.
    expect(underWayMax).toBeLessThan((0.8 * STALL_MS) / EVERY_MS);
    expect(heapGrowthBytes).toBeLessThan(HEAP_GROWTH_MAX);
    expect(idsOf(ended, 'done')).toEqual(expect.arrayContaining(ended.slice(-LAST).map(({ id }) => id)));

    const there = new Set(await stored());
    expect(idsOf(ended, 'done').filter((id) => !there.has(id))).toEqual([]);
  },
  TEST_MAX_MS,
);
