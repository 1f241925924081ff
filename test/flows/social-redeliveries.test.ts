import { expect, test } from '@jest/globals';
import {
  analyticsTracked,
  moderationCommentScreened,
  moderationStandingChanged,
  socialBlockChanged,
  socialCommentChanged,
  socialCommentWritten,
  socialCommented,
  socialFollowChanged,
  socialFollowRequested,
  socialFollowed,
  socialLikeChanged,
  socialLiked,
  socialMentioned,
  socialProfileChanged,
  socialUnfollowed,
} from '@playnite/contracts/events';
import { deleteDoc, updateDoc } from 'firebase/firestore';
import { type Recorded, db, deliverEvent, dispatchTask, hearersByTopic, listenIn } from '../support/backstage.ts';
import { becomes } from '../support/faults.ts';
import { counts, person } from '../support/platform.ts';
import {
  at,
  block,
  edit,
  handleOf,
  like,
  look,
  publish,
  stat,
  status,
  unfollow,
  unlike,
  write,
} from '../support/social.ts';
import { randomOf, shuffled } from '../support/random.ts';

const TOPICS = [
  analyticsTracked,
  moderationCommentScreened,
  moderationStandingChanged,
  socialBlockChanged,
  socialCommentChanged,
  socialCommentWritten,
  socialCommented,
  socialFollowChanged,
  socialFollowRequested,
  socialFollowed,
  socialLikeChanged,
  socialLiked,
  socialMentioned,
  socialProfileChanged,
  socialUnfollowed,
].map(({ name }) => name);
const SEED = 20_261_121;
const AT_ONCE = 8;
/** Doubtful to the default policy. */
const DOUBTFUL = 'this is fucking great';
const always = () => true;

test('everything that people do takes effect once, though each event of it comes twice more and out of order', async () => {
  const heardSince = await listenIn(TOPICS);
  const [ann, bob, eve, joe] = await Promise.all([person('ann'), person('bob'), person('eve'), person('joe')]);
  const people = [ann, bob, eve, joe].map(({ uid }) => uid);
  const contentId = await publish(ann);

  // Everything that there is to do, and some of it taken back.
  await Promise.all([
    like(bob, contentId),
    like(eve, contentId),
    bob.follow(ann.uid),
    eve.follow(ann.uid),
    ann.follow(joe.uid),
    look(bob, contentId),
  ]);
  await ann.sees(`content/${contentId}`, stat('likes', 2));
  await ann.sees(`content/${contentId}`, stat('views', 1));
  await ann.sees(`users/${ann.uid}`, counts('followers', 2));
  const first = await write(bob, contentId, `hello @${await handleOf(eve)}`);
  const held = await write(eve, contentId, DOUBTFUL);
  const gone = await write(bob, contentId, 'never mind');
  const ofJoe = await write(joe, contentId, 'from joe');
  const pathOf = (commentId: string) => `content/${contentId}/comments/${commentId}`;
  await ann.sees(pathOf(held), status('held'));
  await ann.sees(`content/${contentId}`, stat('comments', 3));
  await edit(bob, pathOf(first), 'hello all');
  await deleteDoc(at(bob, pathOf(gone)));
  await unlike(eve, contentId);
  await unfollow(eve, ann.uid);
  await ann.sees(`users/${ann.uid}`, counts('followers', 1));
  await updateDoc(at(ann, `users/${ann.uid}`), { private: true });
  await eve.follow(ann.uid);
  await eve.sees(`users/${ann.uid}/followRequests/${eve.uid}`, status('pending'));
  await block(ann, joe.uid);
  await ann.sees(pathOf(ofJoe), status('removed'));
  await ann.misses(`users/${ann.uid}/following/${joe.uid}`);
  await ann.sees(pathOf(first), (data) => data['status'] === 'visible' && data['editedAt'] !== undefined);
  await ann.sees(`content/${contentId}`, (data) => stat('likes', 1)(data) && stat('comments', 1)(data));
  await bob.sees(`users/${bob.uid}/activity/comment~${contentId}~${first}`, always);
  await ann.sees(`users/${ann.uid}/notifications/follow-request:${eve.uid}`, always);
  await ann.sees(`users/${ann.uid}`, counts('following', 0));
  await joe.sees(`users/${joe.uid}`, counts('followers', 0));

  const before = await settled(() => stateOf(contentId, people));
  const recorded = await heardSince();
  expect(new Set(recorded.map(({ topic }) => topic))).toEqual(new Set(TOPICS));

  await replay(recorded, contentId, people);
  await becomes(() => settled(() => stateOf(contentId, people)), before);
  const letters = await db.collection('deadLetters').get();
  expect(
    letters.docs.filter((each) => String(each.get('payload')).includes(contentId)).map((each) => each.data()),
  ).toEqual([]);
}, 300_000);

/** Delivers everything twice more to everybody who hears it, in an order that has nothing to do with the first. */
async function replay(recorded: readonly Recorded[], contentId: string, people: readonly string[]): Promise<void> {
  const hearers = await hearersByTopic();
  const mine = recorded.filter(({ json }) => json.includes(contentId) || people.some((uid) => json.includes(uid)));
  const deliveries = mine.flatMap(({ topic, json }) =>
    (hearers.get(topic) ?? []).map((name) => () => deliverEvent(name, json)),
  );
  const slot = Math.floor(Date.now() / 2_000) - 10;
  const tasks = (['likes', 'comments', 'views'] as const).map(
    (kind) => () => dispatchTask('social-rollUp', `again-${kind}`, { subject: `content/${contentId}`, kind, slot }),
  );
  const twice = shuffled([...deliveries, ...tasks, ...deliveries, ...tasks], randomOf(SEED));
  for (let start = 0; start < twice.length; start += AT_ONCE) {
    const answers = await Promise.all(twice.slice(start, start + AT_ONCE).map((deliver) => deliver()));
    expect(answers.filter((answer) => answer >= 300)).toEqual([]);
  }
}

/** Looks until two looks in a row see the same. */
async function settled<T>(look: () => Promise<T>): Promise<T> {
  let [seen, next] = [await look(), await look()];
  for (let looks = 0; looks < 60 && JSON.stringify(seen) !== JSON.stringify(next); looks += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    [seen, next] = [next, await look()];
  }
  return next;
}

/** Everything that an event delivered once too often could wrongly change. */
async function stateOf(contentId: string, people: readonly string[]) {
  const below = await Promise.all(
    people.flatMap((uid) =>
      ['following', 'followers', 'followRequests', 'blocks', 'activity', 'notifications', 'limits'].map(
        async (name) => {
          const found = await db.collection(`users/${uid}/${name}`).get();
          return found.docs.map((each) => [each.ref.path, each.data()] as const);
        },
      ),
    ),
  );
  const ofContent = await Promise.all(
    ['likes', 'comments', 'views'].map(async (name) => {
      const found = await db.collection(`content/${contentId}/${name}`).get();
      return found.docs.map((each) => [each.ref.path, each.data()] as const);
    }),
  );
  const [content, ...users] = await db.getAll(
    db.doc(`content/${contentId}`),
    ...people.map((uid) => db.doc(`users/${uid}`)),
  );
  const budgets = await db.getAll(...people.map((uid) => db.doc(`budgets/${uid}`)));
  const cases = await db.collection('moderationCases').get();
  return {
    documents: Object.fromEntries([...below.flat(), ...ofContent.flat()]),
    stats: content?.get('stats') as unknown,
    counts: users.map((user) => user.get('counts') as unknown),
    budgets: budgets.map((budget) => budget.data()),
    cases: cases.docs.filter((each) => String(each.get('subject')).includes(contentId)).map((each) => each.data()),
  };
}
