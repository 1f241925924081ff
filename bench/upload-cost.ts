import { readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { contentPublished, notificationCreated } from '@playnite/contracts/events';
import { userChannel } from '@playnite/contracts/realtime';
import { startPlatform } from '@playnite/emulators';
import { type Client, type Heard, connectClient } from '@playnite/emulators/client';
import { type SceneName, makePhoto } from '@playnite/emulators/photos';
import { z } from 'zod';

/** The platform counts as quiet when no function runs and its log has not grown for this long. */
const QUIET_MS = 5_000;
const LOOK_EVERY_MS = 500;
const QUIET_WAIT_MAX_MS = 90_000;
/** Photos that no other file of the project paints. */
const FIRST_SEED = 26_000;

/** The table's columns, and what adds up to each. */
const COLUMNS = {
  reads: ['documents.reads'],
  writes: ['documents.writes'],
  deletes: ['documents.deletes'],
  'class A': ['objects.writes', 'objects.lists'],
  'class B': ['objects.reads'],
  removals: ['objects.removes'],
  messages: ['published'],
  tasks: ['enqueued'],
} as const;

const metered = z.object({
  message: z.literal('metered'),
  what: z.string(),
  count: z.number(),
  by: z.string(),
});

/** What one function did: how often it ran, and what it cost by kind. */
interface Cost {
  invocations: number;
  counts: Map<string, number>;
}

/** The emulators name functions with their region, the functions themselves without. */
const STARTED = /Beginning execution of "(?:us-central1-)?([^"]+)"/;

function costsOf(log: string): Map<string, Cost> {
  const costs = new Map<string, Cost>();
  const costOf = (name: string): Cost => {
    const known = costs.get(name) ?? { invocations: 0, counts: new Map<string, number>() };
    costs.set(name, known);
    return known;
  };
  for (const line of log.split('\n')) {
    const started = STARTED.exec(line)?.[1];
    if (started !== undefined) costOf(started).invocations += 1;
    if (!line.includes('"metered"')) continue;
    const { what, count, by } = metered.parse(JSON.parse(line.slice(line.indexOf('{'))));
    const { counts } = costOf(by.replace(/^us-central1-/, ''));
    counts.set(what, (counts.get(what) ?? 0) + count);
  }
  return costs;
}

/** @throws {Error} when nothing was counted, which then is a fault of the counting */
function tableOf(costs: Map<string, Cost>): string[] {
  const numbers = ({ invocations, counts }: Cost): number[] => [
    invocations,
    ...Object.values(COLUMNS).map((kinds) => kinds.reduce((sum, kind) => sum + (counts.get(kind) ?? 0), 0)),
  ];
  const rows = [...costs]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([name, cost]): [string, number[]] => [name, numbers(cost)]);
  const titles = ['invocations', ...Object.keys(COLUMNS)];
  const total = titles.map((_, at) => rows.reduce((sum, [, row]) => sum + (row[at] ?? 0), 0));
  if (total.slice(0, 3).includes(0)) throw new Error('the functions ran, read or wrote nothing that was logged');
  return [
    `| function | ${titles.join(' | ')} |`,
    `| --- |${titles.map(() => ' ---: |').join('')}`,
    ...rows.map(([name, row]) => `| ${name} | ${row.map((value) => value || '').join(' | ')} |`),
    `| **in all** | ${total.map((value) => `**${value}**`).join(' | ')} |`,
  ];
}

/** @throws {Error} when the platform does not come to rest */
async function untilQuiet(log: URL): Promise<void> {
  const deadline = Date.now() + QUIET_WAIT_MAX_MS;
  let seen = { size: -1, at: Date.now() };
  while (Date.now() < deadline) {
    const { size } = await stat(log);
    if (size !== seen.size) seen = { size, at: Date.now() };
    else if (Date.now() - seen.at >= QUIET_MS && !(await isBusy(log))) return;
    await sleep(LOOK_EVERY_MS);
  }
  throw new Error(`the platform was not quiet within ${QUIET_WAIT_MAX_MS / 1000} s`);
}

async function isBusy(log: URL): Promise<boolean> {
  const text = await readFile(log, 'utf8');
  const times = (words: RegExp) => text.match(words)?.length ?? 0;
  return times(/Beginning execution of "/g) > times(/Finished "/g);
}

/** Uploads a photo and resolves when the follower has it in the feed and was notified. */
async function publish(creator: Client, follower: Client, scene: SceneName, seed: number): Promise<void> {
  const photo = await makePhoto({ scene, seed });
  const { uploadId, ticket } = await creator.upload(photo);
  if (ticket['status'] !== 'published') throw new Error(`the upload ended as ${JSON.stringify(ticket)}`);
  const isOfIt = (type: string) => (heard: Heard) =>
    heard.channel === userChannel(follower.uid) &&
    heard.publication.type === type &&
    (heard.publication.data as Record<string, unknown>)['contentId'] === uploadId;
  await Promise.all([
    follower.sees(`users/${follower.uid}/feed/${uploadId}`, () => true),
    follower.hears('the photo', isOfIt(contentPublished.name)),
    follower.hears('the notification', isOfIt(notificationCreated.name)),
  ]);
}

/**
 * What one published photo costs on the bill when its creator has one follower, function by function: Firestore's operations,
 * Cloud Storage's, Pub/Sub messages, tasks and invocations. As lines of a Markdown table.
 *
 * Counted in what the functions themselves call (`functions/src/platform/meter.ts`): the clients' own reads and writes and the
 * look-ups of the security rules come on top. A photo before it has every function started, so that nothing is counted
 * that happens once a process.
 */
export async function benchUploadCost(): Promise<string[]> {
  await using platform = await startPlatform({
    projectId: `demo-bench-${process.pid}`,
    ports: 'free',
    env: { METER: 'true' },
    log: () => {},
  });
  const log = new URL(`../.cache/logs/${platform.run}/emulators.log`, import.meta.url);
  await using clients = new AsyncDisposableStack();
  const connect = async (name: string): Promise<Client> => {
    const client = await connectClient(platform, name);
    clients.defer(() => client.close());
    await client.createProfile(`${name}_bench`, name);
    return client;
  };
  const creator = await connect('mara');
  const follower = await connect('jonas');
  await follower.follow(creator.uid);
  await creator.hears('the new follower', ({ publication }) => publication.type === notificationCreated.name);

  await publish(creator, follower, 'lake', FIRST_SEED);
  await untilQuiet(log);
  const { length } = await readFile(log);
  await publish(creator, follower, 'dunes', FIRST_SEED + 1);
  await untilQuiet(log);
  return tableOf(costsOf((await readFile(log)).subarray(length).toString()));
}
