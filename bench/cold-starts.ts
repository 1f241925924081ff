import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';

// Only what the bundle loads anyway stands above: this file is also the process whose start is measured.

const RUNS = 5;
const SEED = 29_000;
const BUNDLE = new URL('../functions/lib/index.js', import.meta.url).href;

/** What the first invocation in a process can be the first to need. */
const PARTS = ['firestore', 'storage', 'auth', 'pubsub', 'tasks', 'images', 'classifier', 'text'] as const;
type Part = (typeof PARTS)[number];

/** Functions that need the same things, named by one of them. */
const GROUPS: Record<string, readonly Part[]> = {
  'document triggers (content-onTicketWritten)': ['pubsub', 'tasks'],
  'event handlers (social-onContentPublished)': ['firestore', 'pubsub'],
  'arrival of a file (content-onUploadFinalized)': ['firestore', 'storage'],
  'callables (moderation-decide)': ['firestore', 'auth'],
  'pipeline (content-runPipeline)': ['firestore', 'storage', 'pubsub', 'images'],
  'screening (moderation-onScreeningRequested)': ['firestore', 'storage', 'images', 'classifier', 'text'],
};

/** What something took, in ms; `cpu` is of all threads. */
const spent = z.object({ wall: z.number(), cpu: z.number() });
type Spent = z.infer<typeof spent>;

/** What each part took in one process, its first use less its second; memory in MB. */
const uses = z.object({ parts: z.record(z.string(), spent), memory: z.number() });
type Uses = z.infer<typeof uses>;

/** The start of Node and the import of the bundle, told in the shape of `Spent`; no TypeScript, which would take its own time. */
const LOAD = `await import(${JSON.stringify(BUNDLE)});
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ wall: performance.now(), cpu: (user + system) / 1000 }));`;

/** A topic that nobody hears. */
const TOPIC = 'bench-cold-starts';

/** How each part is used, by the functions' own code. */
async function usesOf(wanted: readonly Part[]): Promise<[Part, () => Promise<unknown>][]> {
  const [{ uploadAt }, { context }, { renderImage }, { nsfwjsClassifier }] = await Promise.all([
    import('@playnite/contracts/documents'),
    import('../functions/src/platform/context.ts'),
    import('../functions/src/content/render-image.ts'),
    import('../functions/src/moderation/classify-image.ts'),
  ]);
  const ctx = await context();
  const photo = Buffer.from(process.env['BENCH_PHOTO'] ?? '', 'base64');
  const classify = nsfwjsClassifier();
  const envelope = { id: 'bench', name: TOPIC, version: 1, at: new Date().toISOString(), data: {} };
  let tasks = 0;
  const uses: Record<Part, () => Promise<unknown>> = {
    firestore: () => ctx.documents.get(uploadAt('bench')),
    storage: () => ctx.objects.stat('bench'),
    auth: () => ctx.accounts.roleOf('bench'),
    pubsub: () => ctx.publish([{ envelope, topics: [TOPIC], orderingKey: '' }]),
    tasks: () => {
      tasks += 1;
      // A task for an upload that there is not: nothing follows.
      const id = `bench-${process.pid}-${tasks}`;
      return ctx.enqueue([{ functionName: 'content-runPipeline', id, data: { uploadId: 'bench' } }]);
    },
    images: () => renderImage(photo),
    classifier: () => classify(photo),
    text: async () => (await import('../functions/src/moderation/screen-words.ts')).screenWords({ title: 'A lake' }),
  };
  return wanted.map((part) => [part, uses[part]]);
}

/** A process as a function's: the bundle first, then what it needs, one after the other. */
async function useOnce(wanted: readonly Part[]): Promise<Uses> {
  await import(BUNDLE);
  const parts: Record<string, Spent> = {};
  for (const [part, use] of await usesOf(wanted)) {
    const [first, second] = [await timed(use), await timed(use)];
    parts[part] = { wall: Math.max(0, first.wall - second.wall), cpu: Math.max(0, first.cpu - second.cpu) };
  }
  return { parts, memory: process.memoryUsage.rss() / 2 ** 20 };
}

async function timed(use: () => Promise<unknown>): Promise<Spent> {
  const [started, before] = [performance.now(), process.cpuUsage()];
  await use();
  const { user, system } = process.cpuUsage(before);
  return { wall: performance.now() - started, cpu: (user + system) / 1000 };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const medianOf = (all: readonly Spent[]): Spent => ({
  wall: median(all.map(({ wall }) => wall)),
  cpu: median(all.map(({ cpu }) => cpu)),
});
const added = (all: readonly Spent[]): Spent => ({
  wall: all.reduce((sum, { wall }) => sum + wall, 0),
  cpu: all.reduce((sum, { cpu }) => sum + cpu, 0),
});
const shown = ({ wall, cpu }: Spent): string => `${Math.round(wall)} (${Math.round(cpu)})`;

/**
 * How much longer the first invocation of a function takes than those after it: Node's own start, the bundle, and the first use
 * of each SDK and model that such a function needs, with the emulators behind them. Lines of a Markdown table, in ms, with
 * the processor time in brackets, which a busy machine changes less.
 *
 * Each figure is a median of processes that did nothing else, one at a time; not in it is what the cloud takes to find a
 * machine and to fetch the container. The parts are used in turn, where a function may use some of them side by side.
 */
export async function benchColdStarts(): Promise<string[]> {
  const [{ startPlatform }, { makePhoto }] = await Promise.all([
    import('@playnite/emulators'),
    import('@playnite/emulators/photos'),
  ]);
  const { bytes } = await makePhoto({ scene: 'lake', seed: SEED, width: 640, height: 480 });
  await using platform = await startPlatform({
    projectId: `demo-bench-${process.pid}`,
    ports: 'free',
    log: () => {},
  });
  const env = { ...process.env, ...platform.env, BENCH_PHOTO: bytes.toString('base64') };
  const run = async (args: readonly string[]): Promise<unknown> => {
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    // The classifier says on the same stream which model it takes.
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as unknown;
  };
  const load = async (): Promise<Spent> => spent.parse(await run(['--input-type=module', '--eval', LOAD]));
  const use = async (parts: readonly Part[]): Promise<Uses> =>
    uses.parse(await run([fileURLToPath(import.meta.url), ...parts]));
  const repeated = async <T>(work: () => Promise<T>): Promise<T[]> => {
    const results: T[] = [];
    for (let count = 0; count < RUNS; count += 1) results.push(await work());
    return results;
  };

  // Makes the topic, and fills the file cache.
  await use(PARTS);
  const loaded = medianOf(await repeated(load));
  const rows: string[] = [];
  for (const [group, parts] of Object.entries(GROUPS)) {
    const runs = await repeated(() => use(parts));
    const spentOn = new Map(parts.map((part) => [part, medianOf(runs.flatMap((each) => each.parts[part] ?? []))]));
    const cells = PARTS.map((part) => {
      const cell = spentOn.get(part);
      return cell ? shown(cell) : '';
    });
    const memory = Math.round(median(runs.map((each) => each.memory)));
    rows.push(
      `| ${[group, shown(added([loaded, ...spentOn.values()])), shown(loaded), ...cells, memory].join(' | ')} |`,
    );
  }
  const titles = ['in all, ms (CPU)', 'Node and bundle', ...PARTS, 'memory, MB'];
  return [`| function | ${titles.join(' | ')} |`, `| --- |${titles.map(() => ' ---: |').join('')}`, ...rows];
}

if (import.meta.main) {
  const wanted = process.argv.slice(2);
  console.log(JSON.stringify(await useOnce(PARTS.filter((part) => wanted.includes(part)))));
  // The SDKs keep their connections open.
  process.exit();
}
