/** What is asked of likes, comments and shares. */
import { COMMENT_MAX, shareTarget } from '@playnite/contracts/documents';
import {
  type Firestore,
  collection,
  collectionGroup,
  doc,
  getDocs,
  limit,
  query,
  setDoc,
  where,
} from 'firebase/firestore';
import {
  create,
  createdNow,
  everybody,
  get,
  list,
  listOf,
  nobodyAtAll,
  remove,
  signedIn,
  staff,
  update,
} from './rules-rows.ts';
import { type Person, type Row, comment, now, share } from './rules-world.ts';

/** Who may do something to ann's public content, and of them who may publish. */
const mayLike: readonly Person[] = ['ann', 'bob', 'eve', 'lou', 'mo', 'ada'];
const maySpeak: readonly Person[] = ['ann', 'bob', 'eve', 'mo', 'ada'];
/** Whom eve's content is open to as well: those who block ann, or whom she blocks. */
const mayLikeEves: readonly Person[] = ['ann', 'bob', 'eve', 'bill', 'liz', 'lou', 'mo', 'ada'];

const likeOf = (
  contentId: string,
  allowed: readonly Person[],
  what = 'one’s own',
  data: () => Record<string, unknown> = createdNow,
): Row => ({
  what: `create content/${contentId}/likes: ${what}`,
  allowed,
  ask: (db, who) => setDoc(doc(db, `content/${contentId}/likes/${who}`), data()),
});

const say = (
  what: string,
  allowed: readonly Person[],
  fields: Record<string, unknown> = {},
  contentId = 'public',
  id = 'brand-new',
): Row => create(what, `content/${contentId}/comments/${id}`, (who) => comment(who, fields), allowed);

const shareIt = (
  what: string,
  allowed: readonly Person[],
  fields: Record<string, unknown> = {},
  contentId = 'public',
  id = 'brand-new',
): Row => create(what, `content/${contentId}/shares/${id}`, (who) => share(who, fields), allowed);

const visibleOf = (contentId: string, most: number) => (db: Firestore) =>
  getDocs(query(collection(db, `content/${contentId}/comments`), where('status', '==', 'visible'), limit(most)));

/** Of which contents people may do something to: the same whatever they do, but for who publishes. */
const openings = (
  row: (contentId: string, allowed: readonly Person[]) => Row,
  silenced: readonly Person[],
): readonly Row[] =>
  (
    [
      ['eves', mayLikeEves],
      ['followers', ['ann', 'bob']],
      ['private', ['ann']],
      ['held', nobodyAtAll],
      ['removed', nobodyAtAll],
      ['never-was', nobodyAtAll],
    ] as const
  ).map(([contentId, allowed]) =>
    row(
      contentId,
      allowed.filter((who) => !silenced.includes(who)),
    ),
  );

export const ENGAGEMENT_ROWS: readonly Row[] = [
  // likes
  get('content/public/likes/eve', ['eve', 'ann', ...staff]),
  get('content/never-was/likes/eve', ['eve', ...staff]),
  ...listOf('content/public/likes', 100, ['ann', ...staff]),
  list('likes of everybody', nobodyAtAll, (db) => getDocs(query(collectionGroup(db, 'likes'), limit(1)))),
  likeOf(
    'public',
    mayLike.filter((who) => who !== 'eve'),
    'a second one of eve',
  ),
  likeOf('to-nobody', mayLike),
  ...openings((contentId, allowed) => likeOf(contentId, allowed), []),
  likeOf('eves', nobodyAtAll, 'in the past', () => ({ createdAt: now })),
  likeOf('eves', nobodyAtAll, 'with more', () => ({ ...createdNow(), userId: 'eve' })),
  create('for another', 'content/eves/likes/lou', createdNow, ['lou']),
  update('dated anew', 'content/public/likes/eve', createdNow(), nobodyAtAll),
  update('taken', 'content/public/likes/eve', { takenAt: now }, nobodyAtAll),
  remove('content/public/likes/eve', ['eve']),
  remove('content/public/likes/sue', ['sue']),

  // comments
  get('content/public/comments/fresh', ['eve', 'ann', ...staff]),
  get('content/public/comments/held', ['eve', 'ann', ...staff]),
  get('content/public/comments/removed', ['eve', 'ann', ...staff]),
  get(
    'content/public/comments/visible',
    everybody.filter((who) => who !== 'bill'),
  ),
  get(
    'content/public/comments/screened',
    everybody.filter((who) => who !== 'bill'),
  ),
  get('content/public/comments/edited', ['eve', 'ann', ...staff]),
  get(
    'content/eves/comments/anns',
    everybody.filter((who) => who !== 'bill'),
  ),
  get('content/followers/comments/visible', ['eve', 'ann', 'bob', ...staff]),
  get('content/private/comments/visible', ['eve', 'ann', ...staff]),
  get('content/held/comments/visible', ['eve', 'ann', ...staff]),
  get('content/removed/comments/visible', ['eve', 'ann', ...staff]),
  get('content/public/comments/never-was', signedIn),
  list(
    'comments that are visible',
    everybody.filter((who) => who !== 'bill'),
    visibleOf('public', 100),
  ),
  list('comments that are visible, too many', nobodyAtAll, visibleOf('public', 101)),
  list('comments below a content for followers', ['ann', 'bob', ...staff], visibleOf('followers', 9)),
  list('comments below a private content', ['ann', ...staff], visibleOf('private', 9)),
  list('comments below a removed content', ['ann', ...staff], visibleOf('removed', 9)),
  list('comments that are held', ['ann', ...staff], (db) =>
    getDocs(query(collection(db, 'content/public/comments'), where('status', '==', 'held'), limit(9))),
  ),
  list('comments of one’s own', ['eve', 'ann', ...staff], (db) =>
    getDocs(query(collection(db, 'content/public/comments'), where('authorId', '==', 'eve'), limit(100))),
  ),
  ...listOf('content/public/comments', 100, ['ann', ...staff]),
  list('comments of every depth', nobodyAtAll, (db) =>
    getDocs(query(collectionGroup(db, 'comments'), where('status', '==', 'visible'), limit(1))),
  ),
  say('an honest one', maySpeak),
  say('at the bounds', maySpeak, { text: 'é'.repeat(COMMENT_MAX) }, 'public', 'i'.repeat(128)),
  ...openings((contentId, allowed) => say('of one who may read', allowed, {}, contentId), ['lou']),
  say('to everyone', maySpeak, {}, 'to-everyone'),
  say('to followers', ['ann', 'bob'], {}, 'to-followers'),
  say('to whom it mentions', ['ann', 'eve'], {}, 'to-mentioned'),
  say('to nobody', ['ann'], {}, 'to-nobody'),
  // Whose author looks up the most: within what one request may look up and evaluate.
  say('an answer of a follower whose limit is over', ['ann', 'bob'], { parentId: 'visible' }, 'costly'),
  say('an answer', maySpeak, { parentId: 'visible' }),
  say(
    'an answer to who blocks ann',
    maySpeak.filter((who) => who !== 'ann'),
    { parentId: 'lizs' },
  ),
  say('an answer to ann', ['ann', 'bob', 'eve', 'liz', 'mo', 'ada'], { parentId: 'anns' }, 'eves'),
  ...(
    [
      ['for another', { authorId: 'ghost' }],
      ['no words', { text: '' }],
      ['too many words', { text: 't'.repeat(COMMENT_MAX + 1) }],
      ['words that are no text', { text: 5 }],
      ['words that are a list', { text: ['a'] }],
      ['words that are nothing', { text: null }],
      ['in the past', { createdAt: now }],
      ['an answer to nothing', { parentId: 'never-was' }],
      ['an answer to what is below another content', { parentId: 'anns' }],
      ['an answer to what is elsewhere', { parentId: '../../eves/comments/anns' }],
      ['an answer to a path', { parentId: 'visible/likes/eve' }],
      ['an answer to an id with a tilde', { parentId: 'til~de' }],
      ['an answer to no id', { parentId: null }],
      ['an answer to itself', { parentId: 'brand-new' }],
      ['screened already', { status: 'visible' }],
      ['with mentions', { mentions: ['eve'] }],
      ['with a depth', { depth: 0 }],
      ['with a root', { rootId: 'visible' }],
      ['edited already', { editedAt: now }],
    ] as [string, Record<string, unknown>][]
  ).map(([what, fields]) => say(what, nobodyAtAll, fields)),
  say('in the name of one who may', ['eve'], { authorId: 'eve' }),
  say('an id with a tilde', nobodyAtAll, {}, 'public', 'a~b'),
  say('an id too long', nobodyAtAll, {}, 'public', 'i'.repeat(129)),
  say('over one that is there', nobodyAtAll, {}, 'public', 'visible'),
  update('other words', 'content/public/comments/visible', { text: 'Other' }, ['eve']),
  update('other words at the bound', 'content/public/comments/fresh', { text: 'é'.repeat(COMMENT_MAX) }, ['eve']),
  update('other words while it is held', 'content/public/comments/held', { text: 'Other' }, ['eve']),
  update('other words after it was removed', 'content/public/comments/removed', { text: 'Other' }, nobodyAtAll),
  update('of a suspended user', 'content/public/comments/sues', { text: 'Other' }, nobodyAtAll),
  update('of a limited user', 'content/public/comments/lous', { text: 'Other' }, nobodyAtAll),
  update('of one who has to wait', 'content/public/comments/rons', { text: 'Other' }, nobodyAtAll),
  ...(
    [
      { text: '' },
      { text: 't'.repeat(COMMENT_MAX + 1) },
      { text: 5 },
      { text: ['a'] },
      { text: 'Other', status: 'visible', x: 1 },
      { status: 'held' },
      { authorId: 'ann' },
      { parentId: 'fresh' },
      { createdAt: now, text: 'Other', editedAt: now },
      { mentions: ['ann'] },
    ] as Record<string, unknown>[]
  ).map((data) => update(JSON.stringify(data).slice(0, 60), 'content/public/comments/visible', data, nobodyAtAll)),
  remove('content/public/comments/visible', ['eve', 'ann']),
  remove('content/public/comments/sues', ['sue', 'ann']),
  remove('content/held/comments/visible', ['eve', 'ann']),

  // views, of which each by itself is among what nobody may touch
  list('views of everybody', nobodyAtAll, (db) => getDocs(query(collectionGroup(db, 'views'), limit(1)))),
  list('views of one’s own', nobodyAtAll, (db) =>
    getDocs(query(collectionGroup(db, 'views'), where('userId', '==', 'eve'), limit(1))),
  ),

  // shares
  get('content/public/shares/link', ['eve', 'ann', ...staff]),
  get('content/public/shares/never-was', signedIn),
  ...listOf('content/public/shares', 100, ['ann', ...staff]),
  list('shares of one’s own', ['eve', 'ann', ...staff], (db) =>
    getDocs(query(collection(db, 'content/public/shares'), where('userId', '==', 'eve'), limit(100))),
  ),
  list('shares of one’s own, too many', nobodyAtAll, (db) =>
    getDocs(query(collection(db, 'content/public/shares'), where('userId', '==', 'eve'), limit(101))),
  ),
  list('shares of everybody', nobodyAtAll, (db) => getDocs(query(collectionGroup(db, 'shares'), limit(1)))),
  ...shareTarget.options.map((target) => shareIt(`to ${target}`, maySpeak, { target })),
  ...openings((contentId, allowed) => shareIt('by its link', allowed, {}, contentId), ['lou']),
  shareIt('reposted for followers', nobodyAtAll, { target: 'repost' }, 'followers'),
  shareIt('reposted in private', nobodyAtAll, { target: 'repost' }, 'private'),
  ...(
    [
      ['for another', { userId: 'ghost' }],
      ['to a page', { target: 'https://example.org' }],
      ['to nowhere', { target: null }],
      ['in the past', { createdAt: now }],
      ['with a link', { url: 'https://example.org' }],
      ['with opens', { opens: 9 }],
      ['with reach', { reach: 9 }],
      ['with a code', { code: 'x' }],
    ] as [string, Record<string, unknown>][]
  ).map(([what, fields]) => shareIt(what, nobodyAtAll, fields)),
  shareIt('in the name of one who may', ['eve'], { userId: 'eve' }),
  shareIt('an id with a tilde', nobodyAtAll, {}, 'public', 'a~b'),
  shareIt('an id too long', nobodyAtAll, {}, 'public', 'i'.repeat(129)),
  shareIt('over one that is there', nobodyAtAll, {}, 'public', 'link'),
  update('its target', 'content/public/shares/link', { target: 'repost' }, nobodyAtAll),
  update('its opens', 'content/public/shares/link', { opens: 9 }, nobodyAtAll),
  remove('content/public/shares/repost', ['eve']),
  remove('content/public/shares/link', nobodyAtAll),
];
