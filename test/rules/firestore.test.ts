import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { FOLLOW_LIMITS, notificationType, shareTarget } from '@playnite/contracts/documents';
import { setLogLevel } from 'firebase/firestore';
import { TABLE } from '../support/rules-table.ts';
import { PEOPLE, type World, openWorld } from '../support/rules-world.ts';

setLogLevel('silent');

const rules = await readFile(new URL('../../firestore.rules', import.meta.url), 'utf8');
let world: World;

beforeAll(async () => {
  world = await openWorld(rules);
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

describe('who may', () => {
  test.each(TABLE.map((row) => [row.what, row] as const))('%s', async (_, row) => {
    const wrong: string[] = [];
    await world.reset();
    // Those who are refused change nothing, so they may all ask of one world; each who is let in has one of his own.
    const refused = PEOPLE.filter((who) => !row.allowed.includes(who));
    await Promise.all(
      refused.map(async (who) => {
        if (!(await world.isRight(row, who))) wrong.push(`${who} is let in`);
      }),
    );
    for (const who of row.allowed) {
      if (!/^(get|list) /.test(row.what)) await world.reset();
      if (!(await world.isRight(row, who))) wrong.push(`${who} is refused`);
    }
    expect(wrong).toEqual([]);
  });
});

// The table shows that every type may be set; only the rules themselves show that they know no more.
test('settings know the notification types that there are, and no others', () => {
  expect(namesIn(/types\.keys\(\)\.hasOnly\(\[([^\]]*)\]\)/)).toEqual(notificationType.options);
});

test('shares know the targets that there are, and no others', () => {
  expect(namesIn(/data\.target in \[([^\]]*)\]/)).toEqual(shareTarget.options);
});

test('an account may do all but follow under the limits that are of follows, and no others', () => {
  expect(namesIn(/data\.reason in \[([^\]]*)\]/)).toEqual(FOLLOW_LIMITS);
});

/** The names in a list of the rules. */
const namesIn = (list: RegExp): string[] =>
  (list.exec(rules)?.[1] ?? '').split(',').map((quoted) => quoted.trim().slice(1, -1));
