/**
 * The folder that firebase-tools runs in. It wants one project folder that holds its configuration, the rules and the
 * functions; each run needs ports of its own. So each run gets a folder in the cache with a `firebase.json` of its
 * own and links to everything else, which also keeps the emulators' log files out of the checkout.
 */
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { CACHE, ROOT } from './paths.ts';
import { HOST, type Ports } from './ports.ts';

const rootConfig = z.object({
  functions: z.unknown(),
  firestore: z.looseObject({ rules: z.string(), indexes: z.string().optional() }),
  storage: z.looseObject({ rules: z.string() }),
});

export interface RunFiles {
  /** Absolute paths, for tests that try other rules. */
  firestoreRules: string;
  storageRules: string;
}

/** The rules files that the checkout's `firebase.json` names. */
export async function rulesFiles(): Promise<RunFiles> {
  const config = rootConfig.parse(JSON.parse(await readFile(path.join(ROOT, 'firebase.json'), 'utf8')));
  return {
    firestoreRules: path.join(ROOT, config.firestore.rules),
    storageRules: path.join(ROOT, config.storage.rules),
  };
}

/** The `emulators` section of a run. */
function emulatorsConfig(ports: Ports, singleProjectMode: boolean): Record<string, unknown> {
  const at = (port: number) => ({ host: HOST, port });
  return {
    singleProjectMode,
    ui: { enabled: false },
    auth: at(ports.auth),
    firestore: { ...at(ports.firestore), websocketPort: ports.firestoreWebsocket },
    storage: at(ports.storage),
    functions: at(ports.functions),
    pubsub: at(ports.pubsub),
    tasks: at(ports.tasks),
    eventarc: at(ports.eventarc),
    hub: at(ports.hub),
    logging: at(ports.logging),
  };
}

/** Makes the folder anew and returns it. */
export async function writeRunDir(
  run: string,
  { ports, files, singleProjectMode }: { ports: Ports; files: RunFiles; singleProjectMode: boolean },
): Promise<string> {
  const folder = path.join(CACHE, 'runs', run);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const config = rootConfig.parse(JSON.parse(await readFile(path.join(ROOT, 'firebase.json'), 'utf8')));
  await Promise.all([
    symlink(path.join(ROOT, 'functions'), path.join(folder, 'functions')),
    symlink(files.firestoreRules, path.join(folder, 'firestore.rules')),
    symlink(files.storageRules, path.join(folder, 'storage.rules')),
    writeFile(
      path.join(folder, 'firebase.json'),
      JSON.stringify(
        {
          functions: config.functions,
          firestore: { rules: 'firestore.rules' },
          storage: { rules: 'storage.rules' },
          emulators: emulatorsConfig(ports, singleProjectMode),
        },
        null,
        2,
      ),
    ),
  ]);
  return folder;
}
