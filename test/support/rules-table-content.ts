/** What is asked of upload tickets and of contents. */
import {
  CAPTION_MAX,
  IMAGE_BYTES_MAX,
  TAGS_MAX,
  TAG_MAX,
  TITLE_MAX,
  VIDEO_BYTES_MAX,
  replyGate,
} from '@playnite/contracts/documents';
import { collection, collectionGroup, getDocs, limit, query, serverTimestamp, where } from 'firebase/firestore';
import { PEOPLE, type Row, content, now } from './rules-world.ts';
import {
  create,
  everybody,
  get,
  list,
  listOf,
  mayPublish,
  nobodyAtAll,
  openTicket,
  remove,
  signedIn,
  staff,
  update,
} from './rules-rows.ts';

export const CONTENT_ROWS: readonly Row[] = [
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
  ...replyGate.options.map((replies) => openTicket(`replies to ${replies}`, mayPublish, { replies })),
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
      ['replies to friends', { replies: 'friends' }],
      ['replies to nothing', { replies: null }],
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
  ...replyGate.options.map((replies) => update(`replies to ${replies}`, 'content/public', { replies }, ['ann'])),
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
      { replies: 'friends' },
      { replies: null },
      { mentions: ['eve'] },
      { hot: 9 },
    ] as Record<string, unknown>[]
  ).map((data) => update(Object.keys(data).join(), 'content/public', data, nobodyAtAll)),
];
