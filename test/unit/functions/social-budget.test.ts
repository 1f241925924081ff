import { describe, expect, test } from '@jest/globals';
import type { Budget } from '@playnite/contracts/documents';
import {
  FOLLOWS_MAX,
  FOLLOWS_PER_HOUR,
  POINTS,
  POINTS_PER_DAY,
  POINTS_PER_HOUR,
  type Price,
  charge,
} from '../../../functions/src/social/budget.ts';

const HOUR_MS = 3_600_000;
const now = new Date(1_000_000 * HOUR_MS + 600_000);
const hour = 1_000_000;

/** Charges again and again until it is refused, or `most` times. */
function spend(price: Price, most: number, from?: Budget, at = now) {
  let spent = from;
  for (let times = 0; times < most; times += 1) {
    const charged = charge(spent, price, at);
    if ('refused' in charged) return { times, spent, ...charged };
    ({ spent } = charged);
  }
  return { times: most, spent };
}

describe('a budget', () => {
  test('takes exactly as many points as there are in an hour, and tells until when it takes no more', () => {
    const { times, ...end } = spend({ points: POINTS.create }, 10_000);
    expect(times).toBe(Math.floor(POINTS_PER_HOUR / POINTS.create));
    expect(end).toMatchObject({ refused: 'points-per-hour', until: new Date((hour + 1) * HOUR_MS) });
  });

  test('is full again in the next hour, until the day is over', () => {
    let budget: Budget | undefined;
    let last: ReturnType<typeof spend> | undefined;
    for (let passed = 0; passed < 8; passed += 1) {
      last = spend({ points: 1 }, POINTS_PER_HOUR, budget, new Date(now.getTime() + passed * HOUR_MS));
      budget = last.spent;
    }
    expect(last).toMatchObject({ times: 0, refused: 'points-per-day', until: new Date((hour + 24) * HOUR_MS) });
    const spent = Object.values(budget?.hours ?? {}).reduce((sum, { points }) => sum + points, 0);
    expect(spent).toBe(POINTS_PER_DAY);
    const tomorrow = new Date((hour + 24) * HOUR_MS);
    expect(spend({ points: 1 }, 10, budget, tomorrow)).toMatchObject({ times: 10 });
  });

  test('never refuses to take something back', () => {
    const { spent } = spend({ points: 1 }, POINTS_PER_HOUR);
    expect(charge(spent, { points: POINTS.delete, always: true }, now)).toHaveProperty('spent');
  });

  test('lets an account follow so many an hour, and so many in all', () => {
    const follow = { points: POINTS.create, follows: 1 } as const;
    const burst = spend(follow, 1_000);
    expect(burst).toMatchObject({ times: FOLLOWS_PER_HOUR, refused: 'follows-per-hour' });
    expect(burst.spent?.following).toBe(FOLLOWS_PER_HOUR);
    const full: Budget = { hours: {}, following: FOLLOWS_MAX };
    expect(charge(full, follow, now)).toMatchObject({ refused: 'follows-in-all' });
    const ended = charge(full, { points: POINTS.delete, follows: -1, always: true }, now);
    expect('spent' in ended && spend(follow, 5, ended.spent).times).toBe(1);
  });

  test('says that nothing is taken where that is so, rather than that no follow is', () => {
    const follow = { points: POINTS.create, follows: 1 } as const;
    const spent = { points: POINTS_PER_HOUR, follows: FOLLOWS_PER_HOUR };
    const both: Budget = { hours: { [hour]: spent }, following: FOLLOWS_MAX };
    expect(charge(both, follow, now)).toMatchObject({ refused: 'points-per-hour' });
    const days = Object.fromEntries(Array.from({ length: 7 }, (_, ago) => [hour - ago, spent]));
    expect(charge({ hours: days, following: 0 }, follow, now)).toMatchObject({ refused: 'points-per-day' });
  });

  test('with no more follows in it takes all the rest', () => {
    const spent = { points: 0, follows: FOLLOWS_PER_HOUR };
    const like = charge({ hours: { [hour]: spent }, following: FOLLOWS_MAX }, { points: POINTS.create }, now);
    expect(like).toHaveProperty('spent');
  });

  test('forgets what is more than a day old', () => {
    const { spent } = spend({ points: 1 }, 100);
    const later = charge(spent, { points: 1 }, new Date(now.getTime() + 25 * HOUR_MS));
    expect('spent' in later && Object.keys(later.spent.hours)).toEqual([String(hour + 25)]);
  });
});
