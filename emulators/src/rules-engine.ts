/**
 * The rules engine for Storage, and a check of both rules files before anything starts.
 *
 * The official Storage rules runtime is used when it is on the machine. Otherwise the engine inside the official
 * Firestore emulator is hosted by `rules-engine/StorageRulesHost.java`, compiled once and kept in the cache.
 */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Java } from './java.ts';
import { writeJar } from './jar.ts';
import { CACHE, ROOT } from './paths.ts';
import { StartError } from './start-error.ts';

const run = promisify(execFile);

const SOURCE = path.join(ROOT, 'emulators', 'rules-engine', 'StorageRulesHost.java');
const MAIN_CLASS = 'StorageRulesHost';
/** Compiling two rules files takes well under a second; a JVM on a busy machine may take some to start. */
const CHECK_MAX_MS = 30_000;

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

const loaded = z.object({ id: z.number(), errors: z.array(z.string()) });

/**
 * Compiles the rules files with the official compiler.
 *
 * @throws {StartError} `rules-broken`, with file, line and column of each fault
 */
export async function checkRules(java: Java, hostJar: string, files: readonly string[]): Promise<void> {
  const sources = await Promise.all(
    files.map(async (file) => ({ name: path.relative(ROOT, file), content: await readFile(file, 'utf8') })),
  );
  const host = spawn(java.command, ['-XX:TieredStopAtLevel=1', '-jar', hostJar], {
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: CHECK_MAX_MS,
  });
  sources.forEach((source, id) => {
    const request = { action: 'load_ruleset', id, context: { rulesetName: String(id), source: { files: [source] } } };
    host.stdin.write(`${JSON.stringify(request)}\n`);
  });
  host.stdin.end();
  const answers: z.infer<typeof loaded>[] = [];
  for await (const line of createInterface({ input: host.stdout })) answers.push(loaded.parse(JSON.parse(line)));
  const judged = answers.filter(({ id }) => id >= 0);
  if (judged.length !== sources.length) throw new StartError('part-failed', 'The rules engine did not answer.');
  const faults = judged.flatMap(({ errors }) => errors);
  if (faults.length > 0)
    throw new StartError('rules-broken', `The security rules do not compile:\n  ${faults.join('\n  ')}`);
}
