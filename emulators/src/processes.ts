import { execFileSync } from 'node:child_process';

/** The variable that marks every process of a run; children inherit it, however far they are detached. */
export const RUN_VARIABLE = 'PLAYNITE_RUN';

export interface RunningProcess {
  pid: number;
  command: string;
}

/** The processes that carry a run's mark. `ps axeww` shows environments on Linux and macOS alike. */
export function processesOf(run: string): RunningProcess[] {
  const listing = execFileSync('ps', ['axeww', '-o', 'pid=', '-o', 'command='], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  return listing.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(.*)$/.exec(line);
    if (!match?.[1] || !match[2]?.includes(`${RUN_VARIABLE}=${run}`)) return [];
    return [{ pid: Number(match[1]), command: match[2] }];
  });
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
