import { describe, expect, test } from '@jest/globals';
import {
  CONTENT_VIEWED,
  TRACKED_BATCH_MAX,
  TRACKED_EVENTS_MAX,
  TRACKED_NAME_MAX,
  TRACKED_PROPERTIES_MAX,
  TRACKED_TEXT_MAX,
  analyticsTracked,
  parseEvent,
} from '@playnite/contracts/events';
import {
  TRACKED_AGE_MAX_MS,
  TRACKED_AHEAD_MS,
  trackEvents,
  trackRequest,
} from '../../../functions/src/analytics/track-events.ts';
import type { OutgoingEvent } from '../../../functions/src/platform/publisher.ts';

const now = new Date('2026-11-21T12:00:00.000Z');
const event = (fields: Record<string, unknown> = {}) => ({
  name: 'feed-scrolled',
  at: now.toISOString(),
  properties: {},
  ...fields,
});
const takes = (...events: unknown[]): boolean => trackRequest.safeParse({ events }).success;
const properties = (count: number, value: unknown = 1) =>
  Object.fromEntries(Array.from({ length: count }, (_, nth) => [`p${nth}`, value]));

/** What is published of some calls by one person. */
async function published(...calls: unknown[]) {
  const sent: OutgoingEvent[] = [];
  const ctx = { now: () => now, publish: (more: readonly OutgoingEvent[]) => Promise.resolve(void sent.push(...more)) };
  for (const call of calls) await trackEvents(ctx, trackRequest.parse(call), { uid: 'ann' });
  return sent.map(({ envelope }) => parseEvent(analyticsTracked, envelope));
}

describe('a batch', () => {
  test('holds at least one event, and at most so many', () => {
    expect(takes()).toBe(false);
    expect(takes(...Array.from({ length: TRACKED_EVENTS_MAX }, () => event()))).toBe(true);
    expect(takes(...Array.from({ length: TRACKED_EVENTS_MAX + 1 }, () => event()))).toBe(false);
    expect(trackRequest.safeParse({ events: 'all' }).success).toBe(false);
    expect(trackRequest.safeParse(null).success).toBe(false);
  });

  test('is bounded as a whole, below what its events may be one by one', () => {
    const large = event({ properties: properties(TRACKED_PROPERTIES_MAX, 'é'.repeat(TRACKED_TEXT_MAX)) });
    const most = Math.floor(TRACKED_BATCH_MAX / JSON.stringify(large).length);
    expect(most + 1).toBeLessThanOrEqual(TRACKED_EVENTS_MAX);
    expect(takes(...Array.from({ length: most }, () => large))).toBe(true);
    expect(takes(...Array.from({ length: most + 1 }, () => large))).toBe(false);
  });
});

describe('an event', () => {
  test.each([
    ['a', true],
    ['content-seen', true],
    ['screen_view2', true],
    ['a'.repeat(TRACKED_NAME_MAX), true],
    ['a'.repeat(TRACKED_NAME_MAX + 1), false],
    ['', false],
    ['2nd', false],
    ['Viewed', false],
    ['viewed-', false],
    ['a--b', false],
    ['a b', false],
    ['content/viewed', false],
    [7, false],
  ])('called %j is taken: %j', (name, expected) => expect(takes(event({ name }))).toBe(expected));

  test.each([
    ['2026-11-21T12:00:00Z', true],
    ['2026-11-21T13:00:00.123456+01:00', true],
    ['2026-11-21T12:00:00', false],
    ['2026-11-21', false],
    ['2026-02-30T12:00:00Z', false],
    [`2026-11-21T12:00:00.${'0'.repeat(50)}Z`, false],
    [1_795_262_400_000, false],
    [undefined, false],
  ])('at %j is taken: %j', (at, expected) => expect(takes(event({ at }))).toBe(expected));

  test.each<[what: string, said: unknown, expected: boolean]>([
    ['none', {}, true],
    ['texts, numbers and flags', { text: 'Zoë', number: -1.5, isOn: false }, true],
    ['a text at its bound', { text: '😀'.repeat(TRACKED_TEXT_MAX) }, true],
    ['a text beyond it', { text: '😀'.repeat(TRACKED_TEXT_MAX + 1) }, false],
    ['half a character', { text: '\uD800' }, false],
    ['as many as there may be', properties(TRACKED_PROPERTIES_MAX), true],
    ['one more', properties(TRACKED_PROPERTIES_MAX + 1), false],
    ['a name at its bound', { ['p'.repeat(TRACKED_NAME_MAX)]: 1 }, true],
    ['a name beyond it', { ['p'.repeat(TRACKED_NAME_MAX + 1)]: 1 }, false],
    ['a name with a dot', { 'a.b': 1 }, false],
    ['a list', { list: [1] }, false],
    ['a map', { map: { a: 1 } }, false],
    ['no number', { number: Number.NaN }, false],
    ['a list for all', [1], false],
    ['nothing for all', null, false],
    ['nothing at all', undefined, false],
  ])('with properties is taken or not: %s', (_, said, expected) =>
    expect(takes(event({ properties: said }))).toBe(expected),
  );

  test('that says what a platform’s own name stands for must say it right', () => {
    const viewed = (said: Record<string, unknown>) => takes(event({ name: CONTENT_VIEWED, properties: said }));
    expect(viewed({ contentId: 'photo', from: 'feed' })).toBe(true);
    expect([{}, { contentId: '' }, { contentId: 'a/b' }, { contentId: 7 }].map(viewed)).toEqual(
      Array.from({ length: 4 }, () => false),
    );
  });
});

describe('trackEvents', () => {
  test('publishes a call as one event, in UTC and without what was null', async () => {
    const at = '2026-11-21T13:00:00.000+01:00';
    const [sent, ...more] = await published({
      events: [event({ at, properties: { a: 1, b: null } }), event({ name: 'app-opened' })],
    });
    expect(more).toEqual([]);
    expect(sent).toMatchObject({
      name: 'analytics.tracked',
      data: {
        uid: 'ann',
        events: [
          { name: 'feed-scrolled', at: now.toISOString(), properties: { a: 1 } },
          { name: 'app-opened', at: now.toISOString(), properties: {} },
        ],
      },
    });
    expect(sent?.data.events[0]?.properties).toEqual({ a: 1 });
  });

  test('gives what is told again the id of the first, and nothing else', async () => {
    const one = event({ properties: { a: 1, b: 2 } });
    const others = [
      event({ properties: { a: 1, b: 3 } }),
      event({ name: 'app-opened' }),
      event({ at: '2026-11-21T11:59:59Z' }),
    ];
    const [first, again, batch] = await published(
      { events: [one] },
      { events: [event({ properties: { b: 2, a: 1 } })] },
      { events: [one, ...others] },
    );
    expect(again).toEqual(first);
    const ids = batch?.data.events.map(({ id }) => id);
    expect(ids?.[0]).toBe(first?.data.events[0]?.id);
    expect(new Set(ids).size).toBe(4);
    expect(batch?.id).not.toBe(first?.id);
  });

  test('leaves out a prototype', async () => {
    const said: unknown = JSON.parse('{"__proto__": {"isAdmin": true}, "a": 1}');
    const [sent] = await published({ events: [event({ properties: said })] });
    expect(JSON.stringify(sent?.data.events[0]?.properties)).toBe('{"a":1}');
  });

  const fromNow = (ms: number) =>
    published({ events: [event(), event({ at: new Date(now.getTime() + ms).toISOString() })] });

  test.each([
    ['as far ahead as a clock may be', TRACKED_AHEAD_MS],
    ['as old as may be', -TRACKED_AGE_MAX_MS],
  ])('takes what is %s', async (_, ms) => expect(await fromNow(ms)).toHaveLength(1));

  test.each([
    ['further ahead', TRACKED_AHEAD_MS + 1, 'event-in-future'],
    ['older', -TRACKED_AGE_MAX_MS - 1, 'event-too-old'],
  ])('refuses what is %s', async (_, ms, code) => {
    await expect(fromNow(ms)).rejects.toMatchObject({ code, retryable: false, status: 'invalid-argument' });
  });
});
