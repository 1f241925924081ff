/**
 * `npm test [pattern …]`: starts a platform of its own (free ports, its own project), runs jest against it, and ends
 * with one line that counts the tests. Unit tests alone (`npm test unit`) start nothing.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCLI } from '@jest/core';
import { type Platform, startPlatform } from '@playnite/emulators';

const root = fileURLToPath(new URL('..', import.meta.url));
const patterns = process.argv.slice(2);
/** Folders whose tests need nothing that is not in the process or started by the test itself. */
const ALONE = /^(test\/)?(unit|suites)(\/|$)/;
const needsPlatform = patterns.length === 0 || patterns.some((pattern) => !ALONE.test(pattern));

async function start(scratch: string): Promise<Platform | undefined> {
  if (!needsPlatform) return undefined;
  const platform = await startPlatform({
    projectId: `demo-test-${process.pid}`,
    ports: 'free',
    log: (line) => process.stderr.write(`${line}\n`),
  });
  Object.assign(process.env, platform.env, {
    PLAYNITE_PLATFORM: JSON.stringify({
      projectId: platform.projectId,
      bucket: platform.bucket,
      addresses: platform.addresses,
      run: platform.run,
    }),
    PLAYNITE_SCRATCH: scratch,
  });
  return platform;
}

type Count = 'numPassedTests' | 'numFailedTests' | 'numPendingTests' | 'numTodoTests' | 'numRuntimeErrorTestSuites';

/** Runs jest on what matches the patterns; none may, since the other run may hold it. */
async function run(options: Partial<Parameters<typeof runCLI>[0]>) {
  const argv = { _: patterns, $0: 'npm test', testPathPatterns: patterns, passWithNoTests: true, ...options };
  return (await runCLI(argv, [root])).results;
}

const scratch = await mkdtemp(path.join(tmpdir(), 'playnite-test-'));
let platform: Platform | undefined;
try {
  platform = await start(scratch);
  // Two runs, since a fault that every test would feel must not meet another test.
  const together = await run({ testPathIgnorePatterns: ['/test/faults/'] });
  const alone = await run({ testMatch: ['<rootDir>/test/faults/**/*.test.ts'], maxWorkers: 1 });
  const sum = (what: Count) => together[what] + alone[what];
  const skipped = sum('numPendingTests') + sum('numTodoTests');
  const counted = sum('numPassedTests') + sum('numFailedTests') > 0;
  if (!together.success || !alone.success || !counted || (process.env['CI'] && skipped > 0)) process.exitCode = 1;
  await platform?.stop();
  platform = undefined;
  // A suite that could not even be loaded has no tests to count, and must not look like a success.
  const failed = sum('numFailedTests') + sum('numRuntimeErrorTestSuites');
  console.log(`${sum('numPassedTests')} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
} finally {
  await platform?.stop();
  await rm(scratch, { recursive: true, force: true });
}
// A test that failed half-way may have left a connection open, and with it the process.
process.exit();
