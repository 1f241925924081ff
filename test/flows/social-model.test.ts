/**
 * Random histories of everything that people do to each other, with the functions' deliveries doubled, put in any order, kept
 * waiting, and their handlers killed between any two steps: all of it must end as a plain model says. Each history has a
 * database of its own on the platform's Firestore emulator, of which the platform's own functions do not hear.
 *
 * `CHAOS_SEEDS` plays so many histories, from that of seed `CHAOS_SEED` on (which alone plays that one), of `CHAOS_ACTIONS` actions
 * each. The seed decides what is done and delivered; the clock is the real one, so that a history may come out a little differently the next time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import { CALM, Chaos } from '../support/social-chaos.ts';
import { subjectOf } from '../support/social-comments.ts';
import { differences, differencesOfNumbers, feedsAsShown } from '../support/social-compare.ts';
import { type Action, DOUBTFUL, MODERATOR, REPORTS_EACH, mayDo, waits, write } from '../support/social-actions.ts';
import { SocialModel } from '../support/social-model.ts';

const PEOPLE = ['ann', 'bob', 'eve', 'joe', 'kim', 'leo', 'mia', 'ned'];
const PRIVATE = ['joe', 'kim', 'leo'];
/** So many stay. */
const PEOPLE_MIN = 6;
const FIRST_CONTENTS = 4;
const CONTENTS_MIN = 3;
const CONTENTS_MAX = 7;
const ACTIONS = Number(process.env['CHAOS_ACTIONS'] ?? 120);
/** Many histories at once, on a machine that does other things besides. */
const TIME_MAX_MS = Math.max(180_000, ACTIONS * 1_500);
/** Steps of the functions between two actions, at most: mostly far fewer than what the actions give rise to. */
const STEPS_BETWEEN = 60;
/** Of the actions, so many are done by people who see all that was done before. */
const SETTLES = 0.03;
const TEXTS = ['nice', 'so loud', 'hey @bob', 'cc @eve and @ann', 'ask @joe @kim @nobody', DOUBTFUL];

const FIRST_SEED = Number(process.env['CHAOS_SEED'] ?? 20_261_121);
const SEEDS_BY_DEFAULT = process.env['CHAOS_SEED'] === undefined ? 2 : 1;
const SEEDS = Array.from(
  { length: Number(process.env['CHAOS_SEEDS'] ?? SEEDS_BY_DEFAULT) },
  (_, nth) => FIRST_SEED + nth,
);

const closing: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(closing.map((close) => close())));

test.concurrent.each(SEEDS)(
  'people do what they like, whatever becomes of the deliveries: seed %d',
  async (seed) => {
    const chaos = await Chaos.start(seed);
    closing.push(() => chaos.store.close());
    const { model, done, report } = await play(chaos);
    if (report.length === 0) report.push(...(await look(chaos, model)));
    const { deliveries, crashes } = chaos.tally;
    if (report.length > 0) {
      console.log([`CHAOS_SEED=${seed}: ${deliveries} deliveries, ${crashes} crashes`, ...report, ...done].join('\n'));
    }
    expect(report).toEqual([]);
    expect(done.length).toBe(ACTIONS);
    expect(crashes).toBeGreaterThan(ACTIONS / 2);
  },
  TIME_MAX_MS,
);

/** Looks at all that stands only at the end of a history. */
async function look(chaos: Chaos, model: SocialModel): Promise<string[]> {
  const unrecorded = await chaos.store.reread();
  const found = [
    ...unrecorded.map((path) => `${path} is not as it was recorded`),
    ...differencesOfNumbers(model, chaos.store),
    ...(await feedsAsShown(model, chaos)),
  ];
  await chaos.fireSchedule('social-reconcileCounts');
  return [...found, ...chaos.store.all('counterDrift').map(([, row]) => `drift: ${JSON.stringify(row)}`)];
}

/** What histories have found, as short as it gets; everything is delivered after each action, and all of it once more at the end. */
const FOUND: [title: string, history: Action[]][] = [
  [
    'a wish that waits goes with the account that it is for',
    [
      { kind: 'privacy', by: 'eve', isPrivate: true },
      { kind: 'follow', by: 'ned', whom: 'eve' },
      { kind: 'leave', by: 'eve' },
    ],
  ],
  [
    'news of an answer do not reach whom is gone',
    [
      { kind: 'publish', by: 'ann', contentId: 'photo', visibility: 'public' },
      { kind: 'comment', by: 'joe', contentId: 'photo', commentId: 'first', text: 'nice' },
      { kind: 'comment', by: 'leo', contentId: 'photo', commentId: 'second', text: 'so loud', parentId: 'first' },
      { kind: 'leave', by: 'joe' },
    ],
  ],
  [
    'news of a decision do not answer what was reported after it',
    [
      { kind: 'publish', by: 'ann', contentId: 'photo', visibility: 'public' },
      { kind: 'report', by: 'ned', reportId: 'first', subject: 'content/photo' },
      { kind: 'decide', by: MODERATOR, caseId: 'report-content~photo-1', subject: 'content/photo', decision: 'remove' },
      {
        kind: 'decide',
        by: MODERATOR,
        caseId: 'report-content~photo-1',
        subject: 'content/photo',
        decision: 'restore',
      },
      { kind: 'report', by: 'kim', reportId: 'second', subject: 'content/photo' },
    ],
  ],
  [
    'news of a decision do not name anew what has been erased',
    [
      { kind: 'publish', by: 'ann', contentId: 'photo', visibility: 'public' },
      { kind: 'comment', by: 'ned', contentId: 'photo', commentId: 'first', text: DOUBTFUL },
      { kind: 'remove', by: 'ann', contentId: 'photo' },
    ],
  ],
  [
    'what an account on its way out reports goes with it',
    [
      { kind: 'publish', by: 'ann', contentId: 'photo', visibility: 'public' },
      { kind: 'leave', by: 'kim' },
      { kind: 'report', by: 'kim', reportId: 'first', subject: 'content/photo' },
    ],
  ],
  [
    'what is written by whom is on the way out opens no case',
    [
      { kind: 'publish', by: 'ann', contentId: 'photo', visibility: 'public' },
      { kind: 'leave', by: 'ned' },
      { kind: 'comment', by: 'ned', contentId: 'photo', commentId: 'first', text: DOUBTFUL },
      { kind: 'comment', by: 'ned', contentId: 'photo', commentId: 'second', text: DOUBTFUL },
      { kind: 'comment', by: 'ned', contentId: 'photo', commentId: 'third', text: DOUBTFUL },
    ],
  ],
  [
    'a case about what somebody wrote goes with them',
    [
      { kind: 'publish', by: 'ann', contentId: 'photo', visibility: 'public' },
      { kind: 'comment', by: 'ned', contentId: 'photo', commentId: 'first', text: DOUBTFUL },
      { kind: 'leave', by: 'ned' },
    ],
  ],
  [
    'news of a block do not name anew whom the log has forgotten',
    [
      { kind: 'block', by: 'ned', whom: 'bob' },
      { kind: 'leave', by: 'bob' },
    ],
  ],
];

test.concurrent.each(FOUND)('%s', async (_, history) => {
  const chaos = await Chaos.start(FIRST_SEED, CALM);
  closing.push(() => chaos.store.close());
  const model = await begin(chaos);
  for (const action of history) {
    await act(chaos, model, action);
    expect(await settle(chaos, model)).toEqual([]);
  }
  // An erasure that came again as well would clear up after what came before it.
  await chaos.deliverAgain((name) => !name.includes('-onDeletion'));
  expect(await settle(chaos, model)).toEqual([]);
});

/** Plays a history to its end, or to where what has come of it is no more what the model says. */
async function play(chaos: Chaos): Promise<{ model: SocialModel; done: string[]; report: string[] }> {
  const model = await begin(chaos);
  const { store } = chaos;
  const done: string[] = [];
  for (const by of PEOPLE.slice(0, FIRST_CONTENTS)) {
    const contentId = `photo-of-${by}`;
    await act(chaos, model, { kind: 'publish', by, contentId, visibility: by === 'joe' ? 'followers' : 'public' });
  }
  for (const by of PRIVATE) await act(chaos, model, { kind: 'privacy', by, isPrivate: true });
  let report = await settle(chaos, model);
  while (done.length < ACTIONS && report.length === 0) {
    const action = think(chaos, model, done.length);
    if (!action || !mayDo((path) => store.read(path), action)) continue;
    if (waits(action) || chaos.random() < SETTLES) {
      report = await settle(chaos, model);
      // What comes again may well be under way.
      await chaos.advance(Math.floor(chaos.random() * STEPS_BETWEEN));
    }
    // What has taken effect meanwhile may have made it impossible.
    if (!mayDo((path) => store.read(path), action)) continue;
    const at = await act(chaos, model, action);
    done.push(`${at} ${JSON.stringify(action)}`);
    await chaos.advance(Math.floor(chaos.random() * STEPS_BETWEEN));
  }
  if (report.length === 0) report = await settle(chaos, model);
  if (report.length > 0) return { model, done, report };
  await chaos.deliverAgain();
  await chaos.settle('counted');
  return { model, done, report: await settle(chaos, model) };
}

/** Has everything take effect; says what differs then. */
async function settle(chaos: Chaos, model: SocialModel): Promise<string[]> {
  await chaos.settle();
  model.settled();
  return [...chaos.defects, ...differences(model, chaos.store)];
}

/** Everybody has a profile. */
async function begin({ store }: Chaos): Promise<SocialModel> {
  for (const uid of PEOPLE) {
    const profile = { handle: uid, displayName: uid, createdAt: new Date() };
    await store.commit([
      { kind: 'set', path: `users/${uid}`, fields: profile },
      { kind: 'set', path: `handles/${uid}`, fields: { uid } },
    ]);
  }
  return new SocialModel(PEOPLE);
}

/** Does it: one write of a client, and a note in the model. Returns when it was done, in milliseconds. */
async function act(chaos: Chaos, model: SocialModel, action: Action): Promise<number> {
  // Nobody does two things within a millisecond.
  await sleep(2);
  const at = await write(chaos.store, action, (work) => chaos.call(work));
  model.apply(action, at, (path) => chaos.store.read(path));
  return at;
}

/** How often each thing is thought of. */
const WEIGHTS = {
  follow: 16,
  unfollow: 6,
  answer: 8,
  privacy: 5,
  block: 2,
  unblock: 2,
  mute: 2,
  unmute: 1,
  'mute-thread': 1,
  'unmute-thread': 1,
  words: 1,
  like: 14,
  unlike: 8,
  view: 8,
  comment: 12,
  edit: 8,
  delete: 4,
  share: 6,
  unshare: 4,
  publish: 1,
  visibility: 5,
  gate: 2,
  feedback: 2,
  report: 3,
  decide: 4,
  remove: 1,
  leave: 1,
} satisfies Record<Action['kind'], number>;
const KINDS = Object.entries(WEIGHTS).flatMap(([kind, weight]) =>
  Array.from({ length: weight }, () => kind as Action['kind']),
);

/** Something that somebody might do; whether they may is for the rules to say. */
function think(chaos: Chaos, model: SocialModel, nth: number): Action | undefined {
  const { store } = chaos;
  const kind = chaos.pick(KINDS);
  const [by, whom] = [chaos.pick(PEOPLE), chaos.pick(PEOPLE)];
  const contentId = chaos.pick([...model.contents.keys()]);
  const owner = model.contentOf(contentId).ownerId;
  const owned = [...model.contents.values()].filter(({ ownerId }) => ownerId === by).length;
  const isOdd = chaos.random() < 0.5;
  const comments = model.comments.values().filter((each) => each.contentId === contentId);
  const oneOf = <T>(items: readonly T[]): T | undefined => (items.length === 0 ? undefined : chaos.pick(items));
  switch (kind) {
    case 'follow':
    case 'unfollow':
    case 'block':
    case 'unblock':
    case 'unmute':
      return { kind, by, whom };
    case 'mute':
      return { kind, by, whom, only: isOdd };
    case 'answer': {
      const asking = store.all('followRequests', true).map(([path]) => path.split('/'));
      const [, target, , follower] = oneOf(asking) ?? [];
      if (target === undefined || follower === undefined) return undefined;
      return { kind, by: target, whom: follower, status: chaos.random() < 0.7 ? 'accepted' : 'declined' };
    }
    case 'privacy':
      return { kind, by, isPrivate: isOdd };
    case 'words':
      return { kind, by, words: isOdd ? ['loud'] : [] };
    case 'like':
    case 'unlike':
    case 'view':
    case 'mute-thread':
    case 'unmute-thread':
      return { kind, by, contentId };
    case 'comment': {
      const parentId = isOdd ? oneOf(comments)?.commentId : undefined;
      const comment = { kind, by, contentId, commentId: `comment-${nth}`, text: chaos.pick(TEXTS) };
      return parentId === undefined ? comment : { ...comment, parentId };
    }
    case 'edit':
    case 'delete': {
      const comment = oneOf(comments);
      if (!comment) return undefined;
      const { commentId, authorId, ownerId } = comment;
      if (kind === 'delete') return { kind, by: isOdd ? authorId : ownerId, contentId, commentId };
      // What a person has decided on is not made doubtful anew: whether it is held depends on what was seen in between.
      const wasDecidedOn = model.decisions.has(subjectOf(comment));
      const text = chaos.pick(wasDecidedOn ? TEXTS.filter((each) => each !== DOUBTFUL) : TEXTS);
      return text === comment.text ? undefined : { kind, by: authorId, contentId, commentId, text };
    }
    case 'share': {
      // The app offers a repost to whom has none.
      const target = store
        .all(`content/${contentId}/shares`)
        .some(([, row]) => row['userId'] === by && row['target'] === 'repost')
        ? 'link'
        : 'repost';
      return { kind, by, contentId, shareId: `share-${nth}`, target };
    }
    case 'unshare': {
      const share = oneOf([...model.shares.values()].filter(({ target }) => target === 'repost'));
      return share && { kind, by: share.by, contentId: share.contentId, shareId: share.shareId };
    }
    case 'publish':
      if (model.contents.size >= CONTENTS_MAX) return undefined;
      return { kind, by, contentId: `photo-${nth}`, visibility: isOdd ? 'public' : 'followers' };
    case 'visibility':
      return { kind, by: owner, contentId, visibility: chaos.pick(['public', 'public', 'followers', 'private']) };
    case 'gate':
      return { kind, by: owner, contentId, replies: chaos.pick(['everyone', 'followers', 'mentioned', 'nobody']) };
    case 'feedback':
      return { kind, by, contentId };
    case 'report': {
      const comment = isOdd ? oneOf(comments) : undefined;
      const subject = `content/${contentId}${comment ? `/comments/${comment.commentId}` : ''}`;
      const mine = store.all('reports').filter(([, row]) => row['reporterId'] === by);
      if (mine.length >= REPORTS_EACH || mine.some(([, row]) => row['subject'] === subject)) return undefined;
      return { kind, by, reportId: `report-${nth}`, subject };
    }
    case 'decide': {
      const found = oneOf(store.all('moderationCases'));
      if (!found) return undefined;
      const [path, row] = found;
      const [caseId, subject] = [path.slice(path.indexOf('/') + 1), String(row['subject'])];
      return { kind, by: MODERATOR, caseId, subject, decision: isOdd ? 'remove' : 'restore' };
    }
    case 'remove':
      return model.contents.size <= CONTENTS_MIN ? undefined : { kind, by: owner, contentId };
    case 'leave':
      return model.people.size <= PEOPLE_MIN || owned >= model.contents.size - 1 ? undefined : { kind, by };
  }
}
