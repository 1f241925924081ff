/**
 * The rules engine for Storage, and a check of both rules files before anything starts.
 *
 * The official Storage rules runtime is used when it is on the machine. Otherwise the engine inside the official
 * Firestore emulator is hosted by `rules-engine/StorageRulesHost.java`, compiled once and kept in the cache.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Java } from './java.ts';
import { writeJar } from './jar.ts';
import { CACHE, ROOT } from './paths.ts';
import { openRulesHost } from './rules-host.ts';
import { StartError } from './start-error.ts';

const run = promisify(execFile);

const SOURCE = path.join(ROOT, 'emulators', 'rules-engine', 'StorageRulesHost.java');
const MAIN_CLASS = 'StorageRulesHost';

/**
 * Compiles the host against the Firestore emulator's JAR, or finds it compiled before.
 *
 * @throws {StartError} `jdk-missing`
 */
export async function buildRulesHost(java: Java, firestoreJar: string): Promise<string> {
  const source = await readFile(SOURCE);
  const { size, mtimeMs } = await stat(firestoreJar);
  const key = createHash('sha256')
    .update(source)
    .update(`${firestoreJar} ${size} ${mtimeMs}`)
    .digest('hex')
    .slice(0, 16);
  const marker = path.join(CACHE, 'rules-host', key);
  const kept = (await readdir(marker).catch(() => [])).find((name) => name.endsWith('.path'));
  if (kept) {
    const jar = (await readFile(path.join(marker, kept), 'utf8')).trim();
    if (
      await stat(jar).then(
        () => true,
        () => false,
      )
    )
      return jar;
  }
  const jar = await compile(java, firestoreJar);
  await mkdir(marker, { recursive: true });
  await writeFile(path.join(marker, 'jar.path'), jar);
  return jar;
}

async function compile(java: Java, firestoreJar: string): Promise<string> {
  await mkdir(CACHE, { recursive: true });
  const classes = await mkdtemp(path.join(CACHE, 'javac-'));
  const javac = path.isAbsolute(java.command) ? path.join(path.dirname(java.command), 'javac') : 'javac';
  try {
    await run(javac, ['-proc:none', '-nowarn', '-encoding', 'UTF-8', '-cp', firestoreJar, '-d', classes, SOURCE]);
    const names = await readdir(classes);
    const files = Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await readFile(path.join(classes, name))] as const)),
    );
    return await writeJar('storage-rules-host', { mainClass: MAIN_CLASS, classPath: [firestoreJar], files });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new StartError(
      'jdk-missing',
      'The Storage rules engine is compiled once on this machine and needs javac, which is not there. Install a JDK, for ' +
        'example with "apt-get install openjdk-17-jdk-headless", or the official runtime with "npx firebase setup:emulators:storage".',
      cause,
    );
  } finally {
    await rm(classes, { recursive: true, force: true });
  }
}

/**
 * Compiles the rules files with the official compiler.
 *
 * @throws {StartError} `rules-broken`, with file, line and column of each fault
 */
export async function checkRules(java: Java, hostJar: string, files: readonly string[]): Promise<void> {
  await using host = openRulesHost(java, hostJar);
  const faults = await Promise.all(
    files.map(async (file) => (await host.load(path.relative(ROOT, file), await readFile(file, 'utf8'))).errors),
  );
  if (faults.flat().length > 0) {
    throw new StartError('rules-broken', `The security rules do not compile:\n  ${faults.flat().join('\n  ')}`);
  }
}
