/**
 * What is asked of the Firestore rules, and who is let in: everybody else must be refused. The same table judges the rules
 * as they are and every mutant of them.
 */
import {
  BIO_MAX,
  CAPTION_MAX,
  DISPLAY_NAME_MAX,
  IMAGE_BYTES_MAX,
  REPORT_DETAILS_MAX,
  REPORT_REASON_MAX,
  TAGS_MAX,
  TAG_MAX,
  TITLE_MAX,
  VIDEO_BYTES_MAX,
  notificationType,
} from '@playnite/contracts/documents';
import {
  collection,
  collectionGroup,
  deleteDoc,
  doc,
  getDocs,
  limit,
  query,
  serverTimestamp,
  setDoc,
  where,
} from 'firebase/firestore';
import { HELD_ENTRY, HELD_SUBJECT, PEOPLE, type Row, content, now, report } from './rules-world.ts';

import {
  create,
  createdNow,
  everybody,
  fileReport,
  functionsOnly,
  get,
  list,
  listOf,
  mayFollowEve,
  mayPublish,
  mayReport,
  nobodyAtAll,
  openTicket,
  ownersOnly,
  remove,
  rename,
  signUp,
  signedIn,
  staff,
  update,
} from './rules-rows.ts';

export const TABLE: readonly Row[] = [
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
  signUp('a handle that is taken', nobodyAtAll, { handle: 'sue_handle' }),
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
  update('name and bio', 'users/ann', { displayName: 'Other', bio: 'New' }, ['ann']),
  update('of a suspended user', 'users/sue', { displayName: 'Other' }, nobodyAtAll),
  update('counts', 'users/ann', { counts: { followers: 9, following: 0, content: 0 } }, nobodyAtAll),
  update('status', 'users/ann', { status: 'active2' }, nobodyAtAll),
  update('verified', 'users/ann', { verified: true }, nobodyAtAll),
  update('createdAt', 'users/ann', { createdAt: serverTimestamp() }, nobodyAtAll),
  update('a name too long', 'users/ann', { displayName: 'n'.repeat(DISPLAY_NAME_MAX + 1) }, nobodyAtAll),
  update('handle without its document', 'users/ann', { handle: 'elsewhere' }, nobodyAtAll),
  update('to another’s handle', 'users/ann', { handle: 'bob_handle' }, nobodyAtAll),
  rename('new handle taken, old one given up', ['ann', 'bob', 'eve', 'bill', 'lou', 'mo', 'ada'], (batch, db, who) => {
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
  update('hand over', 'handles/ann_handle', { uid: 'eve' }, nobodyAtAll),

  // following and followers
  get('users/bob/following/ann', ['bob', 'ann']),
  ...listOf('users/ann/following', 500, ['ann']),
  {
    what: 'follow',
    allowed: mayFollowEve,
    ask: (db, who) => setDoc(doc(db, `users/${who}/following/eve`), createdNow()),
  },
  {
    what: 'follow oneself',
    allowed: nobodyAtAll,
    ask: (db, who) => setDoc(doc(db, `users/${who}/following/${who}`), createdNow()),
  },
  {
    what: 'follow nobody',
    allowed: nobodyAtAll,
    ask: (db, who) => setDoc(doc(db, `users/${who}/following/ghost`), createdNow()),
  },
  {
    what: 'follow who may block one',
    allowed: ['eve', 'lou', 'mo', 'ada', 'bob'],
    ask: async (db, who) => {
      if (who === 'bob') await deleteDoc(doc(db, 'users/bob/following/ann'));
      await setDoc(doc(db, `users/${who}/following/ann`), createdNow());
    },
  },
  {
    what: 'follow in the past',
    allowed: nobodyAtAll,
    ask: (db, who) => setDoc(doc(db, `users/${who}/following/eve2`), { createdAt: now }),
  },
  create('in the past', 'users/bob/following/eve', () => ({ createdAt: now }), nobodyAtAll),
  create('with more', 'users/bob/following/eve', () => ({ ...createdNow(), close: true }), nobodyAtAll),
  create('for another', 'users/bob/following/mo', createdNow, ['bob']),
  update('an edge', 'users/bob/following/ann', { createdAt: serverTimestamp() }, nobodyAtAll),
  remove('users/bob/following/ann', ['bob']),
  get('users/ann/followers/bob', ['ann', 'bob']),
  ...listOf('users/ann/followers', 500, ['ann']),
  create('by anybody', 'users/ann/followers/eve', createdNow, nobodyAtAll),
  update('by anybody', 'users/ann/followers/bob', { x: 1 }, nobodyAtAll),
  remove('users/ann/followers/bob', nobodyAtAll),

  // blocks and mutes
  ...(['blocks', 'mutes'] as const).flatMap((kind): Row[] => {
    const there = kind === 'blocks' ? 'bill' : 'eve';
    return [
      get(`users/ann/${kind}/${there}`, ['ann']),
      ...listOf(`users/ann/${kind}`, 500, ['ann']),
      create('of another', `users/ann/${kind}/lou`, createdNow, ['ann']),
      create('of oneself', `users/ann/${kind}/ann`, createdNow, nobodyAtAll),
      create('in the past', `users/ann/${kind}/lou`, () => ({ createdAt: now }), nobodyAtAll),
      create('with more', `users/ann/${kind}/lou`, () => ({ ...createdNow(), x: 1 }), nobodyAtAll),
      update('an entry', `users/ann/${kind}/${there}`, { createdAt: serverTimestamp() }, nobodyAtAll),
      remove(`users/ann/${kind}/${there}`, ['ann']),
    ];
  }),

  // feed, activity, notifications
  ...ownersOnly('users/ann/feed/c1', { ownerId: 'eve', publishedAt: now, reason: 'following' }),
  ...listOf('users/ann/feed', 100, ['ann']),
  ...ownersOnly('users/ann/activity/a1', { type: 'x' }),
  ...listOf('users/ann/activity', 100, ['ann']),
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

  // uploads
  get('uploads/open', ['ann', ...staff]),
  list('own uploads', ['ann'], (db) =>
    getDocs(query(collection(db, 'uploads'), where('ownerId', '==', 'ann'), limit(100))),
  ),
  list('own uploads, too many', nobodyAtAll, (db) =>
    getDocs(query(collection(db, 'uploads'), where('ownerId', '==', 'ann'), limit(101))),
  ),
  ...listOf('uploads', 100, nobodyAtAll),
  remove('uploads/open', nobodyAtAll),
  openTicket('an honest one', mayPublish),
  openTicket('at the bounds', mayPublish, {
    title: 'é'.repeat(TITLE_MAX),
    caption: 'c'.repeat(CAPTION_MAX),
    tags: Array.from({ length: TAGS_MAX }, () => 't'.repeat(TAG_MAX)),
    sha256: 'a'.repeat(64),
    size: IMAGE_BYTES_MAX,
    visibility: 'private',
  }),
  openTicket('a video at its bound', mayPublish, { contentType: 'video/mp4', size: VIDEO_BYTES_MAX }),
  openTicket('no tags', mayPublish, { tags: [] }),
  openTicket('for followers', mayPublish, { visibility: 'followers' }),
  openTicket('with the camera', mayPublish, { keepCamera: true }),
  openTicket('without the camera', mayPublish, { keepCamera: false }),
  ...(
    [
      ['for another', { ownerId: 'ghost' }],
      ['no bytes', { size: 0 }],
      ['half a byte', { size: 1.5 }],
      ['an image too large', { size: IMAGE_BYTES_MAX + 1 }],
      ['a video too large', { contentType: 'video/mp4', size: VIDEO_BYTES_MAX + 1 }],
      ['a page', { contentType: 'text/html' }],
      ['a type with a parameter', { contentType: 'image/jpeg; charset=x' }],
      ['a title too long', { title: 't'.repeat(TITLE_MAX + 1) }],
      ['a title that is no text', { title: 5 }],
      ['a title that is a list', { title: ['a'] }],
      ['no caption', { caption: null }],
      ['a caption too long', { caption: 'c'.repeat(CAPTION_MAX + 1) }],
      ['too many tags', { tags: Array.from({ length: TAGS_MAX + 1 }, () => 't') }],
      ['a tag too long', { tags: ['t'.repeat(TAG_MAX + 1)] }],
      ['an empty tag', { tags: ['a', ''] }],
      ['a tag on two lines', { tags: ['a\nb'] }],
      ['a tag that is no text', { tags: [5] }],
      ['tags that are no list', { tags: 'a' }],
      ['tags that are an empty text', { tags: '' }],
      ['tags that are an empty map', { tags: {} }],
      ['for the world', { visibility: 'world' }],
      ['published already', { status: 'published' }],
      ['in the past', { createdAt: now }],
      ['a hash that is none', { sha256: 'xyz' }],
      ['a camera that is no choice', { keepCamera: 'yes' }],
      ['a camera that is nothing', { keepCamera: null }],
      ['with progress', { progress: 1 }],
      ['with a content', { contentId: 'public' }],
    ] as [string, Record<string, unknown>][]
  ).map(([what, fields]) => openTicket(what, nobodyAtAll, fields)),
  openTicket('an id with a space', nobodyAtAll, {}, 'a b'),
  openTicket('an id too long', nobodyAtAll, {}, 'a'.repeat(129)),
  update('cancelled', 'uploads/open', { status: 'cancelled' }, ['ann']),
  update('cancelled while it is worked on', 'uploads/working', { status: 'cancelled' }, nobodyAtAll),
  update('published', 'uploads/open', { status: 'published' }, nobodyAtAll),
  update('cancelled and more', 'uploads/open', { status: 'cancelled', title: 'x' }, nobodyAtAll),
  update('another size', 'uploads/open', { size: 5 }, nobodyAtAll),

  // content
  get(
    'content/public',
    PEOPLE.filter((who) => who !== 'bill'),
  ),
  get('content/followers', ['ann', 'bob', ...staff]),
  get('content/private', ['ann', ...staff]),
  get('content/held', ['ann', ...staff]),
  get('content/removed', ['ann', ...staff]),
  get('content/never-was', signedIn),
  list('public content', everybody, (db) =>
    getDocs(
      query(
        collection(db, 'content'),
        where('status', '==', 'published'),
        where('visibility', '==', 'public'),
        limit(100),
      ),
    ),
  ),
  list('public content, too much', nobodyAtAll, (db) =>
    getDocs(
      query(
        collection(db, 'content'),
        where('status', '==', 'published'),
        where('visibility', '==', 'public'),
        limit(101),
      ),
    ),
  ),
  list('held public content', nobodyAtAll, (db) =>
    getDocs(
      query(collection(db, 'content'), where('status', '==', 'held'), where('visibility', '==', 'public'), limit(9)),
    ),
  ),
  list('published content of any visibility', nobodyAtAll, (db) =>
    getDocs(query(collection(db, 'content'), where('status', '==', 'published'), limit(9))),
  ),
  list('own content', ['ann'], (db) =>
    getDocs(query(collection(db, 'content'), where('ownerId', '==', 'ann'), limit(100))),
  ),
  ...listOf('content', 100, nobodyAtAll),
  list('content of every depth', nobodyAtAll, (db) => getDocs(query(collectionGroup(db, 'content'), limit(1)))),
  list('notifications of everybody', nobodyAtAll, (db) =>
    getDocs(query(collectionGroup(db, 'notifications'), limit(1))),
  ),
  create('by a client', 'content/forged', (who) => content(who), nobodyAtAll),
  remove('content/public', nobodyAtAll),
  update('words', 'content/public', { title: 'New', caption: 'new', tags: ['n'] }, ['ann']),
  update('visibility', 'content/public', { visibility: 'private' }, ['ann']),
  update('of a suspended owner', 'content/sues', { title: 'New' }, nobodyAtAll),
  ...(
    [
      { status: 'held' },
      { ownerId: 'eve' },
      { stats: { likes: 99 } },
      { publishedAt: serverTimestamp() },
      { media: { width: 1 } },
      { title: 't'.repeat(TITLE_MAX + 1) },
      { caption: 'c'.repeat(CAPTION_MAX + 1) },
      { tags: 'x' },
      { visibility: 'world' },
    ] as Record<string, unknown>[]
  ).map((data) => update(Object.keys(data).join(), 'content/public', data, nobodyAtAll)),

  // reports
  get('reports/bobs', ['bob', ...staff]),
  get('reports/sues', ['sue', ...staff]),
  list('own reports', ['bob', ...staff], (db) =>
    getDocs(query(collection(db, 'reports'), where('reporterId', '==', 'bob'), limit(100))),
  ),
  list('own reports, too many', nobodyAtAll, (db) =>
    getDocs(query(collection(db, 'reports'), where('reporterId', '==', 'bob'), limit(101))),
  ),
  ...listOf('reports', 100, staff),
  fileReport('of a content', mayReport),
  fileReport('of a comment', mayReport, { subject: 'content/public/comments/c1' }),
  fileReport(
    'of a user',
    mayReport.filter((who) => who !== 'ann'),
    { subject: 'users/ann' },
  ),
  fileReport('at the bounds', mayReport, {
    subject: `content/${'é'.repeat(128)}/comments/${'c'.repeat(128)}`,
    reason: 'é'.repeat(REPORT_REASON_MAX),
    details: 'é'.repeat(REPORT_DETAILS_MAX),
  }),
  fileReport('an id at its bound', mayReport, {}, 'r'.repeat(128)),
  create(
    'without details',
    'reports/fresh',
    (who) => ({ reporterId: who, subject: 'content/public', reason: 'spam', createdAt: serverTimestamp() }),
    mayReport,
  ),
  create('of oneself', 'reports/fresh', (who) => report(who, { subject: `users/${who}` }), nobodyAtAll),
  ...(
    [
      ['for another', { reporterId: 'ghost' }],
      ['of no subject', { subject: '' }],
      ['of a subject that is no text', { subject: 5 }],
      ['of a subject that is a list', { subject: ['content/public'] }],
      ['of a case', { subject: 'moderationCases/m1' }],
      ['of a whole collection', { subject: 'content/' }],
      ['of what is below a user', { subject: 'users/ann/settings/notifications' }],
      ['of what is below a content', { subject: 'content/public/secrets/s' }],
      ['of what is below a comment', { subject: 'content/public/comments/c1/likes/l1' }],
      ['of two subjects', { subject: 'content/public,users/ann' }],
      ['of a subject with more before', { subject: '/content/public' }],
      ['of an id too long', { subject: `users/${'u'.repeat(129)}` }],
      ['of a comment’s id too long', { subject: `content/public/comments/${'c'.repeat(129)}` }],
      ['of a path too long', { subject: `content/${'😀'.repeat(128)}` }],
      ['with no reason', { reason: '' }],
      ['with a reason too long', { reason: 'r'.repeat(REPORT_REASON_MAX + 1) }],
      ['with a reason that is no text', { reason: 5 }],
      ['with a reason that is a list', { reason: ['spam'] }],
      ['with details too long', { details: 'd'.repeat(REPORT_DETAILS_MAX + 1) }],
      ['with details that are no text', { details: null }],
      ['with details that are a list', { details: [] }],
      ['in the past', { createdAt: now }],
      ['with a status', { status: 'resolved' }],
      ['with an outcome', { outcome: 'action-taken' }],
      ['with weight', { weight: 9 }],
    ] as [string, Record<string, unknown>][]
  ).map(([what, fields]) => fileReport(what, nobodyAtAll, fields)),
  ...(['reason', 'subject', 'reporterId', 'createdAt'] as const).map((field) =>
    create(
      `without ${field}`,
      'reports/fresh',
      (who) => Object.fromEntries(Object.entries(report(who)).filter(([name]) => name !== field)),
      nobodyAtAll,
    ),
  ),
  fileReport('in the name of one who may', ['lou'], { reporterId: 'lou' }),
  fileReport('an id too long', nobodyAtAll, {}, 'r'.repeat(129)),
  fileReport('over one that is there', nobodyAtAll, {}, 'bobs'),
  update('its words', 'reports/bobs', { details: 'Other' }, nobodyAtAll),
  update('its outcome', 'reports/bobs', { status: 'resolved', outcome: 'no-violation' }, nobodyAtAll),
  remove('reports/bobs', nobodyAtAll),
  list('reports of every depth', nobodyAtAll, (db) => getDocs(query(collectionGroup(db, 'reports'), limit(1)))),

  // moderation, storage and operation
  ...functionsOnly('moderationCases/m1', 'moderationCases/m2', staff, staff),
  ...functionsOnly(HELD_SUBJECT, 'moderationSubjects/content~public', staff, nobodyAtAll),
  ...functionsOnly(HELD_ENTRY, 'moderationLog/content~public~000001', staff, staff),
  ...functionsOnly('moderationPolicies/active', 'moderationPolicies/2', staff, staff),
  get('moderationPolicies/1', staff),
  ...functionsOnly('screenings/working', 'screenings/open', staff, nobodyAtAll),
  ...functionsOnly('accountStandings/ann', 'accountStandings/eve', ['ann', ...staff], nobodyAtAll),
  ...functionsOnly('quotas/ann', 'quotas/eve', ['ann'], nobodyAtAll),
  ...functionsOnly('deletions/content~gone', 'deletions/account~eve', ['ann', ...staff], nobodyAtAll),
  list('own deletions', nobodyAtAll, (db) =>
    getDocs(query(collection(db, 'deletions'), where('ownerId', '==', 'ann'), limit(1))),
  ),
  ...functionsOnly('deadLetters/d1', 'deadLetters/d2', ['ada'], ['ada']),
  ...functionsOnly('ops/health', 'ops/sickness', ['ada'], nobodyAtAll),

  // what nobody may touch
  ...[
    'uploadRuns/u',
    'hashes/h',
    'reservations/r',
    'bannedHashes/b',
    'unheard/of',
    'content/public/secrets/s',
    'users/ann/secrets/s',
  ].flatMap((path): Row[] => [
    get(path, nobodyAtAll),
    create('at all', `${path}2`, () => ({ x: 1 }), nobodyAtAll),
    update('at all', path, { x: 1 }, nobodyAtAll),
    remove(path, nobodyAtAll),
    list(`beside ${path}`, nobodyAtAll, (db) =>
      getDocs(query(collection(db, path.slice(0, path.lastIndexOf('/'))), limit(1))),
    ),
  ]),
];
