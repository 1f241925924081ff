import { describe, expect, test } from '@jest/globals';
import { type FollowState, planFollow } from '../../../functions/src/social/plan-follow.ts';
import { hashOfText } from '../../../functions/src/platform/hash-of-text.ts';
import { type CommentState, placeOf, planComment } from '../../../functions/src/social/plan-comment.ts';
import { mentionedHandles, reachable } from '../../../functions/src/social/plan-mentions.ts';
import { ROLL_UP_SLOT_MS, dueAt, rollUpId, slotOf, slotToCount } from '../../../functions/src/social/plan-roll-up.ts';
import { holdsMutedWord, notificationId } from '../../../functions/src/notification/notify-of-actions.ts';

describe('planFollow', () => {
  const wish: FollowState = {
    edgeAt: 5,
    mirrorAt: undefined,
    request: undefined,
    exist: true,
    blocked: false,
    targetIsPrivate: false,
  };
  const none = { edge: 'keep', mirror: 'absent', request: 'absent', isNew: false };
  const stands = { edge: 'keep', mirror: 'present', request: 'absent', isNew: true };

  test.each<[what: string, state: Partial<FollowState>, expected: object]>([
    ['stands at once with a public account', {}, stands],
    ['is charged once', { mirrorAt: 5 }, { ...stands, isNew: false }],
    ['made anew is charged anew', { mirrorAt: 4 }, stands],
    ['is nothing when it was taken back', { edgeAt: undefined, mirrorAt: 5 }, none],
    ['is nothing without both profiles', { exist: false, mirrorAt: 5 }, none],
    ['is taken back when either blocks the other', { blocked: true, mirrorAt: 5 }, { ...none, edge: 'delete' }],
    ['waits with a private account', { targetIsPrivate: true }, { ...none, request: 'pending', isNew: true }],
    [
      'goes on waiting, and is charged once',
      { targetIsPrivate: true, request: { at: 5, status: 'pending' } },
      { ...none, request: 'pending' },
    ],
    [
      'made anew waits anew, whatever was answered before',
      { targetIsPrivate: true, mirrorAt: 4, request: { at: 4, status: 'accepted' } },
      { ...none, request: 'pending', isNew: true },
    ],
    [
      'stands once it is accepted',
      { targetIsPrivate: true, request: { at: 5, status: 'accepted' } },
      { ...stands, request: 'accepted', isNew: false },
    ],
    [
      'ends when it is declined after all',
      { targetIsPrivate: true, mirrorAt: 5, request: { at: 5, status: 'declined' } },
      { ...none, request: 'declined' },
    ],
    ['is kept when the account goes private', { targetIsPrivate: true, mirrorAt: 5 }, { ...stands, isNew: false }],
    [
      'that waits is let in when the account goes public',
      { request: { at: 5, status: 'pending' } },
      { ...stands, request: 'accepted', isNew: false },
    ],
    [
      'that was declined stays so when the account goes public',
      { request: { at: 5, status: 'declined' } },
      { ...none, request: 'declined' },
    ],
  ])('a wish %s', (_, state, expected) => {
    expect(planFollow({ ...wish, ...state })).toEqual(expected);
  });

  test('changes nothing the second time, whatever the state was', () => {
    const times = [undefined, 4, 5];
    const requests: FollowState['request'][] = [
      undefined,
      ...([4, 5] as const).flatMap((at) =>
        (['pending', 'accepted', 'declined'] as const).map((status) => ({ at, status })),
      ),
    ];
    for (const edgeAt of [undefined, 5])
      for (const mirrorAt of times)
        for (const request of requests)
          for (const blocked of [false, true])
            for (const targetIsPrivate of [false, true]) {
              const first = planFollow({ edgeAt, mirrorAt, request, blocked, targetIsPrivate, exist: true });
              const after: FollowState = {
                edgeAt: first.edge === 'delete' ? undefined : edgeAt,
                mirrorAt: first.mirror === 'present' ? 5 : undefined,
                request: first.request === 'absent' ? undefined : { at: 5, status: first.request },
                blocked,
                targetIsPrivate,
                exist: true,
              };
              expect(planFollow(after)).toEqual({ ...first, edge: 'keep', isNew: false });
            }
  });
});

describe('planComment', () => {
  const hash = hashOfText('hello');
  const fresh: CommentState = {
    text: 'hello',
    status: undefined,
    screened: undefined,
    shown: false,
    withdrawn: false,
    standing: 'clear',
  };
  test.each<[what: string, state: Partial<CommentState>, expected: object]>([
    ['is not shown before it is screened', {}, { status: undefined, shown: false, edited: false }],
    ['is shown once its words are screened', { screenedNow: hash }, { status: 'visible', screened: hash, shown: true }],
    ['is not shown for an answer about other words', { screenedNow: 'other' }, { status: undefined, shown: false }],
    ['is held while a person looks', { screenedNow: hash, standing: 'held' }, { status: 'held', screened: hash }],
    [
      'is removed when a person says so',
      { screened: hash, standing: 'removed', shown: true },
      { status: 'removed', shown: false },
    ],
    [
      'that was changed waits, and counts as shown meanwhile',
      { screened: hashOfText('before'), status: 'visible', shown: true },
      { status: undefined, screened: undefined, edited: true, shown: true },
    ],
    [
      'that was changed while it was held stays held',
      { screened: 'x', standing: 'held' },
      { status: 'held', edited: true },
    ],
    ['of somebody blocked is removed, however clean', { screened: hash, withdrawn: true }, { status: 'removed' }],
  ])('a comment %s', (_, state, expected) => {
    expect(planComment({ ...fresh, ...state })).toMatchObject(expected);
  });
});

describe('placeOf', () => {
  const at = (id: string, place?: { depth: number; rootId: string }, parentId?: string) => ({ id, place, parentId });
  test('hangs a comment below the one it answers, and a first one below itself', () => {
    expect(placeOf('me', [])).toEqual({ depth: 0, rootId: 'me' });
    expect(placeOf('me', [at('up', { depth: 3, rootId: 'root' })])).toEqual({ depth: 4, rootId: 'root' });
  });
  test('finds its place when those above have none yet', () => {
    expect(placeOf('me', [at('up', undefined, 'top'), at('top')])).toEqual({ depth: 2, rootId: 'top' });
    expect(placeOf('me', [at('up'), at('top', { depth: 0, rootId: 'top' })])).toEqual({ depth: 2, rootId: 'top' });
  });
  test('goes no deeper than fifty', () => {
    expect(placeOf('me', [at('up', { depth: 50, rootId: 'root' })])).toEqual({ depth: 50, rootId: 'root' });
  });
});

describe('mentionedHandles', () => {
  test.each<[text: string, handles: string[]]>([
    ['hi @Ann_1, and (@bob)!', ['ann_1', 'bob']],
    ['@ann @ann @ANN', ['ann']],
    ['mail me: ann@example.com', []],
    ['https://host/@ann', []],
    ['@ann@elsewhere.example', []],
    ['@ab is too short, and so is @', []],
    [`@${'x'.repeat(21)}`, []],
    ['été@ann', []],
  ])('reads %s', (text, handles) => {
    expect(mentionedHandles(text)).toEqual(handles);
  });
  test('takes twenty, over all texts', () => {
    const many = Array.from({ length: 15 }, (_, nth) => `@user_${nth}`).join(' ');
    const more = Array.from({ length: 15 }, (_, nth) => `@other_${nth}`).join(' ');
    expect(mentionedHandles(many, more)).toHaveLength(20);
  });
});

describe('reachable', () => {
  const each = (uid: string, fields = {}) => ({ uid, blocked: false, follows: false, ...fields });
  const all = [each('ann'), each('bob', { follows: true }), each('eve', { blocked: true }), each('me'), each('joe')];
  test.each([
    ['public', ['ann', 'bob', 'joe']],
    ['followers', ['ann', 'bob']],
    ['private', ['ann']],
  ] as const)(
    'below %s content it leaves out the blocked, those who may not read it, and oneself',
    (visibility, expected) => {
      expect(reachable(all, { authorId: 'me', ownerId: 'ann', visibility })).toEqual(expected);
    },
  );
});

describe('a roll-up', () => {
  test('of all that is written in one slot is one task', () => {
    const counted = { subject: 'content/x', kind: 'likes' } as const;
    const slot = slotOf(new Date(10 * ROLL_UP_SLOT_MS));
    expect(slotOf(new Date(11 * ROLL_UP_SLOT_MS - 1))).toBe(slot);
    expect(rollUpId(counted, slot)).toBe(rollUpId({ ...counted }, slot));
    expect(rollUpId(counted, slot + 1)).not.toBe(rollUpId(counted, slot));
    expect(rollUpId({ ...counted, kind: 'shares' }, slot)).not.toBe(rollUpId(counted, slot));
    expect(rollUpId(counted, slot)).toMatch(/^[A-Za-z0-9_-]+$/);
  });
  test('comes after the end of its slot', () => {
    expect(dueAt(7).getTime()).toBeGreaterThan(8 * ROLL_UP_SLOT_MS);
    expect(slotOf(dueAt(7))).toBe(8);
  });
  test('of much is put off to the end of a longer interval, the same for all of it', () => {
    expect(slotToCount(41, 100_000)).toBe(41);
    const later = new Set([40, 41, 42, 49].map((slot) => slotToCount(slot, 1_000_000)));
    expect([...later]).toEqual([49]);
    expect(slotToCount(50, 1_000_000)).toBe(59);
  });
});

describe('a notification', () => {
  test('has one id however often the same thing is done, and a short one', () => {
    expect(notificationId('like', 'photo', 'bob')).toBe('like:photo:bob');
    const long = notificationId('like', 'p'.repeat(128), 'b'.repeat(128));
    expect(long.length).toBeLessThanOrEqual(128);
    expect(long).not.toBe(notificationId('like', 'p'.repeat(128), 'c'.repeat(128)));
  });
  test('is not sent for a word that its reader has muted', () => {
    expect(holdsMutedWord('Spoiler: he dies', ['spoiler'])).toBe(true);
    expect(holdsMutedWord('nothing here', ['spoiler'])).toBe(false);
    expect(holdsMutedWord('nothing here', [])).toBe(false);
  });
});
