/**
 * The whole platform on one machine: the official emulator suite with our functions in it, and the realtime server, as
 * one group that starts together, is watched, and ends together. `npm start`, the tests and the benches all start it here.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { buildFunctions } from '@playnite/functions/build';
import { type DataFolder, openDataFolder } from './data.ts';
import { type Emulators, findEmulators } from './discover.ts';
import { JAVA_FIREBASE_TOOLS, type Java, findJava, writeJavaShim } from './java.ts';
import { writeJar } from './jar.ts';
import { BIN, CACHE, ROOT } from './paths.ts';
import { HOST, type Part, type Ports, assertFree, freePorts } from './ports.ts';
import { RUN_VARIABLE, isAlive, killRun, processesOf } from './processes.ts';
import { waitUntilReady } from './ready.ts';
import { buildRulesHost, checkRules } from './rules-engine.ts';
import { type RunFiles, rulesFiles, writeRunDir } from './rundir.ts';
import { type Addresses } from './running.ts';
import { retiring } from './retire.ts';
import { fireSchedule, loadSchedules, runSchedules } from './schedules.ts';
import { StartError } from './start-error.ts';
import { type Supervised, failureOf, supervise } from './supervised.ts';

/** Two slow cores with a cold disk cache take about 30 s. */
const START_MAX_MS = 120_000;
/** An export of a large data set included. */
const STOP_GRACE_MS = 20_000;
const WATCH_EVERY_MS = 1_000;
const FIRESTORE_MAIN_CLASS = 'com.google.cloud.datastore.emulator.firestore.CloudFirestore';
const EMULATED: readonly Part[] = ['auth', 'firestore', 'storage', 'functions', 'pubsub', 'tasks', 'eventarc'];
/** At 1 a function that calls a function waits for itself; unbounded, a burst starts dozens of processes. */
const FUNCTIONS_AT_ONCE = 4;

export interface PlatformOptions {
  /** Must begin with `demo-`: such a project never touches the real cloud. */
  projectId: string;
  /** Where the parts listen; `free` takes any ports that are free. */
  ports: Ports | 'free';
  /** Keeps the data between runs; without it a run begins and ends empty. */
  dataDir?: string;
  /** Whether scheduled functions run by themselves; tests fire them when they want to. */
  schedules?: boolean;
  /** Other rules than the checkout's, as absolute paths. */
  rules?: Partial<RunFiles>;
  /** More variables for the functions and the realtime server. */
  env?: Record<string, string>;
  log: (line: string) => void;
  signal?: AbortSignal;
}

export interface Platform extends AsyncDisposable {
  projectId: string;
  bucket: string;
  addresses: Addresses;
  /** What the Admin SDK and the Google Cloud clients need to find the emulators. */
  env: Record<string, string>;
  /** Whether the data folder had nothing in it. */
  fresh: boolean;
  /** Settles when a part has ended by itself. */
  failed: Promise<StartError>;
  /** Runs a scheduled function now, and waits for its end. */
  fireSchedule(name: string): Promise<void>;
  /** Marks every process of this run in its environment, as `PLAYNITE_RUN`. */
  run: string;
  stop(): Promise<void>;
}

/** The bucket that Firebase gives a project by default. */
export const bucketOf = (projectId: string): string => `${projectId}.appspot.com`;

/**
 * Starts everything and resolves when each part answers.
 *
 * @throws {StartError} a sentence for each thing that a person can put right
 */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const { projectId, log } = options;
  if (!projectId.startsWith('demo-')) {
    throw new StartError(
      'not-a-demo-project',
      `The emulators run demo projects only; ${projectId} does not begin with "demo-".`,
    );
  }
  const stack = new AsyncDisposableStack();
  try {
    return await start(options, stack);
  } catch (error) {
    await stack.disposeAsync();
    if (options.signal?.aborted) throw error;
    if (error instanceof Error && error.name === 'TimeoutError') {
      throw new StartError('start-timeout', `The platform did not answer within ${START_MAX_MS / 1000} s.`, error);
    }
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') {
      throw new StartError('disk', 'There is no space left on the disk.', error);
    }
    throw error;
  } finally {
    log('');
  }
}

async function start(options: PlatformOptions, stack: AsyncDisposableStack): Promise<Platform> {
  const { projectId, log } = options;
  const run = `${projectId}-${randomUUID().slice(0, 8)}`;
  const bucket = bucketOf(projectId);
  const ports = options.ports === 'free' ? await freePorts() : options.ports;
  if (options.ports !== 'free') await assertFree(ports);
  const [java, data] = await Promise.all([
    findJava(process.env),
    options.dataDir === undefined ? undefined : openDataFolder(options.dataDir),
  ]);
  const emulators = await findEmulators(process.env);
  log(`Firestore and Pub/Sub emulators: ${emulators.firestore.source}; Java ${java.major}`);
  if (!(await hasVideoTools()))
    log('ffmpeg and ffprobe are not on the path: everything works but the upload of videos');
  const files = { ...(await rulesFiles()), ...options.rules };
  const [storageRules] = await Promise.all([prepareRules(java, emulators, files, log), buildFunctions()]);
  const folder = await writeRunDir(run, { ports, files, singleProjectMode: options.ports !== 'free' });
  stack.defer(() => rm(folder, { recursive: true, force: true }));

  const addresses = addressesOf(ports);
  const clientEnv = clientEnvironment(projectId, bucket, addresses);
  const logs = path.join(CACHE, 'logs', run);
  await mkdir(logs, { recursive: true });
  stack.defer(() => killRun(run));
  // The Storage emulator keeps its files in one folder of the temporary directory, whoever runs it, and removes that when it
  // stops: without a directory of its own, a run that ends would take the files of every other with it. A short name, since
  // the path of a socket, which also stands there, may have a hundred characters.
  const scratch = await mkdtemp(path.join(tmpdir(), 'pn-'));
  stack.defer(() => rm(scratch, { recursive: true, force: true }));

  const complete = Promise.withResolvers<void>();
  const suite = supervise({
    name: 'The emulator suite',
    command: path.join(BIN, 'firebase'),
    args: suiteArguments(projectId, data),
    cwd: folder,
    env: {
      ...process.env,
      ...retiring({ projectId, functionsPort: ports.functions }),
      // Where the links of shares lead; in the cloud, the function knows its own address.
      PUBLIC_URL: `http://${HOST}:${ports.functions}/${projectId}/us-central1/social-open`,
      ...options.env,
      [RUN_VARIABLE]: run,
      TMPDIR: scratch,
      ...(await suiteEnvironment(java, emulators, storageRules, log)),
    },
    logFile: path.join(logs, 'emulators.log'),
    // Said when the last function is loaded; until then the functions emulator answers and runs nothing.
    onLine: (line) => line.includes('All emulators ready') && complete.resolve(),
  });
  stack.defer(() => stopSuite(suite, run, data));

  // Whatever ends the start also ends the asking.
  const givenUp = new AbortController();
  stack.defer(() => givenUp.abort(new Error('the start was given up')));
  const started = AbortSignal.any([
    AbortSignal.timeout(START_MAX_MS),
    givenUp.signal,
    ...(options.signal ? [options.signal] : []),
  ]);
  const onReady = (part: Part) => log(`ready: ${part} ${HOST}:${ports[part]}`);
  const ready = { ports, projectId, bucket, signal: started };
  await unlessEnded(suite, Promise.all([complete.promise, waitUntilReady(EMULATED, ready, onReady)]));

  const realtime = supervise({
    name: 'The realtime server',
    command: path.join(BIN, 'node'),
    args: [path.join(ROOT, 'realtime-server', 'src', 'main.ts')],
    env: {
      ...process.env,
      ...options.env,
      ...clientEnv,
      [RUN_VARIABLE]: run,
      HOST,
      PORT: String(ports.realtime),
    },
    logFile: path.join(logs, 'realtime.log'),
  });
  stack.defer(() => realtime.stop(STOP_GRACE_MS));
  await unlessEnded(realtime, waitUntilReady(['realtime'], ready, onReady));

  const schedules = await loadSchedules(ports.functions);
  const stopping = new AbortController();
  const firing = { projectId, functionsPort: ports.functions, signal: stopping.signal };
  if (options.schedules) {
    void runSchedules(schedules, firing, (name, error) => log(`the schedule of ${name} failed: ${String(error)}`));
  }
  const { promise: failed, resolve: fail } = Promise.withResolvers<StartError>();
  for (const part of [suite, realtime]) {
    void part.exited.then(async (code) => {
      if (!stopping.signal.aborted) fail(await failureOf(part, code));
    });
  }
  void watchJava(run, stopping.signal).then((command) => {
    if (command !== undefined)
      fail(new StartError('part-failed', `A part of the emulator suite ended by itself: ${command}`));
  });

  // From here on the platform's own stop is the only one who ends it.
  const owned = stack.move();
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopping.abort();
    return (stopped ??= owned.disposeAsync());
  };
  return {
    projectId,
    bucket,
    addresses,
    env: clientEnv,
    fresh: data?.importFrom === undefined,
    failed,
    run,
    async fireSchedule(name) {
      const schedule = schedules.find((each) => each.name === name);
      if (!schedule) throw new Error(`no function ${name} has a schedule`);
      await fireSchedule(schedule, { projectId, functionsPort: ports.functions });
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function hasVideoTools(): Promise<boolean> {
  const run = promisify(execFile);
  const found = await Promise.allSettled(['ffmpeg', 'ffprobe'].map((tool) => run(tool, ['-version'])));
  return found.every(({ status }) => status === 'fulfilled');
}

/** firebase-tools goes on when one of its Java programs dies, and answers for it no more; so they are watched here. */
async function watchJava(run: string, signal: AbortSignal): Promise<string | undefined> {
  const programs = processesOf(run).filter(({ command }) => /^\S*java\s/.test(command));
  while (!signal.aborted) {
    const gone = programs.find(({ pid }) => !isAlive(pid));
    if (gone) return gone.command;
    await sleep(WATCH_EVERY_MS, undefined, { signal, ref: false }).catch(() => {});
  }
  return undefined;
}

const addressesOf = (ports: Ports): Addresses => {
  const at = (part: Part) => `${HOST}:${ports[part]}`;
  return {
    auth: at('auth'),
    firestore: at('firestore'),
    storage: at('storage'),
    functions: at('functions'),
    pubsub: at('pubsub'),
    tasks: at('tasks'),
    eventarc: at('eventarc'),
    hub: at('hub'),
    realtime: at('realtime'),
  };
};

function clientEnvironment(projectId: string, bucket: string, addresses: Addresses): Record<string, string> {
  return {
    GCLOUD_PROJECT: projectId,
    GOOGLE_CLOUD_PROJECT: projectId,
    FIREBASE_CONFIG: JSON.stringify({ projectId, storageBucket: bucket }),
    FIREBASE_AUTH_EMULATOR_HOST: addresses.auth,
    FIRESTORE_EMULATOR_HOST: addresses.firestore,
    FIREBASE_STORAGE_EMULATOR_HOST: addresses.storage,
    STORAGE_EMULATOR_HOST: `http://${addresses.storage}`,
    PUBSUB_EMULATOR_HOST: addresses.pubsub,
    CLOUD_TASKS_EMULATOR_HOST: addresses.tasks,
    METADATA_SERVER_DETECTION: 'none',
  };
}

/** The official rules runtime, or our host of the engine; both rules files are compiled before anything starts. */
async function prepareRules(
  java: Java,
  emulators: Emulators,
  files: RunFiles,
  log: (line: string) => void,
): Promise<string> {
  let host: string;
  try {
    host = await buildRulesHost(java, emulators.firestore.path);
  } catch (error) {
    // With the official runtime at hand a JDK is only needed for telling faults early.
    if (emulators.storageRules && error instanceof StartError && error.code === 'jdk-missing')
      return emulators.storageRules.path;
    throw error;
  }
  await checkRules(java, host, [files.firestoreRules, files.storageRules]);
  if (emulators.storageRules) return emulators.storageRules.path;
  log('Storage rules: the rules engine of the Firestore emulator, hosted (the official Storage runtime is not here)');
  return host;
}

function suiteArguments(projectId: string, data: DataFolder | undefined): string[] {
  const args = ['emulators:start', '--project', projectId, '--only', EMULATED.join(',')];
  if (data) args.push(`--export-on-exit=${data.exportTo}`);
  if (data?.importFrom !== undefined) args.push(`--import=${data.importFrom}`);
  return args;
}

async function suiteEnvironment(
  java: Java,
  emulators: Emulators,
  storageRules: string,
  log: (line: string) => void,
): Promise<Record<string, string>> {
  const fromSdk = emulators.firestore.source === 'Google Cloud SDK';
  const folders = [BIN, process.env['PATH'] ?? ''];
  if (path.isAbsolute(java.command)) folders.unshift(path.dirname(java.command));
  if (java.major < JAVA_FIREBASE_TOOLS) {
    if (!fromSdk) {
      throw new StartError(
        'java-too-old',
        `firebase-tools and the Firestore emulator it downloads need Java ${JAVA_FIREBASE_TOOLS} or newer; this is ${java.major}.`,
      );
    }
    folders.unshift(await writeJavaShim(java));
    log(
      `firebase-tools asks for Java ${JAVA_FIREBASE_TOOLS}; these emulators run on ${java.major}, so it is told so (emulators/src/java.ts)`,
    );
  }
  return {
    PATH: folders.join(path.delimiter),
    FIRESTORE_EMULATOR_BINARY_PATH: fromSdk
      ? await writeJar('firestore', { mainClass: FIRESTORE_MAIN_CLASS, classPath: [emulators.firestore.path] })
      : emulators.firestore.path,
    PUBSUB_EMULATOR_BINARY_PATH: emulators.pubsub.path,
    STORAGE_EMULATOR_BINARY_PATH: storageRules,
    // Without this every process looks for a metadata server for seconds.
    METADATA_SERVER_DETECTION: 'none',
    FUNCTIONS_EMULATOR_PARALLEL: String(FUNCTIONS_AT_ONCE),
    // Each function has a process of its own, and they all load the same modules: a fifth of a cold start's work saved.
    NODE_COMPILE_CACHE: path.join(CACHE, 'compiled'),
    FIREBASE_CLI_DISABLE_UPDATE_CHECK: 'true',
    NO_UPDATE_NOTIFIER: '1',
  };
}

async function unlessEnded(part: Supervised, work: Promise<unknown>): Promise<void> {
  const ended = part.exited.then(async (code): Promise<never> => {
    throw await failureOf(part, code);
  });
  await Promise.race([work, ended]);
  // The part will end some day; that is then no failure of the start.
  ended.catch(() => {});
}

/**
 * Stops the suite. Pub/Sub goes first and by our hand: when firebase-tools fails to stop it, it kills every process of
 * the machine whose command line says `pubsub-emulator`, those of other runs included.
 */
async function stopSuite(suite: Supervised, run: string, data: DataFolder | undefined): Promise<void> {
  for (const { pid, command } of processesOf(run)) {
    // The program itself or the script that starts it, not somebody who merely has it among its arguments.
    if (!/java .*pubsub-emulator|sh .*cloud-pubsub-emulator/.test(command)) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself in the meantime.
    }
  }
  await sleep(50);
  await suite.stop(STOP_GRACE_MS);
  await data?.keepExport();
}
