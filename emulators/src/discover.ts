/**
 * Finds the official emulators that firebase-tools does not carry inside: Firestore and Pub/Sub, and the Storage rules
 * runtime. In this order: what an environment variable names, the cache of firebase-tools, an installed Google Cloud
 * SDK, a download by firebase-tools.
 */
import { execFile } from 'node:child_process';
import { access, readdir, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { BIN } from './paths.ts';
import { StartError } from './start-error.ts';

const run = promisify(execFile);

/** A download that takes longer is given up: there is no network, or none worth waiting for. */
const DOWNLOAD_MAX_MS = 120_000;

export type Source = 'environment' | 'firebase-tools cache' | 'Google Cloud SDK' | 'download';

export interface Located {
  path: string;
  source: Source;
}

export interface Emulators {
  firestore: Located;
  pubsub: Located;
  /** The official Storage rules runtime, when it is there; else the engine inside the Firestore emulator is hosted. */
  storageRules: Located | undefined;
}

const VARIABLES = {
  firestore: 'FIRESTORE_EMULATOR_BINARY_PATH',
  pubsub: 'PUBSUB_EMULATOR_BINARY_PATH',
  storageRules: 'STORAGE_EMULATOR_BINARY_PATH',
} as const;

const exists = async (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** What an environment variable names; naming a file that is not there is a mistake worth telling. */
async function fromEnvironment(env: NodeJS.ProcessEnv, variable: string): Promise<Located | undefined> {
  const file = env[variable];
  if (!file) return undefined;
  if (!(await exists(file))) throw new StartError('emulator-missing', `${variable} names ${file}, which is not there.`);
  return { path: path.resolve(file), source: 'environment' };
}

/** The newest of the files in firebase-tools' cache that `pattern` fits; `inner` is the program's place in a folder. */
async function fromCache(env: NodeJS.ProcessEnv, pattern: RegExp, inner = ''): Promise<Located | undefined> {
  const cache = env['FIREBASE_EMULATORS_PATH'] ?? path.join(homedir(), '.cache', 'firebase', 'emulators');
  const names = await readdir(cache).catch(() => []);
  const newest = names
    .filter((name) => pattern.test(name))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .at(-1);
  if (newest === undefined) return undefined;
  const file = path.join(cache, newest, inner);
  return (await exists(file)) ? { path: file, source: 'firebase-tools cache' } : undefined;
}

/** The SDK's root: where its environment variable says, or two folders above the resolved `gcloud`. */
async function sdkRoot(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (env['CLOUDSDK_ROOT_DIR']) return env['CLOUDSDK_ROOT_DIR'];
  for (const folder of (env['PATH'] ?? '').split(path.delimiter)) {
    const gcloud = path.join(folder, 'gcloud');
    if (folder && (await exists(gcloud))) return path.dirname(path.dirname(await realpath(gcloud)));
  }
  return undefined;
}

async function fromSdk(env: NodeJS.ProcessEnv, inner: string): Promise<Located | undefined> {
  const root = await sdkRoot(env);
  if (root === undefined) return undefined;
  const file = path.join(root, 'platform', inner);
  return (await exists(file)) ? { path: file, source: 'Google Cloud SDK' } : undefined;
}

interface Wanted {
  what: string;
  variable: string;
  cache: [pattern: RegExp, inner?: string];
  sdk: string;
  setup: string;
  debianPackage: string;
}

const FIRESTORE: Wanted = {
  what: 'Firestore',
  variable: VARIABLES.firestore,
  cache: [/^cloud-firestore-emulator-v.*\.jar$/],
  sdk: 'cloud-firestore-emulator/cloud-firestore-emulator.jar',
  setup: 'firestore',
  debianPackage: 'google-cloud-cli-firestore-emulator',
};

const PUBSUB: Wanted = {
  what: 'Pub/Sub',
  variable: VARIABLES.pubsub,
  cache: [/^pubsub-emulator-[\d.]+$/, 'pubsub-emulator/bin/cloud-pubsub-emulator'],
  sdk: 'pubsub-emulator/bin/cloud-pubsub-emulator',
  setup: 'pubsub',
  debianPackage: 'google-cloud-cli-pubsub-emulator',
};

async function locate(env: NodeJS.ProcessEnv, wanted: Wanted, download: Download): Promise<Located> {
  const found =
    (await fromEnvironment(env, wanted.variable)) ??
    (await fromCache(env, ...wanted.cache)) ??
    (await fromSdk(env, wanted.sdk));
  if (found) return found;
  if (await download(wanted.setup)) {
    const downloaded = await fromCache(env, ...wanted.cache);
    if (downloaded) return { ...downloaded, source: 'download' };
  }
  throw new StartError(
    'emulator-missing',
    `The official ${wanted.what} emulator is not on this machine and could not be downloaded. Either install it with ` +
      `the Google Cloud SDK ("gcloud components install cloud-firestore-emulator pubsub-emulator", or Debian's ` +
      `${wanted.debianPackage} package from Google's repository), or run ` +
      `"npx firebase setup:emulators:${wanted.setup}" where there is a network, or set ${wanted.variable}.`,
  );
}

/** Fetches an emulator into firebase-tools' cache; false when it cannot be had. */
export type Download = (name: string) => Promise<boolean>;

const downloadWithFirebaseTools: Download = async (name) => {
  try {
    await run(path.join(BIN, 'firebase'), [`setup:emulators:${name}`], { timeout: DOWNLOAD_MAX_MS });
    return true;
  } catch {
    return false;
  }
};

/**
 * Finds all of them.
 *
 * @throws {StartError} `emulator-missing`, saying what to install and how
 */
export async function findEmulators(
  env: NodeJS.ProcessEnv,
  download: Download = downloadWithFirebaseTools,
): Promise<Emulators> {
  const firestore = await locate(env, FIRESTORE, download);
  const pubsub = await locate(env, PUBSUB, download);
  const storageRules =
    (await fromEnvironment(env, VARIABLES.storageRules)) ??
    (await fromCache(env, /^cloud-storage-rules-runtime-v.*\.jar$/));
  return { firestore, pubsub, storageRules };
}
