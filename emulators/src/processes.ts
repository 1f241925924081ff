import { execFileSync } from 'node:child_process';

/** The variable that marks every process of a run; children inherit it, however far they are detached. */
export const RUN_VARIABLE = 'PLAYNITE_RUN';

export interface RunningProcess {
  pid: number;
  command: string;
}

const ps = (...args: string[]): RunningProcess[] =>
  execFileSync('ps', [...args, '-o', 'pid=', '-o', 'command='], { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 })
    .split('\n')
    .flatMap((line) => {
      const match = /^\s*(\d+)\s+(.*)$/.exec(line);
      return match?.[1] && match[2] ? [{ pid: Number(match[1]), command: match[2] }] : [];
    });

/**
 * The processes that carry a run's mark, and `also` somewhere in their environment. `ps axeww` shows environments, on
 * Linux and macOS alike.
 */
export function processesOf(run: string, also = ''): RunningProcess[] {
  const marked = new Set(
    ps('axeww')
      .filter(({ command }) => command.includes(`${RUN_VARIABLE}=${run}`) && command.includes(also))
      .map(({ pid }) => pid),
  );
  return ps('axww').filter(({ pid }) => marked.has(pid));
}

/** Kills whatever of a run is left, except the processes named. */
export function killRun(run: string, except: readonly number[] = []): void {
  for (const { pid } of processesOf(run)) {
    if (except.includes(pid)) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself in the meantime.
    }
  }
}

/** Whether there is such a process. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
