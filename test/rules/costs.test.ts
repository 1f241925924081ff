/**
 * What the dearest requests cost. Firestore refuses a request whose rules look up more than ten documents or evaluate more
 * than a thousand expressions, and says no numbers: so a rule is given more to do until it refuses what it took before,
 * and what it had left is what could be added. A batch of writes may look up twenty documents in all.
 */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setLogLevel } from 'firebase/firestore';
import { TABLE } from '../support/rules-table.ts';
import { type Person, type World, openWorld } from '../support/rules-world.ts';

setLogLevel('silent');

const LOOKUPS_MAX = 10;
/** At least so many expressions are left of the thousand, whatever is asked; the emulator counts 31 for one `ten()`. */
const TENS_LEFT_MIN = 8;

const rules = await readFile(new URL('../../firestore.rules', import.meta.url), 'utf8');
let world: World;

beforeAll(async () => {
  world = await openWorld(rules);
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const times = (count: number, condition: (index: number) => string): string =>
  ['true', ...Array.from({ length: count }, (_, index) => condition(index))].join(' && ');
const lookups = (count: number) => times(count, (index) => `!exists(userPath('pad${index}'))`);
const tens = (count: number) => times(count, () => 'ten()');

interface Dear {
  what: string;
  who: Person;
  /** The first condition of its rule, to be found once. */
  condition: string;
}

async function isTaken({ what, who, condition }: Dear, padding: string): Promise<boolean> {
  expect(rules.split(condition)).toHaveLength(2);
  const row = TABLE.find((each) => each.what === what);
  if (!row) throw new Error(`no such row: ${what}`);
  const padded = rules.replace(condition, `${padding} && ${condition}`);
  const ten = `function ten() { return ${times(9, () => 'true')}; }`;
  await world.load(padded.replace('function signedIn()', `${ten}\n    function signedIn()`));
  await world.reset();
  return world.isRight(row, who);
}

test.each([
  {
    what: 'create content/costly/comments/brand-new: an answer of a follower whose limit is over',
    who: 'bob',
    condition: 'mayPublish(request.resource.data.authorId)',
    looksUp: 9,
  },
  {
    what: 'create content/followers/shares/brand-new: by its link',
    who: 'bob',
    condition: 'mayPublish(request.resource.data.userId)',
    looksUp: 7,
  },
  {
    what: 'create content/followers/likes: one’s own',
    who: 'bob',
    condition: 'mayAct(uid) && onlyCreatedAt() && isWithinBudget(uid)',
    looksUp: 7,
  },
  { what: 'follow', who: 'bob', condition: 'mayAct(uid)\n          && uid != targetUid', looksUp: 6 },
  {
    what: 'get content/followers/comments/visible',
    who: 'bob',
    condition: "(resource.data.status == 'visible'\n            && isScreened",
    looksUp: 4,
  },
  {
    what: 'create users/ann/settings/notifications: everything',
    who: 'ann',
    condition: 'isUser(uid) && isSettings(request.resource.data)',
    looksUp: 0,
  },
] as const)('$what: $looksUp lookups, and expressions to spare', async ({ looksUp, ...dear }) => {
  expect(await isTaken(dear, lookups(LOOKUPS_MAX - looksUp))).toBe(true);
  expect(await isTaken(dear, lookups(LOOKUPS_MAX - looksUp + 1))).toBe(false);
  expect(await isTaken(dear, tens(TENS_LEFT_MIN))).toBe(true);
});
