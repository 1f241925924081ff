import { describe, expect, test } from '@jest/globals';
import { concernedUsers, routeMessage } from '../../../realtime-server/src/routes.ts';

const message = (name: string, data: unknown) => ({ id: 'e', name, version: 1, at: '2026-01-02T03:04:05.678Z', data });
const stats = { likes: 3, comments: 0, shares: 0, views: 0 };

describe('routeMessage', () => {
  test('brings the numbers of a content to those who watch it, as a state of which the newest counts', () => {
    const data = { contentId: 'photo', stats, version: 70 };
    expect(routeMessage(message('social.stats-changed', data))).toEqual([
      {
        channel: 'content:photo',
        publication: { type: 'social.stats-changed', id: 'e', at: '2026-01-02T03:04:05.678Z', data },
        state: { key: 'stats', number: 70 },
      },
    ]);
  });

  test('brings the numbers of an account to its owner', () => {
    const data = { uid: 'ann', counts: { followers: 1, following: 0, content: 0 }, version: 7 };
    expect(routeMessage(message('social.counts-changed', data))).toMatchObject([
      { channel: 'user:ann', state: { key: 'counts', number: 7 } },
    ]);
  });

  test('brings what becomes of a comment to those who watch its content', () => {
    const gone = { contentId: 'photo', ownerId: 'ann', commentId: 'c', authorId: 'bob' };
    expect(routeMessage(message('social.comment-removed', gone))).toMatchObject([{ channel: 'content:photo' }]);
  });

  test('tells no client who blocks whom, but asks about both again', () => {
    const blocked = message('social.blocked', { blockerUid: 'ann', blockedUid: 'bob' });
    expect(routeMessage(blocked)).toEqual([]);
    expect(concernedUsers(blocked)).toEqual(['ann', 'bob']);
  });

  test('asks again about who follows no more', () => {
    const unfollowed = message('social.unfollowed', { followerUid: 'ann', targetUid: 'bob' });
    expect(concernedUsers(unfollowed)).toEqual(['ann']);
    expect(concernedUsers(message('social.comment-removed', {}))).toEqual([]);
  });
});
