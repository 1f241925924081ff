/**
 * Runs one command and ends it when whoever started this ends, however that happens: the starter holds the other end of
 * our standard input, and the system closes it when the starter dies. `node watchdog.ts COMMAND [ARG …]`.
 */
import { spawn } from 'node:child_process';
import { killRun } from './processes.ts';

/** What the command may take to stop before it is killed. */
const GRACE_MS = 8_000;

const [command, ...args] = process.argv.slice(2);
if (command === undefined) throw new Error('usage: watchdog.ts COMMAND [ARG …]');
const run = process.env['PLAYNITE_RUN'];

const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
let orphaned = false;

child.once('exit', (code, signal) => {
  // What the command leaves behind, such as an emulator that it started detached; nobody else is there to see to it.
  if (orphaned && run !== undefined) killRun(run, [process.pid]);
  process.exit(code ?? (signal === null ? 1 : 130));
});
child.once('error', (error) => {
  console.error(error.message);
  process.exit(127);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));

process.stdin.resume().once('end', () => {
  orphaned = true;
  child.kill('SIGINT');
  setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
});
