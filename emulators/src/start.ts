/** `npm start`: the whole platform, until Ctrl-C. */
import { parseArgs } from 'node:util';
import { rm } from 'node:fs/promises';
import color from 'picocolors';
import { DATA } from './paths.ts';
import { startPlatform } from './platform.ts';
import { offsetPorts } from './ports.ts';
import { announceRunning, forgetRunning } from './running.ts';
import { seed } from './seed/seed.ts';
import { StartError } from './start-error.ts';

const PROJECT = 'demo-playnite';

const { values } = parseArgs({
  options: {
    fresh: { type: 'boolean', default: false },
    'no-seed': { type: 'boolean', default: false },
    'port-offset': { type: 'string', default: process.env['PORT_OFFSET'] ?? '0' },
    project: { type: 'string', default: PROJECT },
  },
});

const say = (line: string) => {
  if (line) console.log(`${color.dim('·')} ${line}`);
};
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // The first asks to stop in order, keeping the data; the second does not wait.
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort(new Error('interrupted'));
  });
}
const interruption = new Promise<undefined>((resolve) => {
  interrupted.signal.addEventListener('abort', () => resolve(undefined));
});

const TABLE: readonly (readonly [
  name: string,
  part: keyof Awaited<ReturnType<typeof startPlatform>>['addresses'],
  scheme: string,
])[] = [
  ['Live stream', 'realtime', 'ws'],
  ['Auth', 'auth', 'http'],
  ['Firestore', 'firestore', 'http'],
  ['Storage', 'storage', 'http'],
  ['Functions', 'functions', 'http'],
  ['Pub/Sub', 'pubsub', 'http'],
  ['Cloud Tasks', 'tasks', 'http'],
  ['Eventarc', 'eventarc', 'http'],
  ['Emulator hub', 'hub', 'http'],
];

async function main(): Promise<void> {
  const started = performance.now();
  if (values.fresh) await rm(DATA, { recursive: true, force: true });
  await using platform = await startPlatform({
    projectId: values.project,
    ports: offsetPorts(Number(values['port-offset'])),
    dataDir: DATA,
    schedules: true,
    log: say,
    signal: interrupted.signal,
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const { projectId, addresses } = platform;
  await announceRunning({ pid: process.pid, projectId, addresses });
  try {
    console.log(
      `\n${color.bold(color.green('PlayNite is ready'))} ${color.dim(`after ${seconds} s, project ${projectId}`)}\n`,
    );
    for (const [name, part, scheme] of TABLE) {
      const suffix = part === 'realtime' ? '/connection/websocket' : '';
      console.log(`  ${name.padEnd(14)}${color.cyan(`${scheme}://${addresses[part]}${suffix}`)}`);
    }
    console.log(
      `\n  ${color.dim('See it work:')} npm run demo   ${color.dim('Stop: Ctrl-C (the data stays in .data/)')}\n`,
    );
    if (platform.fresh && !values['no-seed']) {
      await seed(platform, { log: say, signal: interrupted.signal }).catch((error: unknown) => {
        if (!interrupted.signal.aborted) console.error(`The demo content could not be made: ${String(error)}`);
      });
    }
    const failure = await Promise.race([platform.failed, interruption]);
    if (failure) {
      console.error(`\n${color.red(failure.message)}`);
      process.exitCode = 1;
    }
    say('stopping');
  } finally {
    await forgetRunning(projectId);
  }
}

try {
  await main();
} catch (error) {
  if (interrupted.signal.aborted) process.exitCode = 130;
  else if (error instanceof StartError) {
    console.error(`${color.red('PlayNite cannot start:')} ${error.message}`);
    process.exitCode = 1;
  } else throw error;
}
