import { describe, expect, test } from '@jest/globals';
import {
  COMMENT_DEPTH_MAX,
  COMMENT_MAX,
  MENTIONS_MAX,
  MUTED_WORDS_MAX,
  MUTED_WORD_MAX,
  budget,
  comment,
  content,
  feedItem,
  followRequest,
  followableTag,
  like,
  mute,
  muteSettings,
  share,
  uploadTicket,
} from '@playnite/contracts/documents';
import * as events from '@playnite/contracts/events';

const at = { toMillis: () => 0, toDate: () => new Date(0) };
const takes = (shape: { safeParse(value: unknown): { success: boolean } }, value: unknown) =>
  shape.safeParse(value).success;
const written = { authorId: 'ann', text: 'Text', createdAt: at };

describe('events', () => {
  const definitions = Object.values(events).filter(
    (each): each is typeof each & events.EventDefinition =>
      typeof each === 'object' && 'audience' in each && 'orderingKey' in each,
  );

  test('each has a name of its own: a service, and what happened', () => {
    const names = definitions.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => !/^[a-z]+\.[a-z]+(-[a-z]+)*$/.test(name))).toEqual([]);
    expect(names).toContain('social.stats-changed');
  });

  test('the numbers of a content are refused with one of them missing', () => {
    const { data } = events.socialStatsChanged;
    const stats = { likes: 1, comments: 2, shares: 3, views: 4 };
    expect(takes(data, { contentId: 'c', stats, version: 7 })).toBe(true);
    expect(takes(data, { contentId: 'c', stats: { ...stats, likes: undefined }, version: 7 })).toBe(false);
    expect(takes(data, { contentId: 'c', stats, version: -1 })).toBe(false);
  });

  test('a mention of nobody, or of more than twenty, is none', () => {
    const mentioned = (count: number) => ({
      contentId: 'c',
      byUid: 'ann',
      uids: Array.from({ length: count }, (_, index) => `u${index}`),
    });
    expect(takes(events.socialMentioned.data, mentioned(1))).toBe(true);
    expect(takes(events.socialMentioned.data, mentioned(MENTIONS_MAX))).toBe(true);
    expect(takes(events.socialMentioned.data, mentioned(0))).toBe(false);
    expect(takes(events.socialMentioned.data, mentioned(MENTIONS_MAX + 1))).toBe(false);
  });
});

describe('a comment', () => {
  test('is read as its author wrote it, and as functions completed it', () => {
    expect(takes(comment, written)).toBe(true);
    expect(
      takes(comment, { ...written, parentId: 'p', status: 'held', mentions: ['bob'], depth: 1, rootId: 'p' }),
    ).toBe(true);
  });

  test('is as long as the rules let it be, counted in characters and not in units', () => {
    expect(takes(comment, { ...written, text: '😀'.repeat(COMMENT_MAX) })).toBe(true);
    expect(takes(comment, { ...written, text: '😀'.repeat(COMMENT_MAX + 1) })).toBe(false);
    expect(takes(comment, { ...written, text: '' })).toBe(false);
  });

  test('with half a character is refused, since Firestore cannot store it', () => {
    expect(takes(comment, { ...written, text: 'a\ud800' })).toBe(false);
  });

  test('hangs no deeper than threads are shown, and mentions no more than can be reached', () => {
    expect(takes(comment, { ...written, depth: COMMENT_DEPTH_MAX })).toBe(true);
    expect(takes(comment, { ...written, depth: COMMENT_DEPTH_MAX + 1 })).toBe(false);
    expect(takes(comment, { ...written, mentions: Array.from({ length: MENTIONS_MAX + 1 }, () => 'bob') })).toBe(false);
  });

  test('answers a comment by its id, never by a path', () => {
    expect(takes(comment, { ...written, parentId: '../elsewhere' })).toBe(false);
  });
});

describe('what people do', () => {
  test('a share goes to a place that there is, never to an address', () => {
    expect(takes(share, { userId: 'ann', target: 'telegram', createdAt: at })).toBe(true);
    expect(takes(share, { userId: 'ann', target: 'https://example.org', createdAt: at })).toBe(false);
  });

  test('a like is read before and after it took effect', () => {
    expect(takes(like, { createdAt: at })).toBe(true);
    expect(takes(like, { createdAt: at, userId: 'ann', ownerId: 'bob', takenAt: at })).toBe(true);
    expect(takes(like, {})).toBe(false);
  });

  test('a request to follow is pending, accepted or declined', () => {
    expect(takes(followRequest, { createdAt: at, status: 'pending' })).toBe(true);
    expect(takes(followRequest, { createdAt: at, status: 'forgotten' })).toBe(false);
  });

  test('a mute is of everything or of reposts', () => {
    expect(takes(mute, { createdAt: at })).toBe(true);
    expect(takes(mute, { createdAt: at, only: 'reposts' })).toBe(true);
    expect(takes(mute, { createdAt: at, only: 'likes' })).toBe(false);
  });

  test('muted words are bounded in number and length', () => {
    const words = Array.from({ length: MUTED_WORDS_MAX }, () => 'w'.repeat(MUTED_WORD_MAX));
    expect(takes(muteSettings, { words })).toBe(true);
    expect(takes(muteSettings, { words: [...words, 'one more'] })).toBe(false);
    expect(takes(muteSettings, { words: ['w'.repeat(MUTED_WORD_MAX + 1)] })).toBe(false);
    expect(takes(muteSettings, { words: [''] })).toBe(false);
  });

  test('a tag is followed by its name, which has to be an id', () => {
    expect(takes(followableTag, 'black & white')).toBe(true);
    expect(takes(followableTag, 'black/white')).toBe(false);
  });

  test('a budget counts by hours since 1970', () => {
    const spent = { points: 3, follows: 1 };
    expect(takes(budget, { hours: { 490_000: spent }, following: 1 })).toBe(true);
    expect(takes(budget, { hours: { today: spent }, following: 1 })).toBe(false);
  });
});

test('who wrote a ticket, a content or a feed before there were gates and reposts is still understood', () => {
  for (const shape of [uploadTicket.shape.replies, content.shape.replies, feedItem.shape.repostedBy]) {
    expect(takes(shape, undefined)).toBe(true);
    expect(takes(shape, 5)).toBe(false);
  }
});
