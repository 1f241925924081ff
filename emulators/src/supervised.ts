import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BIN, ROOT } from './paths.ts';
import { StartError } from './start-error.ts';

const WATCHDOG = fileURLToPath(new URL('./watchdog.ts', import.meta.url));
/** Lines of a part's log that are shown when it fails. */
const TAIL_LINES = 15;

/** A part of the platform in a process of its own, which cannot outlive us. */
export interface Supervised {
  name: string;
  pid: number;
  logFile: string;
  /** Settles when the process has ended, for whatever reason. */
  exited: Promise<number>;
  running(): boolean;
  /** Asks it to end, and makes it after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

export interface SuperviseOptions {
  name: string;
  command: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd?: string;
  logFile: string;
  onLine?: (line: string) => void;
}

/** Starts a part; its output goes to the log file. */
export function supervise({ name, command, args, env, cwd = ROOT, logFile, onLine }: SuperviseOptions): Supervised {
  const child: ChildProcess = spawn(path.join(BIN, 'node'), [WATCHDOG, command, ...args], {
    cwd,
    env,
    // A group of its own: Ctrl-C reaches us alone, and we stop the parts in order.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const log = createWriteStream(logFile);
  let pending = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      log.write(chunk);
      if (!onLine) return;
      const lines = (pending + chunk.toString()).split('\n');
      pending = lines.pop() ?? '';
      lines.forEach(onLine);
    });
  }
  const exited = new Promise<number>((resolve) => {
    child.once('close', (code) => log.end(() => resolve(code ?? 1)));
    child.once('error', () => resolve(127));
  });
  const running = () => child.exitCode === null && child.signalCode === null;
  return {
    name,
    pid: child.pid ?? -1,
    logFile,
    exited,
    running,
    async stop(graceMs) {
      if (!running()) return;
      child.kill('SIGINT');
      await Promise.race([exited, sleep(graceMs, undefined, { ref: false })]);
      if (running()) child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Why a part ended, with the end of its log. */
export async function failureOf(part: Supervised, code: number): Promise<StartError> {
  const lines = (await readFile(part.logFile, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-TAIL_LINES);
  return new StartError(
    'part-failed',
    `${part.name} ended by itself with code ${code}. The end of ${path.relative(ROOT, part.logFile)}:\n  ${lines.join('\n  ')}`,
  );
}
