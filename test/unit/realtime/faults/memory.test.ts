import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';

const SECONDS = 10;
const CHILD = path.resolve(import.meta.dirname, '../../../support/soak-child.ts');
const MEBIBYTE = 1024 * 1024;
/** From the second look on: until then code is compiled and pools are filled. A kilobyte a visit would be ten times this. */
const GROWTH_MAX = 2 * MEBIBYTE;

describe('a server to which thousands come and go', () => {
  test('keeps nothing of them: heap and timers are after all what they were after some', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', CHILD, `${SECONDS}`]);
    const { samples, unhandled } = JSON.parse(stdout) as {
      samples: { heapBytes: number; timers: number; visits: number }[];
      unhandled: number;
    };
    const [, early] = samples;
    const last = samples.at(-1);
    if (!early || !last) throw new Error('nothing was looked at');
    expect(last.visits - early.visits).toBeGreaterThan(100);
    expect(last.heapBytes - early.heapBytes).toBeLessThan(GROWTH_MAX);
    expect(last.timers).toBeLessThanOrEqual(early.timers);
    expect(unhandled).toBe(0);
  }, 60_000);
});
