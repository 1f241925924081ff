import { describe, expect, test } from '@jest/globals';
import type { ModerationCase, ModerationDecision, ModerationPolicy } from '@playnite/contracts/documents';
import fc from 'fast-check';
import {
  type Outcome,
  evaluate,
  evaluatePolicy,
  reportLabels,
} from '../../../functions/src/moderation/evaluate-policy.ts';
import { DEFAULT_POLICY } from '../../../functions/src/moderation/policy.ts';
import { outcomeOf } from '../../../functions/src/moderation/resolve-reports.ts';
import { holds, isMilestone, isTrusted, tally, weightOf } from '../../../functions/src/moderation/take-report.ts';
import type { Documents } from '../../../functions/src/platform/documents.ts';

/** Somebody whose reports have always been right, as often as it takes to have a record. */
const GOOD_RECORD = weightOf({ upheld: 3, dismissed: 0 });
const COUNT_MAX = 1_000_000;
const count = fc.nat(COUNT_MAX);
const record = fc.record({ upheld: fc.nat(10_000), dismissed: fc.nat(10_000) });
/** What no classifier had any doubts about. */
const CALM = 0;

describe('isTrusted', () => {
  test.each([
    [0, 0, false],
    [2, 0, false],
    [3, 0, true],
    [3, 2, true],
    [3, 3, false],
    [3, 4, false],
    [100, 99, true],
    [100, 100, false],
  ])('judges a record of %i upheld and %i dismissed', (upheld, dismissed, expected) => {
    expect(isTrusted({ upheld, dismissed })).toBe(expected);
  });
});

describe('weightOf', () => {
  test('gives little to somebody without a record, and an estimate of being right to the others', () => {
    expect(weightOf({ upheld: 0, dismissed: 0 })).toBe(0.1);
    expect(weightOf({ upheld: 2, dismissed: 0 })).toBe(0.1);
    expect(weightOf({ upheld: 10, dismissed: 50 })).toBe(0.1);
    expect(weightOf({ upheld: 3, dismissed: 0 })).toBe(0.8);
    expect(weightOf({ upheld: 3, dismissed: 1 })).toBeCloseTo(4 / 6, 10);
  });

  test('never falls with a report that was upheld, nor rises with one that was dismissed', () => {
    fc.assert(
      fc.property(record, ({ upheld, dismissed }) => {
        const weight = weightOf({ upheld, dismissed });
        expect(weightOf({ upheld: upheld + 1, dismissed })).toBeGreaterThanOrEqual(weight);
        expect(weightOf({ upheld, dismissed: dismissed + 1 })).toBeLessThanOrEqual(weight);
      }),
    );
  });

  test('is never one, and above a half only for those who are trusted', () => {
    fc.assert(
      fc.property(record, (each) => {
        expect(weightOf(each)).toBeLessThan(1);
        expect(weightOf(each) > 0.5).toBe(isTrusted(each));
      }),
    );
  });
});

describe('tally', () => {
  test.each([
    [0, [], { count: 0, weight: 0, trusted: 0 }],
    [1, [], { count: 1, weight: 0.1, trusted: 0 }],
    [500, [], { count: 500, weight: 0.9, trusted: 0 }],
    [3, [0.8, 0.7], { count: 3, weight: 1.6, trusted: 2 }],
    [502, [0.8, 0.8], { count: 502, weight: 2.5, trusted: 2 }],
  ])('adds up %i reports with the trusted weights %j', (reports, weights, expected) => {
    const { weight, ...rest } = tally(reports, weights);
    expect({ ...rest, weight: Number(weight.toFixed(9)) }).toEqual(expected);
  });

  test('is never below nothing, though the trusted were read a moment after all were counted', () => {
    expect(tally(0, [0.8])).toEqual({ count: 0, weight: 0.8, trusted: 1 });
  });
});

describe('holds', () => {
  const policyOf = (holdWeight: number, holdTrusted: number): ModerationPolicy => ({
    ...DEFAULT_POLICY,
    reports: { holdWeight, holdTrusted },
  });

  test('never takes a content from view because of people without a record, however many, under any policy', () => {
    const policies = fc.tuple(fc.double({ min: 1e-9, max: 100, noNaN: true }), fc.integer({ min: 1, max: 100 }));
    const calm = fc.double({ min: 0, max: 0.499, noNaN: true });
    fc.assert(
      fc.property(count, policies, calm, (reports, [weight, trusted], nearness) => {
        expect(holds(policyOf(weight, trusted), tally(reports, []), nearness)).toBe(false);
      }),
    );
    expect(holds(DEFAULT_POLICY, tally(500, []), CALM)).toBe(false);
  });

  test('never lets a crowd make up for people with a record who are too few', () => {
    const few = fc.array(fc.double({ min: 0.5, max: 1, noNaN: true }), { maxLength: 2 });
    fc.assert(
      fc.property(count, few, (crowd, weights) => {
        expect(holds(DEFAULT_POLICY, tally(crowd + weights.length, weights), CALM)).toBe(false);
      }),
    );
  });

  test('takes a content from view when three people with a good record say so', () => {
    expect(holds(DEFAULT_POLICY, tally(2, [GOOD_RECORD, GOOD_RECORD]), CALM)).toBe(false);
    expect(holds(DEFAULT_POLICY, tally(3, [GOOD_RECORD, GOOD_RECORD, GOOD_RECORD]), CALM)).toBe(true);
  });

  test('wants four of those whose record is barely one', () => {
    const barely = weightOf({ upheld: 3, dismissed: 2 });
    expect(holds(DEFAULT_POLICY, tally(3, [barely, barely, barely]), CALM)).toBe(false);
    expect(holds(DEFAULT_POLICY, tally(4, [barely, barely, barely, barely]), CALM)).toBe(true);
  });

  test.each([
    [4, 1, false],
    [5, 0.499, false],
    [5, 0.5, true],
    [500, 0.1, false],
  ])('with %i people without a record and a classifier that came as near as %d', (reports, nearness, expected) => {
    expect(holds(DEFAULT_POLICY, tally(reports, []), nearness)).toBe(expected);
  });

  test('never lets go of a content because somebody else reports it too', () => {
    const weights = fc.array(fc.double({ min: 0.1, max: 1, noNaN: true }), { maxLength: 10 });
    const nearness = fc.double({ min: 0, max: 2, noNaN: true });
    fc.assert(
      fc.property(fc.nat(1000), weights, nearness, (crowd, trusted, near) => {
        const reports = crowd + trusted.length;
        fc.pre(holds(DEFAULT_POLICY, tally(reports, trusted), near));
        expect(holds(DEFAULT_POLICY, tally(reports + 1, trusted), near)).toBe(true);
        expect(holds(DEFAULT_POLICY, tally(reports + 1, [...trusted, 0.8]), near)).toBe(true);
      }),
    );
  });
});

describe('isMilestone', () => {
  test('is each of the first reports, then one at every doubling', () => {
    const milestones = Array.from({ length: 1000 }, (_, at) => at + 1).filter(isMilestone);
    expect(milestones).toEqual([1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 512]);
  });

  test('comes no more than a few times in a storm of a million', () => {
    const storm = Array.from({ length: COUNT_MAX }, (_, at) => at + 1);
    expect(storm.filter(isMilestone).length).toBeLessThan(25);
  });
});

test.each([
  ['remove', 'action-taken'],
  ['reject', 'action-taken'],
  ['release', 'no-violation'],
  ['approve', 'no-violation'],
  ['restore', 'no-violation'],
  ['hold', undefined],
  ['uphold', undefined],
] as const)('after %s, those who reported are told %s', (action, outcome) => {
  expect(outcomeOf(action)).toBe(outcome);
});

const policy: ModerationPolicy = { ...DEFAULT_POLICY, labels: { bad: { review: 0.5, reject: 0.9 } } };
const outcome = (bad: number, violation: boolean): Outcome => ({ scores: { bad }, violation });
const times = (howMany: number, each: Outcome): Outcome[] => Array.from({ length: howMany }, () => each);
/** Scores as coarse as real ones, so that equal ones come up. */
const coarse = fc.nat(100).map((each) => each / 100);
const outcomes = fc.array(
  fc.record({
    scores: fc.dictionary(fc.constantFrom('bad', 'image-explicit', 'text-hate', 'strange'), coarse),
    violation: fc.boolean(),
  }),
  { maxLength: 80 },
);
/** The fewest decisions that a proposal is made from. */
const SUPPORT_MIN = 20;

describe('evaluate', () => {
  test('counts what a policy would have missed, refused wrongly and had looked at', () => {
    const past = [
      outcome(0.1, false),
      outcome(0.2, true),
      outcome(0.4, true),
      outcome(0.5, true),
      outcome(0.6, false),
      outcome(0.9, false),
      outcome(1, true),
    ];
    expect(evaluate(policy, past)).toEqual({ cases: 7, missed: 2, wronglyRejected: 1, reviewed: 2 });
    expect(evaluate(policy, [])).toEqual({ cases: 0, missed: 0, wronglyRejected: 0, reviewed: 0 });
  });

  test('never counts a case twice', () => {
    fc.assert(
      fc.property(outcomes, (past) => {
        const { cases, missed, wronglyRejected, reviewed } = evaluate(DEFAULT_POLICY, past);
        expect(cases).toBe(past.length);
        expect(missed + wronglyRejected + reviewed).toBeLessThanOrEqual(cases);
      }),
    );
  });
});

describe('reportLabels', () => {
  const reported = (past: readonly Outcome[]) => reportLabels(policy, past)[0];

  test('tells how many of what a label marked were violations', () => {
    const past = [outcome(0.9, true), outcome(0.5, true), outcome(0.5, false), outcome(0.5, false), outcome(0.4, true)];
    expect(reported(past)).toMatchObject({
      label: 'bad',
      decided: 4,
      precision: 0.5,
      thresholds: policy.labels['bad'],
    });
    expect(reported([])).toMatchObject({ decided: 0, precision: null });
  });

  test('proposes the lowest scores down to which enough were violations', () => {
    const past = [...times(20, outcome(0.8, true)), ...times(20, outcome(0.3, false)), outcome(0.2, false)];
    expect(reported(past)?.proposed).toEqual({ review: 0.3, reject: 0.8 });
  });

  test('puts equal scores on the same side', () => {
    const past = [
      ...times(20, outcome(0.8, true)),
      ...times(10, outcome(0.6, true)),
      ...times(10, outcome(0.6, false)),
    ];
    expect(reported(past)?.proposed).toEqual({ review: 0.6, reject: 0.8 });
  });

  test('does not depend on the order in which cases were decided', () => {
    fc.assert(
      fc.property(outcomes, (past) => {
        expect(reportLabels(DEFAULT_POLICY, past.toReversed())).toEqual(reportLabels(DEFAULT_POLICY, past));
      }),
    );
  });

  test('leaves a threshold where it is while there are too few decisions', () => {
    expect(reported(times(SUPPORT_MIN - 1, outcome(0.7, true)))?.proposed).toEqual(policy.labels['bad']);
    expect(reported(times(SUPPORT_MIN, outcome(0.7, true)))?.proposed).toEqual({ review: 0.7, reject: 0.7 });
    fc.assert(
      fc.property(fc.array(fc.tuple(coarse, fc.boolean()), { maxLength: SUPPORT_MIN - 1 }), (few) => {
        const past = few.map(([score, violation]) => outcome(score, violation));
        expect(reported(past)?.proposed).toEqual(policy.labels['bad']);
      }),
    );
  });

  test('proposes only thresholds that a policy can have', () => {
    fc.assert(
      fc.property(outcomes, (past) => {
        for (const { proposed, precision } of reportLabels(DEFAULT_POLICY, past)) {
          for (const threshold of [proposed.review, proposed.reject]) {
            expect(threshold).toBeGreaterThanOrEqual(0);
            expect(threshold).toBeLessThanOrEqual(1.1);
          }
          expect(precision ?? 0).toBeGreaterThanOrEqual(0);
          expect(precision ?? 0).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});

describe('evaluatePolicy', () => {
  const stamp = { toMillis: () => 0, toDate: () => new Date(0) };
  const decided = (
    scores: ModerationCase['scores'],
    decision: ModerationDecision | undefined,
    source: ModerationCase['source'] = 'screening',
  ): ModerationCase => ({
    subject: 'uploads/x',
    ownerId: 'ann',
    source,
    status: 'decided',
    scores,
    evidence: [],
    priority: 0.5,
    policyVersion: 1,
    excluded: [],
    ...(decision && { decision: { decision, moderatorId: 'mo', reason: 'because', at: stamp } }),
    history: [],
    createdAt: stamp,
    updatedAt: stamp,
  });
  const refuse = () => Promise.reject(new Error('an evaluation only reads'));
  /** Firestore with these cases in it, and no policy but the default one. */
  const holding = (cases: readonly ModerationCase[]): { documents: Documents } => ({
    documents: {
      get: () => Promise.resolve(undefined),
      getAll: refuse,
      list: ({ shape }) => Promise.resolve(cases.map((each, nth) => ({ id: `case-${nth}`, data: shape.parse(each) }))),
      paths: refuse,
      count: refuse,
      countAsOf: refuse,
      deleteAll: refuse,
      transact: refuse,
      setAll: refuse,
      createMissing: refuse,
    },
  });

  test('takes what was refused or removed for a violation, and leaves appeals out', async () => {
    const hateful = { 'text-hate': 0.6 };
    const report = await evaluatePolicy(
      holding([
        decided(hateful, 'reject'),
        decided(hateful, 'remove', 'report'),
        decided(hateful, 'approve'),
        decided(hateful, 'restore'),
        decided(hateful, 'reject', 'appeal'),
        decided(hateful, undefined),
      ]),
      undefined,
    );
    expect(report.policy).toEqual({ version: 1, cases: 4, missed: 0, wronglyRejected: 0, reviewed: 4 });
    expect(report.labels).toContainEqual(expect.objectContaining({ label: 'text-hate', decided: 4, precision: 0.5 }));
    expect(report).not.toHaveProperty('shadow');
  });

  test('finds no difference between a policy and its like, whatever was decided', async () => {
    const decision = fc.constantFrom<ModerationDecision>('approve', 'reject', 'remove', 'restore');
    const scores = fc.dictionary(fc.constantFrom(...Object.keys(DEFAULT_POLICY.labels)), coarse);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(scores, decision), { maxLength: 40 }), async (past) => {
        const cases = past.map(([each, wanted]) => decided(each, wanted));
        const { policy: active, shadow } = await evaluatePolicy(holding(cases), { labels: DEFAULT_POLICY.labels });
        expect(active).toEqual({ version: DEFAULT_POLICY.version, ...shadow });
      }),
    );
  });

  test('shows what another policy would have missed, before it is adopted', async () => {
    const cases = [decided({ 'text-hate': 0.6 }, 'reject'), decided({ 'text-hate': 0.95 }, 'approve')];
    const { policy: active, shadow } = await evaluatePolicy(holding(cases), {
      labels: { 'text-hate': { review: 0.7, reject: 1.1 } },
    });
    expect(active).toMatchObject({ missed: 0, wronglyRejected: 1, reviewed: 1 });
    expect(shadow).toEqual({ cases: 2, missed: 1, wronglyRejected: 0, reviewed: 1 });
  });
});
