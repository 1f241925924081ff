import { createHash } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { strToU8, zipSync } from 'fflate';
import { CACHE } from './paths.ts';

/** A manifest's line may have 72 bytes with its line end; what is longer goes on behind a space. */
const LINE_MAX = 70;

/** The text of a JAR's manifest. */
export function manifestText(attributes: Record<string, string>): string {
  const lines = Object.entries({ 'Manifest-Version': '1.0', ...attributes }).map(([name, value]) => {
    const whole = `${name}: ${value}`;
    const parts = [whole.slice(0, LINE_MAX)];
    for (let at = LINE_MAX; at < whole.length; at += LINE_MAX - 1) parts.push(` ${whole.slice(at, at + LINE_MAX - 1)}`);
    return parts.join('\r\n');
  });
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/**
 * Writes a JAR that starts `mainClass` with the classes of other JARs; `files` are packed beside the manifest.
 * firebase-tools runs emulators as `java -jar`, and the Google Cloud SDK's Firestore JAR names no main class.
 * The file's name comes from its content, so a JAR that stands is right.
 */
export async function writeJar(
  name: string,
  { mainClass, classPath, files = {} }: { mainClass: string; classPath: string[]; files?: Record<string, Uint8Array> },
): Promise<string> {
  const manifest = manifestText({
    'Main-Class': mainClass,
    'Class-Path': classPath.map((jar) => pathToFileURL(jar).href).join(' '),
  });
  // A fixed time keeps the bytes, and so the name, the same from run to run.
  const bytes = zipSync({ 'META-INF/MANIFEST.MF': strToU8(manifest), ...files }, { mtime: '2020-01-01' });
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const file = path.join(CACHE, 'jars', `${name}-${hash}.jar`);
  await mkdir(path.dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, bytes);
  await rename(draft, file);
  return file;
}
