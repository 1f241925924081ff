// Every npm script begins here, on whatever Node there is: sees to it that the dependencies are installed, then hands
// over to the Node that the project pins. Plain JavaScript with no dependencies, since nothing may be installed yet.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** @type {Record<string, string>} */
const ENTRIES = {
  start: 'emulators/src/start.ts',
  demo: 'emulators/src/demo/main.ts',
  test: 'test/run.ts',
  check: 'test/check.ts',
  bench: 'bench/run.ts',
  deploy: 'emulators/src/deploy.ts',
  'realtime:dev': 'realtime-server/src/dev.ts',
};
const OLDEST_NODE = 20;
/** Cloud Functions run it, and only it runs TypeScript as it stands. */
const PINNED_NODE = 24;
/** An install on a slow disk takes minutes; a lock older than this belongs to nobody. */
const LOCK_STALE_MS = 15 * 60_000;

const root = path.dirname(fileURLToPath(import.meta.url));
/** @param {string[]} parts */
const inRoot = (...parts) => path.join(root, ...parts);
const bin = inRoot('node_modules', '.bin');
const stampFile = inRoot('node_modules', '.playnite-install');

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

const wantedStamp = () =>
  createHash('sha256')
    .update(readFileSync(inRoot('package-lock.json')))
    .digest('hex');
const isInstalled = () => existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wantedStamp();

/** Installs when what is there is not what the lock file says; of two commands side by side, one waits. */
async function install() {
  if (isInstalled()) return;
  const lock = inRoot('.cache', 'install.lock');
  mkdirSync(inRoot('.cache'), { recursive: true });
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch {
      if (isInstalled()) return;
      const age = existsSync(lock) ? Date.now() - statSync(lock).mtimeMs : 0;
      if (age > LOCK_STALE_MS) rmSync(lock, { recursive: true, force: true });
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  const release = () => rmSync(lock, { recursive: true, force: true });
  process.once('exit', release);
  try {
    if (isInstalled()) return;
    process.stderr.write('Installing dependencies (once, about a minute) …\n');
    const started = Date.now();
    // Not `npm ci`: it demands that the lock file names the binaries of every platform, and then installs one of them.
    // `npm install` keeps to the lock file as well, and finds what a platform needs that is not in it.
    // stdout is for the command's own output, which may be read by a program.
    const npm = spawnSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32',
    });
    if (npm.status !== 0)
      fail(
        `Installing the dependencies failed (npm install, code ${npm.status}). Is there a network, and space on the disk?`,
      );
    writeFileSync(stampFile, wantedStamp());
    process.stderr.write(`Installed in ${Math.round((Date.now() - started) / 1000)} s.\n`);
  } finally {
    process.removeListener('exit', release);
    rmdirSync(lock);
  }
}

const [name, ...args] = process.argv.slice(2);
const entry = ENTRIES[name ?? ''];
if (entry === undefined) fail(`Usage: node run.mjs ${Object.keys(ENTRIES).join(' | ')}`);
if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  fail(`PlayNite needs Node ${OLDEST_NODE} or newer to start; this is ${process.versions.node}.`);
}
await install();

const node = path.join(bin, 'node');
const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout ?? '';
if (!version.startsWith(`v${PINNED_NODE}.`)) {
  fail(
    `The project's own Node ${PINNED_NODE} is not installed (node_modules/.bin/node says "${version.trim()}"). Delete node_modules and try again.`,
  );
}
// jest runs ES modules only with this flag; the warning about it would precede every test file.
const flags = name === 'test' ? ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'] : [];
const child = spawn(node, [...flags, inRoot(entry), ...args], {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH ?? ''}` },
});
// Ctrl-C reaches the child by itself, as a member of the terminal's group; a signal sent to us alone does not.
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
process.on('SIGINT', () => {});
child.once('exit', (code, signal) => process.exit(code ?? (signal ? 130 : 1)));
