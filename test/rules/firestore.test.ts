import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { setLogLevel } from 'firebase/firestore';
import { TABLE } from '../support/rules-table.ts';
import { PEOPLE, type World, openWorld } from '../support/rules-world.ts';

setLogLevel('silent');

let world: World;

beforeAll(async () => {
  world = await openWorld(await readFile(new URL('../../firestore.rules', import.meta.url), 'utf8'));
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
