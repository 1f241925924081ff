/** A metered platform with people in it, for the benches of the social service. */
import { readFile } from 'node:fs/promises';
import { startPlatform } from '@playnite/emulators';
import { type Client, connectClient } from '@playnite/emulators/client';
import { initializeApp } from 'firebase-admin/app';
import { type Firestore, getFirestore } from 'firebase-admin/firestore';
import { type Cost, costsOf, untilQuiet } from './metering.ts';

/** What an action costs in all: the units of the bill. */
export interface Bill {
  invocations: number;
  reads: number;
  writes: number;
  deletes: number;
  messages: number;
  tasks: number;
}

export interface Bench extends AsyncDisposable {
  db: Firestore;
  run: string;
  connect(name: string): Promise<Client>;
  /** Does something, waits until the platform is quiet, and says what the functions cost, one by one. */
  costs(work: () => Promise<unknown>): Promise<Map<string, Cost>>;
  quiet(): Promise<void>;
  /** Publications that the live stream has handed to clients so far, for each that got one. */
  delivered(): Promise<number>;
}

/** Starts a platform whose functions log what they cost. */
export async function startBench(): Promise<Bench> {
  await using stack = new AsyncDisposableStack();
  const platform = stack.use(
    await startPlatform({
      projectId: `demo-bench-${process.pid}`,
      ports: 'free',
      env: { METER: 'true' },
      log: () => {},
    }),
  );
  Object.assign(process.env, platform.env);
  const db = getFirestore(initializeApp({ projectId: platform.projectId }, platform.run));
  const log = new URL(`../.cache/logs/${platform.run}/emulators.log`, import.meta.url);
  const owned = stack.move();
  return {
    db,
    run: platform.run,
    async connect(name) {
      const client = await connectClient(platform, name);
      owned.defer(() => client.close());
      await client.createProfile(`${name}_bench`, name);
      return client;
    },
    async costs(work) {
      await untilQuiet(log);
      const { length } = await readFile(log);
      await work();
      await untilQuiet(log);
      return costsOf((await readFile(log)).subarray(length).toString());
    },
    quiet: () => untilQuiet(log),
    async delivered() {
      const metrics = await (await fetch(`http://${platform.addresses.realtime}/metrics`)).text();
      return Number(/^realtime_delivered_total\S* (\d+)$/m.exec(metrics)?.[1]);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Adds up what functions cost; `only` some of them. */
export function billOf(costs: ReadonlyMap<string, Cost>, only: (name: string) => boolean = () => true): Bill {
  const chosen = [...costs].filter(([name]) => only(name)).map(([, cost]) => cost);
  const sum = (of: (cost: Cost) => number) => chosen.reduce((total, cost) => total + of(cost), 0);
  const counted = (what: string) => sum(({ counts }) => counts.get(what) ?? 0);
  return {
    invocations: sum(({ invocations }) => invocations),
    reads: counted('documents.reads'),
    writes: counted('documents.writes'),
    deletes: counted('documents.deletes'),
    messages: counted('published'),
    tasks: counted('enqueued'),
  };
}

const COLUMNS = ['invocations', 'reads', 'writes', 'deletes', 'messages', 'tasks'] as const;

/** Bills as lines of a Markdown table. */
export function billTable(bills: readonly (readonly [what: string, bill: Bill])[]): string[] {
  return [
    `| | ${COLUMNS.join(' | ')} |`,
    `| --- |${COLUMNS.map(() => ' ---: |').join('')}`,
    ...bills.map(
      ([what, bill]) => `| ${what} | ${COLUMNS.map((column) => bill[column].toLocaleString('en')).join(' | ')} |`,
    ),
  ];
}
