import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Conflater } from '../../../realtime-server/src/conflater.ts';

const WINDOW_MS = 250;

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** A conflater, and what it published. */
function world() {
  const conflater = new Conflater(WINDOW_MS);
  const published: string[] = [];
  const failing = new Set<string>();
  /** Hands a version of a state over; `outcomes` says what became of it, once that is known. */
  const outcomes: string[] = [];
  const hand = (key: string, version: number) => {
    const name = `${key}${version}`;
    void conflater
      .publish(key, version, async () => {
        published.push(name);
        if (failing.has(name)) throw new Error('no broker');
      })
      .then(
        () => outcomes.push(`${name} there`),
        () => outcomes.push(`${name} failed`),
      );
  };
  return { published, failing, outcomes, hand };
}

describe('of a state that is published as a whole', () => {
  test('the first goes out at once, and of those that follow in the window the newest, at its end', async () => {
    const { hand, published, outcomes } = world();
    for (let version = 1; version <= 100; version += 1) hand('a', version);
    expect(published).toEqual(['a1']);
    await jest.advanceTimersByTimeAsync(WINDOW_MS - 1);
    expect(published).toEqual(['a1']);
    expect(outcomes).toEqual(['a1 there']);
    await jest.advanceTimersByTimeAsync(1);
    expect(published).toEqual(['a1', 'a100']);
    expect(outcomes).toHaveLength(100);
  });

  test('windows follow one another as long as there is something to publish', async () => {
    const { hand, published } = world();
    for (let version = 1; version <= 10; version += 1) {
      hand('a', version);
      await jest.advanceTimersByTimeAsync(WINDOW_MS / 2);
    }
    expect(published.length).toBeLessThanOrEqual(6);
    await jest.advanceTimersByTimeAsync(WINDOW_MS * 2);
    expect(published.at(-1)).toBe('a10');
    expect(jest.getTimerCount()).toBe(0);
    hand('a', 11);
    expect(published.at(-1)).toBe('a11');
  });

  test('one that is older than what waits does not take its place, and is superseded by it', async () => {
    const { hand, published, outcomes } = world();
    for (const version of [1, 5, 3]) hand('a', version);
    await jest.advanceTimersByTimeAsync(WINDOW_MS);
    expect(published).toEqual(['a1', 'a5']);
    expect(outcomes.toSorted()).toEqual(['a1 there', 'a3 there', 'a5 there']);
  });

  test('states do not wait for one another', () => {
    const { hand, published } = world();
    hand('a', 1);
    hand('b', 1);
    expect(published).toEqual(['a1', 'b1']);
  });

  test('whoever was replaced learns that the one in its place failed, and what follows is not held up', async () => {
    const { hand, published, outcomes, failing } = world();
    for (const name of ['a3', 'b1']) failing.add(name);
    for (const version of [1, 2, 3]) hand('a', version);
    hand('b', 1);
    hand('b', 2);
    await jest.advanceTimersByTimeAsync(WINDOW_MS);
    expect(outcomes.toSorted()).toEqual(['a1 there', 'a2 failed', 'a3 failed', 'b1 failed', 'b2 there']);
    hand('a', 4);
    await jest.advanceTimersByTimeAsync(WINDOW_MS);
    expect(published.at(-1)).toBe('a4');
  });
});
