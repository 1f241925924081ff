/** What is asked of accounts and of what stands below them. */
import {
  BIO_MAX,
  DISPLAY_NAME_MAX,
  MUTED_WORDS_MAX,
  MUTED_WORD_MAX,
  notificationType,
} from '@playnite/contracts/documents';
import { doc, serverTimestamp } from 'firebase/firestore';
import { type Row, now } from './rules-world.ts';
import {
  create,
  everybody,
  get,
  listOf,
  mayReport,
  nobodyAtAll,
  ownersOnly,
  remove,
  rename,
  signUp,
  signedIn,
  update,
} from './rules-rows.ts';

export const ACCOUNT_ROWS: readonly Row[] = [
  // users and handles
  get('users/ann', signedIn),
  ...listOf('users', 1, nobodyAtAll),
  remove('users/ann', nobodyAtAll),
  signUp('with profile and handle', ['new']),
  signUp('at the bounds', ['new'], {
    user: { displayName: 'é'.repeat(DISPLAY_NAME_MAX), bio: 'b'.repeat(BIO_MAX), avatarContentId: 'c'.repeat(128) },
  }),
  signUp('without a bio', ['new'], { user: { bio: '' } }),
  signUp('a handle of three characters', ['new'], { handle: 'abc' }),
  signUp('a handle of twenty characters', ['new'], { handle: 'a'.repeat(20) }),
  signUp('a handle too short', nobodyAtAll, { handle: 'ab' }),
  signUp('a handle too long', nobodyAtAll, { handle: 'a'.repeat(21) }),
  signUp('a handle with capitals', nobodyAtAll, { handle: 'Fresh' }),
  signUp('a handle with a dash', nobodyAtAll, { handle: 'fresh-name' }),
  signUp('a handle that is taken', nobodyAtAll, { handle: 'lou_handle' }),
  signUp('no handle document', nobodyAtAll, { holder: null }),
  signUp('no profile', nobodyAtAll, { user: null }),
  signUp('the handle is another’s', nobodyAtAll, { holder: { uid: 'eve' } }),
  signUp('the handle says more', nobodyAtAll, { holder: { verified: true } }),
  signUp('the profile names another handle', nobodyAtAll, { user: { handle: 'other_name' } }),
  signUp('a name too long', nobodyAtAll, { user: { displayName: 'n'.repeat(DISPLAY_NAME_MAX + 1) } }),
  signUp('no name', nobodyAtAll, { user: { displayName: '' } }),
  signUp('a name that is no text', nobodyAtAll, { user: { displayName: 5 } }),
  signUp('a name that is a list', nobodyAtAll, { user: { displayName: ['a'] } }),
  signUp('a bio too long', nobodyAtAll, { user: { bio: 'b'.repeat(BIO_MAX + 1) } }),
  signUp('an avatar that is no text', nobodyAtAll, { user: { avatarContentId: 5 } }),
  signUp('in the past', nobodyAtAll, { user: { createdAt: now } }),
  signUp('with counts', nobodyAtAll, { user: { counts: { followers: 9 } } }),
  signUp('with a status', nobodyAtAll, { user: { status: 'active' } }),
  signUp('with a role', nobodyAtAll, { user: { role: 'admin' } }),
  create(
    'another’s profile',
    'users/ghost',
    () => ({ handle: 'ann_handle', displayName: 'G', bio: '', createdAt: serverTimestamp() }),
    nobodyAtAll,
  ),
  create(
    'with a handle that is there',
    'users/new',
    () => ({ handle: 'new_handle', displayName: 'N', bio: '', createdAt: serverTimestamp() }),
    ['new'],
  ),
  signUp('private', ['new'], { user: { private: true } }),
  signUp('private in a manner of speaking', nobodyAtAll, { user: { private: 'yes' } }),
  signUp('private and nothing', nobodyAtAll, { user: { private: null } }),
  update('private', 'users/ann', { private: true }, ['ann']),
  update('private in a manner of speaking', 'users/ann', { private: 'yes' }, nobodyAtAll),
  update('name and bio', 'users/ann', { displayName: 'Other', bio: 'New' }, ['ann']),
  update('of a suspended user', 'users/sue', { displayName: 'Other' }, nobodyAtAll),
  update('counts', 'users/ann', { counts: { followers: 9, following: 0, content: 0 } }, nobodyAtAll),
  update('status', 'users/ann', { status: 'active2' }, nobodyAtAll),
  update('verified', 'users/ann', { verified: true }, nobodyAtAll),
  update('createdAt', 'users/ann', { createdAt: serverTimestamp() }, nobodyAtAll),
  update('a name too long', 'users/ann', { displayName: 'n'.repeat(DISPLAY_NAME_MAX + 1) }, nobodyAtAll),
  update('handle without its document', 'users/ann', { handle: 'elsewhere' }, nobodyAtAll),
  update('to another’s handle', 'users/ann', { handle: 'bob_handle' }, nobodyAtAll),
  rename('new handle taken, old one given up', mayReport, (batch, db, who) => {
    batch.update(doc(db, `users/${who}`), { handle: 'renamed' });
    batch.set(doc(db, 'handles/renamed'), { uid: who });
    batch.delete(doc(db, `handles/${who}_handle`));
  }),
  rename('old handle kept', nobodyAtAll, (batch, db, who) => {
    batch.update(doc(db, `users/${who}`), { handle: 'renamed' });
    batch.set(doc(db, 'handles/renamed'), { uid: who });
  }),
  rename('old handle given up, the new one not taken', nobodyAtAll, (batch, db, who) => {
    batch.update(doc(db, `users/${who}`), { handle: 'renamed' });
    batch.delete(doc(db, `handles/${who}_handle`));
  }),
  get('handles/ann_handle', everybody),
  ...listOf('handles', 1, nobodyAtAll),
  remove('handles/ann_handle', nobodyAtAll),
  create('that one’s profile names, again', 'handles/sue_handle', (who) => ({ uid: who }), ['sue']),
  create('that one’s profile names, for another', 'handles/sue_handle', () => ({ uid: 'eve' }), nobodyAtAll),
  update('hand over', 'handles/ann_handle', { uid: 'eve' }, nobodyAtAll),

  // feed, activity, notifications
  ...ownersOnly('users/ann/feed/c1', { ownerId: 'eve', publishedAt: now, reason: 'following' }),
  ...listOf('users/ann/feed', 100, ['ann']),
  ...ownersOnly('users/ann/activity/a1', { type: 'x' }),
  ...listOf('users/ann/activity', 100, ['ann']),
  ...ownersOnly('users/ann/feedback/c1', { signal: 'not-interested' }),
  ...listOf('users/ann/feedback', 100, ['ann']),
  get('users/ann/notifications/n1', ['ann']),
  ...listOf('users/ann/notifications', 100, ['ann']),
  create('by the owner', 'users/ann/notifications/n2', () => ({ title: 'x' }), nobodyAtAll),
  update('read', 'users/ann/notifications/n1', { readAt: serverTimestamp() }, ['ann']),
  update('seen', 'users/ann/notifications/n1', { seenAt: serverTimestamp() }, ['ann']),
  update('read and seen', 'users/ann/notifications/n1', { readAt: serverTimestamp(), seenAt: serverTimestamp() }, [
    'ann',
  ]),
  update('read in the past', 'users/ann/notifications/n1', { readAt: now }, nobodyAtAll),
  update('seen in the past', 'users/ann/notifications/n1', { seenAt: now }, nobodyAtAll),
  update('its title', 'users/ann/notifications/n1', { title: 'other' }, nobodyAtAll),
  remove('users/ann/notifications/n1', ['ann']),

  // settings and devices
  get('users/ann/settings/notifications', ['ann']),
  ...listOf('users/ann/settings', 1, nobodyAtAll),
  create('of another kind', 'users/ann/settings/other', () => ({ digest: 'off' }), nobodyAtAll),
  remove('users/ann/settings/notifications', ['ann']),
  create(
    'everything',
    'users/ann/settings/notifications',
    () => ({
      channels: { inApp: true, push: false, email: true },
      types: Object.fromEntries(notificationType.options.map((type) => [type, { inApp: false, push: true }])),
      quietHours: { start: '22:00', end: '07:30', timeZone: 'Europe/Berlin' },
      digest: 'daily',
      locale: 'de-DE',
    }),
    ['ann'],
  ),
  create('nothing', 'users/ann/settings/notifications', () => ({}), ['ann']),
  create('no quiet hours', 'users/ann/settings/notifications', () => ({ quietHours: null }), ['ann']),
  ...(
    [
      { more: 1 },
      { channels: 'all' },
      { channels: { fax: true } },
      { channels: { inApp: 'yes' } },
      { channels: { push: 1 } },
      { channels: { email: 'a@b.c' } },
      { types: 'all' },
      { types: { unknown: {} } },
      ...notificationType.options.map((type) => ({ types: { [type]: { inApp: 1 } } })),
      { quietHours: 'night' },
      { quietHours: { start: '22:00', end: '07:00', timeZone: 'x', more: 1 } },
      { quietHours: { start: '24:00', end: '07:00', timeZone: 'x' } },
      { quietHours: { start: '22:00', end: '07:60', timeZone: 'x' } },
      { quietHours: { start: 22, end: '07:00', timeZone: 'x' } },
      { quietHours: { start: '22:00', end: '07:00', timeZone: 'z'.repeat(65) } },
      { digest: 'yearly' },
      { locale: 'l'.repeat(36) },
    ] as Record<string, unknown>[]
  ).map((data) =>
    create(JSON.stringify(data).slice(0, 60), 'users/ann/settings/notifications', () => data, nobodyAtAll),
  ),
  get('users/ann/settings/mutes', ['ann']),
  remove('users/ann/settings/mutes', ['ann']),
  create('no words', 'users/ann/settings/mutes', () => ({ words: [] }), ['ann']),
  create(
    'words at the bounds',
    'users/ann/settings/mutes',
    () => ({ words: Array.from({ length: MUTED_WORDS_MAX }, () => 'é'.repeat(MUTED_WORD_MAX)) }),
    ['ann'],
  ),
  ...(
    [
      { words: Array.from({ length: MUTED_WORDS_MAX + 1 }, () => 'w') },
      { words: ['w'.repeat(MUTED_WORD_MAX + 1)] },
      { words: ['a', ''] },
      { words: 'rain' },
      { words: [5] },
      { words: [], more: 1 },
      {},
    ] as Record<string, unknown>[]
  ).map((data) => create(JSON.stringify(data).slice(0, 60), 'users/ann/settings/mutes', () => data, nobodyAtAll)),
  get('users/ann/devices/d1', ['ann']),
  ...listOf('users/ann/devices', 100, ['ann']),
  create(
    'a phone',
    'users/ann/devices/d2',
    () => ({ token: 't'.repeat(4096), platform: 'ios', updatedAt: serverTimestamp() }),
    ['ann'],
  ),
  create(
    'an unknown platform',
    'users/ann/devices/d2',
    () => ({ token: 't', platform: 'fridge', updatedAt: serverTimestamp() }),
    nobodyAtAll,
  ),
  create(
    'a token too long',
    'users/ann/devices/d2',
    () => ({ token: 't'.repeat(4097), platform: 'ios', updatedAt: serverTimestamp() }),
    nobodyAtAll,
  ),
  create(
    'with more',
    'users/ann/devices/d2',
    () => ({ token: 't', platform: 'ios', updatedAt: serverTimestamp(), x: 1 }),
    nobodyAtAll,
  ),
  create('in the past', 'users/ann/devices/d2', () => ({ token: 't', platform: 'ios', updatedAt: now }), nobodyAtAll),
  update('a new token', 'users/ann/devices/d1', { token: 'u', updatedAt: serverTimestamp() }, ['ann']),
  remove('users/ann/devices/d1', ['ann']),
];
