/** `npm run check`: everything that can be said about the code without running it. All checks run; any failure fails. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import color from 'picocolors';

const root = fileURLToPath(new URL('..', import.meta.url));

const CHECKS: readonly (readonly [what: string, command: string, ...args: string[]])[] = [
  ['types', 'tsc', '--project', '.'],
  ['lint', 'oxlint'],
  ['format', 'prettier', '--check', '--log-level', 'warn', '.'],
  ['dead code', 'knip', '--no-progress'],
];

async function run([what, command, ...args]: (typeof CHECKS)[number]): Promise<boolean> {
  const started = performance.now();
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const [code, out, err] = await Promise.all([exited, text(child.stdout), text(child.stderr)]);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${code === 0 ? color.green('ok  ') : color.red('FAIL')} ${what} ${color.dim(`${seconds} s`)}`);
  if (code !== 0) console.log(`${out}${err}`);
  return code === 0;
}

const passed = await Promise.all(CHECKS.map(run));
if (passed.includes(false)) process.exitCode = 1;
