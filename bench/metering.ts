/** What the functions of a platform cost, read from what they log when `METER=true`: see functions/src/platform/meter.ts. */
import { readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

/** The platform counts as quiet when no function runs and its log has not grown for this long. */
const QUIET_MS = 5_000;
const LOOK_EVERY_MS = 500;
const QUIET_WAIT_MAX_MS = 300_000;
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
export interface Cost {
  invocations: number;
  counts: Map<string, number>;
}

/** The emulators name functions with their region, the functions themselves without. */
const STARTED = /Beginning execution of "(?:us-central1-)?([^"]+)"/;

export function costsOf(log: string): Map<string, Cost> {
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
export function tableOf(costs: Map<string, Cost>): string[] {
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
export async function untilQuiet(log: URL): Promise<void> {
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
