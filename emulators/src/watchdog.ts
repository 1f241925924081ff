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
child.once('exit', (code, signal) => {
  process.exit(code ?? (signal === null ? 1 : 130));
});
child.once('error', (error) => {
  console.error(error.message);
  process.exit(127);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));

process.stdin.resume().once('end', () => {
  child.kill('SIGINT');
  setTimeout(() => {
    child.kill('SIGKILL');
    if (run !== undefined) killRun(run, [process.pid]);
  }, GRACE_MS).unref();
  // What the command leaves behind when it stops in time, such as an emulator that it started detached.
  child.once('exit', () => {
    if (run !== undefined) killRun(run, [process.pid]);
  });
});
