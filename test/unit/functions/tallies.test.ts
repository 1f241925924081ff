import { describe, expect, test } from '@jest/globals';
import { TALLIES_MAX, Tallies } from '../../../functions/src/platform/tallies.ts';

describe('a tally', () => {
  test('of the oldest name is forgotten when there are too many', () => {
    const tallies = new Tallies({ most: 1, windowMs: 1000 });
    for (let nth = 0; nth < TALLIES_MAX; nth += 1) tallies.take(`name-${nth}`, 0);
    expect([tallies.take('name-0', 1), tallies.take('one-more', 1), tallies.take('name-1', 1)]).toEqual([
      false,
      true,
      false,
    ]);
    expect(tallies.take('name-0', 1)).toBe(true);
  });

  test('says how long it lasts, from its first', () => {
    const tallies = new Tallies({ most: 2, windowMs: 1000 });
    expect(tallies.endsInMs('name', 0)).toBe(0);
    for (const now of [100, 600]) tallies.take('name', now);
    expect([tallies.take('name', 1000), tallies.endsInMs('name', 1000)]).toEqual([false, 100]);
    expect([tallies.endsInMs('name', 1100), tallies.take('name', 1100)]).toEqual([0, true]);
  });
});
