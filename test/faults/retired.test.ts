/** A process of a function ends when it is idle and memory is short, and nothing is lost by it. */
import { expect, test } from '@jest/globals';
import { fireSchedule, urlOf } from '../support/backstage.ts';
import { becomes, workersOf } from '../support/faults.ts';

const TEST_MAX_MS = 60_000;
const ENDS_WITHIN_MS = 10_000;
const TARGET = 'storage.resumeDeletions';
const NAME = 'storage-resumeDeletions';

test(
  'an idle process ends when its function is asked to, and the next request finds another',
  async () => {
    expect(await fireSchedule(NAME)).toBe(200);
    const before = workersOf(TARGET).length;
    expect(before).toBeGreaterThan(0);
    const answer = await fetch(await urlOf(NAME), { method: 'POST', headers: { 'x-playnite-retire': 'now' } });
    expect(answer.status).toBe(500);
    await becomes(async () => workersOf(TARGET).length, before - 1, ENDS_WITHIN_MS);
    expect(await fireSchedule(NAME)).toBe(200);
  },
  TEST_MAX_MS,
);
