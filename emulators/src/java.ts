/**
 * Finds Java, and explains it to firebase-tools.
 *
 * firebase-tools 15 refuses any Java below 21, because the emulators that it downloads itself need that. The Firestore
 * and Pub/Sub emulators of the Google Cloud SDK run on 17. So when those are in use and Java is 17 to 20, a script
 * named `java` is put first on the PATH of firebase-tools: asked for its version it answers 21, everything else it
 * hands to the real Java. The start says so in one line. A Java of 21 or newer is left alone.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { CACHE } from './paths.ts';
import { StartError } from './start-error.ts';

const run = promisify(execFile);

const JAVA_MIN = 17;
/** What firebase-tools asks for. */
export const JAVA_FIREBASE_TOOLS = 21;

export interface Java {
  /** The program, as given to `spawn`. */
  command: string;
  major: number;
}

/** The major version in what `java -version` prints: 17 of "17.0.15", 8 of "1.8.0_392". */
export function parseJavaVersion(output: string): number | undefined {
  const match = /version "(?:1\.)?(\d+)/.exec(output);
  return match ? Number(match[1]) : undefined;
}

const INSTALL_HINT =
  'Install it, for example with "apt-get install openjdk-17-jdk-headless" (Debian, Ubuntu) or "brew install openjdk@21" (macOS).';

/**
 * The Java to use: that of JAVA_HOME, else the one on the PATH.
 *
 * @throws {StartError} `java-missing`, `java-too-old`
 */
export async function findJava(env: NodeJS.ProcessEnv): Promise<Java> {
  const home = env['JAVA_HOME'];
  const command = home ? path.join(home, 'bin', 'java') : 'java';
  let output: string;
  try {
    output = (await run(command, ['-version'], { env })).stderr;
  } catch (cause) {
    throw new StartError(
      'java-missing',
      `The emulators need Java ${JAVA_MIN} or newer, and there is none. ${INSTALL_HINT}`,
      cause,
    );
  }
  const major = parseJavaVersion(output);
  if (major === undefined || major < JAVA_MIN) {
    throw new StartError(
      'java-too-old',
      `The emulators need Java ${JAVA_MIN} or newer; ${command} is ${major ?? 'unknown'}. ${INSTALL_HINT}`,
    );
  }
  return { command, major };
}

/** Writes the script described above and returns its folder. */
export async function writeJavaShim(java: Java): Promise<string> {
  const folder = path.join(CACHE, 'java-shim');
  await mkdir(folder, { recursive: true });
  const script = [
    '#!/bin/sh',
    '# See emulators/src/java.ts: the emulators of the Google Cloud SDK run on this Java, firebase-tools does not know.',
    `case "$*" in *-version*) echo 'openjdk version "${JAVA_FIREBASE_TOOLS}" (stands for ${java.major})' >&2; exit 0 ;; esac`,
    `exec '${await realProgram(java.command)}' "$@"`,
    '',
  ].join('\n');
  await writeFile(path.join(folder, 'java'), script);
  await chmod(path.join(folder, 'java'), 0o755);
  return folder;
}

/** The program's full path, since the script itself will be the first `java` on the PATH. */
async function realProgram(command: string): Promise<string> {
  if (path.isAbsolute(command)) return command;
  const { stdout } = await run('sh', ['-c', 'command -v "$1"', 'sh', command]);
  return stdout.trim();
}
