/**
 * Bundles the functions for the emulator and for deployment: our own code into one file, registry packages left to
 * `npm install` in the cloud. Writes `functions/lib/` with a `package.json` that names registry dependencies only.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { z } from 'zod';

/** What Cloud Functions run; the emulator runs whatever Node starts it. */
const RUNTIME_NODE_MAJOR = '24';
const OWN_SCOPE = '@playnite/';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const manifest = z.object({ dependencies: z.record(z.string(), z.string()) });

/** Replaces a file in one move, and only by another content: an emulator that has it loaded starts anew when it changes. */
async function writeIfChanged(file: string, content: string | Uint8Array): Promise<void> {
  const bytes = Buffer.from(content);
  if ((await readFile(file).catch(() => undefined))?.equals(bytes)) return;
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, bytes);
  await rename(draft, file);
}

/** Builds `functions/lib`; safe to run again, side by side, and while an emulator has the former build loaded. */
export async function buildFunctions(): Promise<void> {
  const { dependencies } = manifest.parse(JSON.parse(await readFile(here('./package.json'), 'utf8')));
  const external = Object.keys(dependencies).filter((name) => !name.startsWith(OWN_SCOPE));
  await mkdir(here('./lib'), { recursive: true });
  const { outputFiles } = await build({
    entryPoints: [here('./src/index.ts')],
    outfile: here('./lib/index.js'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: `node${RUNTIME_NODE_MAJOR}`,
    external: external.flatMap((name) => [name, `${name}/*`]),
    sourcemap: true,
    logLevel: 'warning',
    write: false,
  });
  await Promise.all(outputFiles.map(({ path, contents }) => writeIfChanged(path, contents)));
  await writeIfChanged(
    here('./lib/package.json'),
    `${JSON.stringify(
      {
        name: 'playnite-functions',
        private: true,
        type: 'module',
        main: 'index.js',
        engines: { node: RUNTIME_NODE_MAJOR },
        dependencies: Object.fromEntries(external.map((name) => [name, dependencies[name]])),
      },
      null,
      2,
    )}\n`,
  );
}

if (import.meta.main) await buildFunctions();
