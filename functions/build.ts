/**
 * Bundles the functions for the emulator and for deployment: our own code into one file, registry packages left to
 * `npm install` in the cloud. Writes `functions/lib/` with a `package.json` that names registry dependencies only.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { z } from 'zod';

/** What Cloud Functions run; the emulator runs whatever Node starts it. */
const RUNTIME_NODE_MAJOR = '24';
const OWN_SCOPE = '@playnite/';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const manifest = z.object({ dependencies: z.record(z.string(), z.string()) });

/** Builds `functions/lib`; safe to run again, and while an emulator has the former build loaded. */
export async function buildFunctions(): Promise<void> {
  const { dependencies } = manifest.parse(JSON.parse(await readFile(here('./package.json'), 'utf8')));
  const external = Object.keys(dependencies).filter((name) => !name.startsWith(OWN_SCOPE));
  await mkdir(here('./lib'), { recursive: true });
  await build({
    entryPoints: [here('./src/index.ts')],
    outfile: here('./lib/index.js'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: `node${RUNTIME_NODE_MAJOR}`,
    external: external.flatMap((name) => [name, `${name}/*`]),
    sourcemap: true,
    logLevel: 'warning',
  });
  await writeFile(
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
  await rm(here('./lib/package-lock.json'), { force: true });
}

if (import.meta.main) await buildFunctions();
