/** What is asked of what people are to each other: follows, requests, blocks, mutes; and of the limits of each. */
import { TAG_MAX } from '@playnite/contracts/documents';
import { deleteDoc, doc, serverTimestamp, setDoc } from 'firebase/firestore';
import { create, createdNow, get, listOf, mayFollowEve, nobodyAtAll, remove, update } from './rules-rows.ts';
import { type Row, now } from './rules-world.ts';

export const RELATION_ROWS: readonly Row[] = [
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
    allowed: ['eve', 'lou', 'bob'],
    ask: async (db, who) => {
      if (who === 'bob') await deleteDoc(doc(db, 'users/bob/following/ann'));
      await setDoc(doc(db, `users/${who}/following/ann`), createdNow());
    },
  },
  {
    what: 'follow whom one may block',
    allowed: ['bob', 'eve', 'liz', 'lou'],
    ask: (db, who) => setDoc(doc(db, `users/${who}/following/bill`), createdNow()),
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

  // follow requests
  get('users/ann/followRequests/eve', ['ann', 'eve']),
  ...listOf('users/ann/followRequests', 500, ['ann']),
  create('by who asks', 'users/ann/followRequests/lou', () => ({ ...createdNow(), status: 'pending' }), nobodyAtAll),
  update('let in', 'users/ann/followRequests/eve', { status: 'accepted' }, ['ann']),
  update('turned down', 'users/ann/followRequests/eve', { status: 'declined' }, ['ann']),
  update('let in by a suspended user', 'users/sue/followRequests/eve', { status: 'accepted' }, nobodyAtAll),
  update('of another status', 'users/ann/followRequests/eve', { status: 'followed' }, nobodyAtAll),
  update(
    'dated anew',
    'users/ann/followRequests/eve',
    { status: 'accepted', createdAt: serverTimestamp() },
    nobodyAtAll,
  ),
  remove('users/ann/followRequests/eve', nobodyAtAll),

  // blocks, mutes, muted threads, tags
  ...(
    [
      ['blocks', 'bill', 'lou'],
      ['mutes', 'eve', 'lou'],
      ['mutedThreads', 'eves', 'public'],
      ['followedTags', 'cats', 'dogs and more'],
    ] as const
  ).flatMap(([kind, there, fresh]): Row[] => [
    get(`users/ann/${kind}/${there}`, ['ann']),
    ...listOf(`users/ann/${kind}`, 500, ['ann']),
    create('of another', `users/ann/${kind}/${fresh}`, createdNow, ['ann']),
    create('in the past', `users/ann/${kind}/${fresh}`, () => ({ createdAt: now }), nobodyAtAll),
    create('with more', `users/ann/${kind}/${fresh}`, () => ({ ...createdNow(), x: 1 }), nobodyAtAll),
    update('an entry', `users/ann/${kind}/${there}`, { createdAt: serverTimestamp() }, nobodyAtAll),
    remove(`users/ann/${kind}/${there}`, ['ann']),
  ]),
  create('of oneself', 'users/ann/blocks/ann', createdNow, nobodyAtAll),
  create('of oneself', 'users/ann/mutes/ann', createdNow, nobodyAtAll),
  create('of reposts', 'users/ann/mutes/lou', () => ({ ...createdNow(), only: 'reposts' }), ['ann']),
  create('of something else', 'users/ann/mutes/lou', () => ({ ...createdNow(), only: 'likes' }), nobodyAtAll),
  create('of an id with a space', 'users/ann/mutedThreads/a b', createdNow, nobodyAtAll),
  create('of an id too long', `users/ann/mutedThreads/${'i'.repeat(129)}`, createdNow, nobodyAtAll),
  create('of a tag at its bound', `users/ann/followedTags/${'é'.repeat(TAG_MAX)}`, createdNow, ['ann']),
  create('of a tag too long', `users/ann/followedTags/${'t'.repeat(TAG_MAX + 1)}`, createdNow, nobodyAtAll),

  // limits
  get('users/ron/limits/social', ['ron']),
  ...listOf('users/ron/limits', 1, nobodyAtAll),
  get('users/bob/limits/other', nobodyAtAll),
  create('a later end', 'users/ann/limits/social', () => ({ until: now }), nobodyAtAll),
  update('an earlier end', 'users/ron/limits/social', { until: now }, nobodyAtAll),
  remove('users/ron/limits/social', nobodyAtAll),
];
