import { describe, expect, test } from '@jest/globals';
import {
  type AccountStanding,
  type CaseSource,
  type ModerationAction,
  type ModerationDecision,
  type ModerationPolicy,
  type Scores,
  type Standing,
} from '@playnite/contracts/documents';
import fc from 'fast-check';
import { actionOf, parseSubject } from '../../../functions/src/moderation/decide-case.ts';
import { standingAfter } from '../../../functions/src/moderation/log.ts';
import { DEFAULT_POLICY, judge, nearness, strongest } from '../../../functions/src/moderation/policy.ts';
import { type ScreeningRequest, weigh } from '../../../functions/src/moderation/screen-upload.ts';
import { standingOf, withStrike, withoutStrike } from '../../../functions/src/moderation/strikes.ts';

const moment = new Date('2026-01-02T03:04:05.678Z');
const stampOf = (date: Date) => ({ toMillis: () => date.getTime(), toDate: () => date });

const policyOf = (labels: ModerationPolicy['labels']): ModerationPolicy => ({ ...DEFAULT_POLICY, labels });
/** A label that people look at from 0.5 on and that decides alone from 0.9 on, and one that never decides alone. */
const policy = policyOf({ bad: { review: 0.5, reject: 0.9 }, odd: { review: 0.6, reject: 1.1 } });

describe('judge', () => {
  test.each<[string, Scores, ReturnType<typeof judge>]>([
    ['lets pass what has no scores', {}, { verdict: 'approved', labels: [] }],
    ['lets pass what is just below', { bad: 0.499, odd: 0.599 }, { verdict: 'approved', labels: [] }],
    ['counts the exact threshold of a review', { bad: 0.5 }, { verdict: 'review', labels: ['bad'] }],
    ['counts the exact threshold of a rejection', { bad: 0.9 }, { verdict: 'rejected', labels: ['bad'] }],
    ['never rejects for a label that decides nothing', { odd: 1 }, { verdict: 'review', labels: ['odd'] }],
    ['does not know a label of another policy', { strange: 1 }, { verdict: 'approved', labels: [] }],
    ['does not take what every object has for a label', { constructor: 1 }, { verdict: 'approved', labels: [] }],
    ['lets the strictest label win', { odd: 1, bad: 0.9 }, { verdict: 'rejected', labels: ['bad'] }],
    ['names the strongest label first', { bad: 0.6, odd: 0.8 }, { verdict: 'review', labels: ['odd', 'bad'] }],
  ])('%s', (_, scores, expected) => {
    expect(judge(policy, scores)).toEqual(expected);
  });

  test('never grows milder with a higher score', () => {
    const severity = { approved: 0, review: 1, rejected: 2 };
    const score = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(score, score, score, (bad, odd, more) => {
        const before = judge(policy, { bad, odd }).verdict;
        const after = judge(policy, { bad: Math.max(bad, more), odd }).verdict;
        expect(severity[after]).toBeGreaterThanOrEqual(severity[before]);
      }),
    );
  });
});

describe('nearness', () => {
  test.each<[string, Scores, number]>([
    ['is nothing without scores', {}, 0],
    ['is one at the threshold', { bad: 0.5 }, 1],
    ['is a share below it', { bad: 0.25 }, 0.5],
    ['is more than one above it', { bad: 1 }, 2],
    ['is that of the nearest label', { bad: 0.1, odd: 0.3 }, 0.5],
    ['does not know a label of another policy', { strange: 1 }, 0],
  ])('%s', (_, scores, expected) => {
    expect(nearness(policy, scores)).toBeCloseTo(expected, 10);
  });

  test('is at the threshold for whatever score where a policy has everything looked at', () => {
    const strict = policyOf({ all: { review: 0, reject: 1.1 }, bad: { review: 0.5, reject: 0.9 } });
    expect(nearness(strict, { all: 0 })).toBe(1);
    expect(nearness(strict, { all: 0, bad: 1 })).toBe(2);
  });
});

describe('strongest', () => {
  const piece = (label: string, score?: number) => ({
    kind: 'text' as const,
    label,
    ...(score !== undefined && { score }),
  });

  test('puts the strongest evidence first, what has no score last, and keeps no more than asked for', () => {
    const evidence = [piece('none'), piece('weak', 0.1), piece('strong', 0.9), piece('middling', 0.5)];
    expect(strongest(evidence, 3).map(({ label }) => label)).toEqual(['strong', 'middling', 'weak']);
    expect(
      strongest(evidence, 9)
        .map(({ label }) => label)
        .at(-1),
    ).toBe('none');
    expect(evidence[0]?.label).toBe('none');
  });
});

test('the default policy asks a person before it decides alone, and never decides below nine in ten', () => {
  for (const { review, reject } of Object.values(DEFAULT_POLICY.labels)) {
    expect(review).toBeLessThanOrEqual(reject);
    expect(review).toBeGreaterThanOrEqual(0.5);
    expect(reject).toBeGreaterThanOrEqual(0.9);
  }
});

describe('weigh', () => {
  type Findings = Parameters<typeof weigh>[2];
  const request: ScreeningRequest = {
    uploadId: 'new',
    ownerId: 'ann',
    kind: 'image',
    object: { path: 'uploads/ann/new', generation: '1' },
    sha256: 'ff',
  };
  const copied: ScreeningRequest = { ...request, duplicateOf: { uploadId: 'first', ownerId: 'ben' } };
  const like = (ownerId: string, state: 'pending' | 'published' | 'banned', distance: number) => ({
    contentId: `of-${ownerId}`,
    ownerId,
    sha256: 'ee',
    hashes: ['0123456789abcdef'],
    state,
    at: stampOf(moment),
    distance,
  });
  const finding = (given: Partial<Findings>): Findings => ({
    scores: {},
    evidence: [],
    lookAlikes: [],
    banned: false,
    ...given,
  });
  const broken = { code: 'corrupt-media', message: 'It cannot be decoded.' } as const;

  test.each<[string, ScreeningRequest, Partial<Findings>, string]>([
    ['nothing at all', request, {}, 'approved screening'],
    ['a broken file', request, { rejection: broken }, 'rejected corrupt-media screening'],
    ['a banned hash', request, { banned: true }, 'rejected policy-violation screening'],
    [
      'a banned picture, saved again',
      request,
      { lookAlikes: [like('ben', 'banned', 2)] },
      'rejected policy-violation screening',
    ],
    [
      'their own banned picture',
      request,
      { lookAlikes: [like('ann', 'banned', 0)] },
      'rejected policy-violation screening',
    ],
    ['one much like a banned one', request, { lookAlikes: [like('ben', 'banned', 3)] }, 'review duplicate'],
    ['one much like their own banned one', request, { lookAlikes: [like('ann', 'banned', 3)] }, 'review duplicate'],
    ['their own picture again', request, { lookAlikes: [like('ann', 'published', 2)] }, 'rejected duplicate screening'],
    ['one much like their own', request, { lookAlikes: [like('ann', 'published', 3)] }, 'approved screening'],
    [
      'their own picture, while the first is on its way',
      request,
      { lookAlikes: [like('ann', 'pending', 0)] },
      'approved screening',
    ],
    ["somebody else's bytes", copied, {}, 'review duplicate'],
    ["somebody else's picture", request, { lookAlikes: [like('ben', 'published', 0)] }, 'review duplicate'],
    ["one much like somebody else's", request, { lookAlikes: [like('ben', 'published', 8)] }, 'review duplicate'],
    ["somebody else's picture on its way", request, { lookAlikes: [like('ben', 'pending', 1)] }, 'review duplicate'],
    ['scores that reject', request, { scores: { bad: 0.9 } }, 'rejected policy-violation screening'],
    ['doubtful scores', request, { scores: { bad: 0.5 } }, 'review screening'],
    ['harmless scores', request, { scores: { bad: 0.4, odd: 0.5 } }, 'approved screening'],
    [
      'a broken file with banned bytes',
      request,
      { rejection: broken, banned: true },
      'rejected corrupt-media screening',
    ],
    [
      'their own picture again, banned for somebody else',
      request,
      { lookAlikes: [like('ann', 'published', 0), like('ben', 'banned', 1)] },
      'rejected policy-violation screening',
    ],
    ["somebody else's bytes that scores reject", copied, { scores: { bad: 1 } }, 'rejected policy-violation screening'],
    ["somebody else's bytes with doubtful scores", copied, { scores: { bad: 0.6 } }, 'review duplicate'],
    [
      'their own picture again with doubtful scores',
      request,
      { scores: { bad: 0.6 }, lookAlikes: [like('ann', 'published', 1)] },
      'rejected duplicate screening',
    ],
  ])('judges %s', (_, asked, findings, expected) => {
    const { verdict, rejection, source } = weigh(policy, asked, finding(findings));
    expect([verdict, rejection?.code, source].filter(Boolean).join(' ')).toBe(expected);
  });

  test("names the owner's own earlier content in a rejection, and nobody else's", () => {
    const own = weigh(policy, request, finding({ lookAlikes: [like('ann', 'published', 1)] }));
    expect(own.rejection?.contentId).toBe('of-ann');
    const banned = weigh(policy, request, finding({ lookAlikes: [like('ben', 'banned', 1)] }));
    expect(banned.rejection).not.toHaveProperty('contentId');
  });

  test('gives a reason wherever it does not approve, and the labels that led to it', () => {
    const { reason, rejection } = weigh(policy, request, finding({ scores: { bad: 0.95, odd: 1 } }));
    expect(reason).toBe('This is against the rules: bad.');
    expect(rejection?.message).toBe(reason);
    expect(weigh(policy, request, finding({ scores: { odd: 0.6, bad: 0.7 } })).reason).toBe('Doubtful: bad, odd.');
    expect(weigh(policy, request, finding({})).reason).toBe('');
  });

  test('shows as evidence which content is alike, and by how much', () => {
    const { evidence } = weigh(policy, copied, finding({ lookAlikes: [like('ben', 'banned', 16)] }));
    expect(evidence).toEqual([
      { kind: 'duplicate', label: 'same-bytes', score: 1, contentId: 'first', distance: 0 },
      { kind: 'duplicate', label: 'banned-look-alike', score: 0.75, contentId: 'of-ben', distance: 16 },
    ]);
  });
});

describe('parseSubject', () => {
  test.each([
    ['uploads/x', { root: 'uploads', contentId: 'x', whole: true }],
    ['content/x', { root: 'content', contentId: 'x', whole: true }],
    ['content/x/comments/y', { root: 'content', contentId: 'x', whole: false }],
    ['users/x', undefined],
    ['content/', undefined],
    ['content', undefined],
    ['', undefined],
  ])('reads %j', (subject, expected) => {
    expect(parseSubject(subject)).toEqual(expected);
  });
});

describe('actionOf', () => {
  type Root = 'uploads' | 'content';
  const decide = (
    root: Root,
    standing: Standing | undefined,
    source: CaseSource,
    wanted: ModerationDecision,
    former?: ModerationDecision,
  ): ModerationAction | undefined =>
    actionOf(
      {
        source,
        ...(former && { decision: { decision: former, moderatorId: 'mo', reason: 'r', at: stampOf(moment) } }),
      },
      root,
      standing && { standing },
      wanted,
    );

  const sources: readonly Exclude<CaseSource, 'appeal'>[] = ['screening', 'report', 'duplicate'];
  const clearing: readonly ModerationDecision[] = ['approve', 'restore'];
  const taking: readonly ModerationDecision[] = ['reject', 'remove'];

  // What clears or takes away, of an undecided case and of a decided one; both words for each mean the same.
  test.each<
    [Root, Standing | undefined, ...Record<'clear' | 'take' | 'clearAnew' | 'takeAnew', ModerationAction | undefined>[]]
  >([
    ['uploads', undefined, { clear: 'approve', take: 'reject', clearAnew: undefined, takeAnew: 'reject' }],
    ['uploads', 'clear', { clear: 'approve', take: 'reject', clearAnew: undefined, takeAnew: 'reject' }],
    ['uploads', 'held', { clear: 'approve', take: 'reject', clearAnew: 'approve', takeAnew: 'reject' }],
    ['uploads', 'removed', { clear: 'restore', take: undefined, clearAnew: 'restore', takeAnew: undefined }],
    ['content', undefined, { clear: 'approve', take: 'remove', clearAnew: undefined, takeAnew: 'remove' }],
    ['content', 'clear', { clear: 'approve', take: 'remove', clearAnew: undefined, takeAnew: 'remove' }],
    ['content', 'held', { clear: 'release', take: 'remove', clearAnew: 'release', takeAnew: 'remove' }],
    ['content', 'removed', { clear: 'restore', take: undefined, clearAnew: 'restore', takeAnew: undefined }],
  ])('decides about %s that is %s', (root, standing, expected) => {
    for (const source of sources) {
      for (const wanted of clearing) {
        expect(decide(root, standing, source, wanted)).toBe(expected?.clear);
        expect(decide(root, standing, source, wanted, 'approve')).toBe(expected?.clearAnew);
      }
      for (const wanted of taking) {
        expect(decide(root, standing, source, wanted)).toBe(expected?.take);
        expect(decide(root, standing, source, wanted, 'approve')).toBe(expected?.takeAnew);
      }
    }
  });

  test.each<[Root]>([['uploads'], ['content']])(
    'upholds or restores %s that an appeal is about, and upholds once',
    (root) => {
      for (const wanted of taking) {
        expect(decide(root, 'removed', 'appeal', wanted)).toBe('uphold');
        expect(decide(root, 'removed', 'appeal', wanted, 'remove')).toBeUndefined();
      }
      for (const wanted of clearing) {
        expect(decide(root, 'removed', 'appeal', wanted)).toBe('restore');
        expect(decide(root, 'removed', 'appeal', wanted, 'remove')).toBe('restore');
      }
    },
  );

  test('takes away again what an appeal had restored', () => {
    expect(decide('content', 'clear', 'appeal', 'remove', 'restore')).toBe('remove');
    expect(decide('uploads', 'clear', 'appeal', 'reject', 'restore')).toBe('reject');
  });

  test('decided twice alike changes nothing the second time, whatever came before', () => {
    const standings: (Standing | undefined)[] = [undefined, 'clear', 'held', 'removed'];
    const roots: Root[] = ['uploads', 'content'];
    fc.assert(
      fc.property(
        fc.constantFrom(...roots),
        fc.constantFrom(...standings),
        fc.constantFrom<CaseSource>(...sources, 'appeal'),
        fc.constantFrom(...clearing, ...taking),
        (root, standing, source, wanted) => {
          const action = decide(root, standing, source, wanted);
          const reached = (action && standingAfter(action)) ?? standing;
          expect(decide(root, reached, source, wanted, wanted)).toBeUndefined();
        },
      ),
    );
  });
});

describe('strikes', () => {
  const DAY_MS = 24 * 60 * 60_000;
  const after = (days: number): Date => new Date(moment.getTime() + days * DAY_MS);
  /** As a standing comes back from Firestore. */
  const stored = ({ strikes, status }: ReturnType<typeof standingOf>): AccountStanding => ({
    status,
    strikes: strikes.map(({ entryId, at, expiresAt }) => ({
      entryId,
      at: stampOf(at),
      expiresAt: stampOf(expiresAt),
    })),
    nextExpiry: null,
    updatedAt: stampOf(moment),
  });
  /** One strike a day, from the first day on. */
  const struck = (count: number) => {
    let present: AccountStanding | undefined;
    for (let nth = 0; nth < count; nth += 1) present = stored(withStrike(present, `entry-${nth}`, after(nth)));
    return present;
  };

  test.each([
    [0, 'active'],
    [2, 'active'],
    [3, 'limited'],
    [4, 'limited'],
    [5, 'suspended'],
    [9, 'suspended'],
  ])('after %i of them an account is %s', (count, status) => {
    expect(struck(count)?.status ?? 'active').toBe(status);
  });

  test('count for ninety days each, and the next one to expire is known', () => {
    const plain = (struck(3)?.strikes ?? []).map(({ entryId, at, expiresAt }) => ({
      entryId,
      at: at.toDate(),
      expiresAt: expiresAt.toDate(),
    }));
    expect(standingOf(plain, after(89))).toMatchObject({ status: 'limited', nextExpiry: after(90) });
    expect(standingOf(plain, after(90))).toMatchObject({ status: 'active', nextExpiry: after(91) });
    expect(standingOf(plain, after(92))).toMatchObject({ status: 'active', nextExpiry: null, strikes: [] });
  });

  test('are forgotten when they have expired by the time of the next', () => {
    expect(withStrike(struck(4), 'late', after(400))).toMatchObject({
      status: 'active',
      strikes: [{ entryId: 'late' }],
    });
  });

  test('count once for one log entry', () => {
    const twice = withStrike(struck(2), 'entry-1', after(2));
    expect(twice.status).toBe('active');
    expect(twice.strikes.map(({ entryId }) => entryId)).toEqual(['entry-0', 'entry-1']);
  });

  test('are taken back one by one, and only those that were given', () => {
    expect(withoutStrike(struck(5), 'entry-2', after(5))).toMatchObject({ status: 'limited' });
    expect(withoutStrike(struck(3), 'entry-0', after(5))).toMatchObject({ status: 'active', nextExpiry: after(91) });
    expect(withoutStrike(struck(3), 'of-another', after(5))).toMatchObject({ status: 'limited' });
    expect(withoutStrike(undefined, 'entry-0', after(5))).toMatchObject({ status: 'active', strikes: [] });
  });
});
