import { describe, expect, test } from '@jest/globals';
import type { Comment, FollowRequest, Like, User } from '@playnite/contracts/documents';
import type { Announcement } from '../../../functions/src/platform/on-document.ts';
import {
  announceBlock,
  announceComment,
  announceFollowRequest,
  announceFollower,
  announceLike,
  announceView,
} from '../../../functions/src/social/announce-actions.ts';
import { announceProfile } from '../../../functions/src/social/announce-profile.ts';

const moment = new Date('2026-01-02T03:04:05.678Z');
const stamp = (ms = moment.getTime()) => ({ toMillis: () => ms, toDate: () => new Date(ms) });
const change = <T>(before: T | undefined, after: T | undefined, version = '1.000') => ({
  params: { uid: 'ann', followerUid: 'bob', targetUid: 'bob', contentId: 'photo', commentId: 'c' },
  before,
  after,
  at: moment,
  version,
});
const names = ({ events = [] }: Announcement) => events.map(({ envelope }) => envelope.name);
const kinds = ({ tasks = [] }: Announcement) =>
  tasks.map(({ data }) => `${String(data['subject'])} ${String(data['kind'])}`);

describe('announceLike', () => {
  const like: Like = { createdAt: stamp() };
  const taken: Like = { ...like, userId: 'ann', ownerId: 'joe', takenAt: stamp() };

  test('has a like looked at and its content counted, when it comes and when it goes', () => {
    expect(names(announceLike(change(undefined, like)))).toEqual(['social.like-changed']);
    expect(kinds(announceLike(change(undefined, like)))).toEqual(['content/photo likes']);
    expect(names(announceLike(change(taken, undefined)))).toEqual(['social.like-changed', 'social.unliked']);
    expect(names(announceLike(change(like, undefined)))).toEqual(['social.like-changed']);
  });

  test('says nothing of what functions write to it', () => {
    expect(announceLike(change(like, taken))).toEqual({});
  });

  test('gives a redelivery the ids of the first', () => {
    const [first, again] = [announceLike(change(undefined, like)), announceLike(change(undefined, like))];
    expect(again.events?.[0]?.envelope.id).toBe(first.events?.[0]?.envelope.id);
    expect(again.tasks?.[0]?.id).toBe(first.tasks?.[0]?.id);
  });
});

describe('announceView', () => {
  const view = { userId: 'ann', viewedAt: stamp() };

  test('has the content counted when a view comes and when it goes, and not in between', () => {
    expect(kinds(announceView(change(undefined, view)))).toEqual(['content/photo views']);
    expect(kinds(announceView(change(view, undefined)))).toEqual(['content/photo views']);
    expect(announceView(change(view, { ...view, viewedAt: stamp(9) }))).toEqual({});
  });
});

describe('announceFollower', () => {
  const mirror = { createdAt: stamp(), followerUid: 'bob' };
  const both = ['users/ann followers', 'users/bob following'];
  test('tells of a follow and of its end, and has both numbers counted', () => {
    const [came, went] = [announceFollower(change(undefined, mirror)), announceFollower(change(mirror, undefined))];
    expect([names(came), kinds(came)]).toEqual([['social.followed'], both]);
    expect([names(went), kinds(went)]).toEqual([['social.unfollowed'], both]);
  });
  test('counts nothing anew when one wish takes the place of another', () => {
    const again = announceFollower(change(mirror, { ...mirror, createdAt: stamp(9) }));
    expect([names(again), kinds(again)]).toEqual([['social.followed'], []]);
  });
});

describe('announceFollowRequest', () => {
  const request = (status: FollowRequest['status'], at?: number): FollowRequest => ({ createdAt: stamp(at), status });
  test.each([
    ['a new one', undefined, request('pending'), ['social.follow-requested']],
    ['its answer', request('pending'), request('accepted'), ['social.follow-changed']],
    ['a change of mind', request('accepted'), request('declined'), ['social.follow-changed']],
    ['one in the place of another', request('declined', 1), request('pending', 2), ['social.follow-requested']],
    ['one that is gone', request('pending'), undefined, []],
  ])('tells of %s', (_, before, after, expected) => {
    expect(names(announceFollowRequest(change(before, after)))).toEqual(expected);
  });
});

describe('announceBlock', () => {
  test('tells of a block and of its end', () => {
    const block = { createdAt: stamp() };
    expect(names(announceBlock(change(undefined, block)))).toEqual(['social.block-changed']);
    expect(names(announceBlock(change(block, undefined)))).toEqual(['social.block-changed']);
    expect(announceBlock(change(block, block))).toEqual({});
  });
});

describe('announceComment', () => {
  const written: Comment = { authorId: 'bob', text: 'hello', createdAt: stamp() };
  const shown: Comment = { ...written, ownerId: 'ann', takenAt: stamp(), shownAt: stamp(), status: 'visible' };
  const waiting: Comment = { ...shown, text: 'other' };
  const news = ['social.comment-changed', 'social.comment-written'];
  test.each<[string, Comment | undefined, Comment | undefined, string[], counted: boolean]>([
    ['a new one', undefined, written, news, false],
    ['its first showing', written, shown, [], true],
    ['an edit', shown, waiting, news, false],
    ['what is held', shown, { ...shown, status: 'held' }, ['social.comment-removed'], true],
    ['what is taken down', shown, { ...shown, status: 'removed' }, ['social.comment-removed'], true],
    ['what is deleted', shown, undefined, ['social.comment-changed', 'social.comment-removed'], true],
    ['what is deleted unseen', written, undefined, ['social.comment-changed'], false],
    ['what functions add', shown, { ...shown, mentions: ['joe'] }, [], false],
  ])('tells of %s', (_, before, after, expected, counted) => {
    const announced = announceComment(change(before, after));
    expect(names(announced)).toEqual(expected);
    expect(kinds(announced)).toEqual(counted ? ['content/photo comments'] : []);
  });
});

describe('announceProfile', () => {
  const complete: User = {
    handle: 'ann',
    displayName: 'Ann',
    bio: '',
    createdAt: stamp(),
    counts: { followers: 0, following: 0, content: 0 },
    status: 'active',
  };
  test('tells of a profile that goes public, and of no other edit of a complete one', () => {
    expect(names(announceProfile(change({ ...complete, private: true }, complete)))).toEqual([
      'social.profile-changed',
    ]);
    expect(announceProfile(change(complete, { ...complete, private: true }))).toEqual({});
    expect(announceProfile(change(complete, { ...complete, bio: 'new' }))).toEqual({});
  });
});
