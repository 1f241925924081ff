import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { setLogLevel } from 'firebase/firestore';
import { z } from 'zod';
import { type Mutant, mutantsOf } from '../support/rules-mutants.ts';
import { TABLE } from '../support/rules-table.ts';
import { PEOPLE, type Row, type World, openWorld } from '../support/rules-world.ts';

setLogLevel('silent');

/**
 * Which mutants are tried: every seventh, or with RULES_MUTATION=2/5 every fifth from the second on; `all` are too many for
 * the time of one test on a slow machine, and five such parts are all as well.
 */
const [FIRST, EVERY] = partOf(process.env['RULES_MUTATION'] ?? '1/7');
/** Of the mutants that must be noticed. */
const NOTICED_MIN = 0.95;

const rules = await readFile(new URL('../../firestore.rules', import.meta.url), 'utf8');

/** Which rows speak of a collection: their name does, or they are of the stories that are named otherwise. */
const STORIES: Record<string, RegExp> = {
  users: /users\/[a-z]+(:|$| )|sign up|rename|follow |list users,|another’s profile/,
  handles: /handles|sign up|rename/,
  following: /following|follow/,
  uploads: /uploads|ticket/,
};
const rowsOf = (collection: string): readonly Row[] => {
  const story = STORIES[collection] ?? new RegExp(`\\b${collection}\\b`);
  return collection === '' ? TABLE : TABLE.filter(({ what }) => story.test(what));
};

function partOf(said: string): [first: number, every: number] {
  const [first = 1, every = 1] = said === 'all' ? [] : said.split('/').map(Number);
  return [first, every];
}

/** Whether any row of the table gets another answer under these rules. */
async function isNoticed(world: World, rows: readonly Row[]): Promise<boolean> {
  await world.reset();
  for (const row of rows) {
    const refused = PEOPLE.filter((who) => !row.allowed.includes(who));
    const answers = await Promise.all(refused.map((who) => world.isRight(row, who)));
    if (answers.includes(false)) return true;
    const writes = !/^(get|list) /.test(row.what);
    for (const who of row.allowed) {
      const right = await world.isRight(row, who);
      if (writes) await world.reset();
      if (!right) return true;
    }
  }
  return false;
}

test('a condition left out or turned round is noticed', async () => {
  const mutants = mutantsOf(rules).filter((_, index) => index % EVERY === FIRST - 1);
  expect(mutants.length).toBeGreaterThan(30);
  const survivors: Mutant[] = [];
  const queue = [...mutants];
  const workers = Array.from({ length: 3 }, async () => {
    await using world = await openWorld(rules);
    for (let mutant = queue.pop(); mutant; mutant = queue.pop()) {
      // A mutant that does not compile could not be deployed.
      const compiles = await world.load(mutant.rules).then(
        () => true,
        () => false,
      );
      if (compiles && !(await isNoticed(world, rowsOf(mutant.collection)))) survivors.push(mutant);
    }
  });
  await Promise.all(workers);
  const score = 1 - survivors.length / mutants.length;
  console.info(
    `${mutants.length} mutants, ${(100 * score).toFixed(1)} % noticed`,
    survivors.map(({ line, what }) => `${line}: ${what}`),
  );
  expect(score).toBeGreaterThanOrEqual(NOTICED_MIN);
}, 900_000);

const reported: z.ZodType<Reported> = z.object({
  sourcePosition: z.object({ line: z.number().optional() }).optional(),
  values: z.array(z.object({ count: z.number().optional() })).optional(),
  get children() {
    return z.array(reported).optional();
  },
});
interface Reported {
  sourcePosition?: { line?: number | undefined } | undefined;
  values?: { count?: number | undefined }[] | undefined;
  children?: Reported[] | undefined;
}

test('the table visits every expression', async () => {
  await using world = await openWorld(rules);
  for (const row of TABLE) {
    await world.reset();
    await Promise.all(PEOPLE.map((who) => world.isRight(row, who)));
  }
  const { report } = z.object({ report: z.array(reported) }).parse(await world.coverage());
  const unvisited = new Set<number>();
  const visit = (each: Reported) => {
    const visited = (each.values ?? []).some(({ count = 0 }) => count > 0);
    if (!visited) unvisited.add(each.sourcePosition?.line ?? 0);
    else each.children?.forEach(visit);
  };
  report.forEach(visit);
  expect(report.length).toBeGreaterThan(10);
  expect([...unvisited]).toEqual([]);
}, 300_000);
