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

const scratch = await mkdtemp(path.join(tmpdir(), 'playnite-test-'));
let platform: Platform | undefined;
try {
  platform = await start(scratch);
  const { results } = await runCLI({ _: patterns, $0: 'npm test', testPathPatterns: patterns, runInBand: false }, [
    root,
  ]);
  const skipped = results.numPendingTests + results.numTodoTests;
  const counted = results.numPassedTests + results.numFailedTests > 0;
  if (!results.success || !counted || (process.env['CI'] && skipped > 0)) process.exitCode = 1;
  await platform?.stop();
  platform = undefined;
  // A suite that could not even be loaded has no tests to count, and must not look like a success.
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  console.log(`${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
} finally {
  await platform?.stop();
  await rm(scratch, { recursive: true, force: true });
}
// A test that failed half-way may have left a connection open, and with it the process.
process.exit();
