/**
 * Random histories of everything that people do to each other, with the functions' deliveries doubled, put in any order, kept
 * waiting, and their handlers killed between any two steps: all of it must end as a plain model says. Each history has a
 * database of its own on the platform's Firestore emulator, of which the platform's own functions do not hear.
 *
 * `CHAOS_SEED` plays the history of one seed, `CHAOS_SEEDS` so many of them, `CHAOS_ACTIONS` longer ones. The seed decides what is done and delivered; the
 * clock is the real one, so that a history may come out a little differently the next time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import { Chaos } from '../support/social-chaos.ts';
import { differences } from '../support/social-compare.ts';
import { type Action, DOUBTFUL, mayDo, waits, write } from '../support/social-actions.ts';
import { SocialModel } from '../support/social-model.ts';

const PEOPLE = ['ann', 'bob', 'eve', 'joe', 'kim', 'leo', 'mia', 'ned'];
const PRIVATE = ['joe', 'kim', 'leo'];
const FIRST_CONTENTS = 4;
const CONTENTS_MAX = 7;
const ACTIONS = Number(process.env['CHAOS_ACTIONS'] ?? 120);
/** Steps of the functions between two actions, at most: mostly far fewer than what the actions give rise to. */
const STEPS_BETWEEN = 60;
/** Of the actions, so many are done by people who see all that was done before. */
const SETTLES = 0.03;
const TEXTS = ['nice', 'so loud', 'hey @bob', 'cc @eve and @ann', 'ask @joe @kim @nobody', DOUBTFUL];

const asked = process.env['CHAOS_SEED'];
const howMany = Number(process.env['CHAOS_SEEDS'] ?? 2);
const SEEDS = asked === undefined ? Array.from({ length: howMany }, (_, nth) => 20_261_121 + nth) : [Number(asked)];

const closing: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(closing.map((close) => close())));

test.concurrent.each(SEEDS)(
  'people do what they like, whatever becomes of the deliveries: seed %d',
  async (seed) => {
    const chaos = await Chaos.start(seed);
    closing.push(() => chaos.store.close());
    const { model, done } = await play(chaos);
    const unrecorded = await chaos.store.reread();
    const report = [
      ...chaos.defects,
      ...unrecorded.map((path) => `${path} is not as it was recorded`),
      ...differences(model, chaos.store),
    ];
    await chaos.fireSchedule('social-reconcileCounts');
    report.push(...chaos.store.all('counterDrift').map(([, row]) => `drift: ${JSON.stringify(row)}`));
    const { deliveries, crashes } = chaos.tally;
    if (report.length > 0) {
      console.log([`CHAOS_SEED=${seed}: ${deliveries} deliveries, ${crashes} crashes`, ...report, ...done].join('\n'));
    }
    expect(report).toEqual([]);
    expect(done.length).toBe(ACTIONS);
    expect(crashes).toBeGreaterThan(ACTIONS / 2);
  },
  180_000,
);

async function play(chaos: Chaos): Promise<{ model: SocialModel; done: string[] }> {
  const model = new SocialModel(PEOPLE);
  const { store } = chaos;
  const done: string[] = [];
  for (const uid of PEOPLE) {
    const profile = { handle: uid, displayName: uid, createdAt: new Date() };
    await store.commit([
      { kind: 'set', path: `users/${uid}`, fields: profile },
      { kind: 'set', path: `handles/${uid}`, fields: { uid } },
    ]);
  }
  for (const by of PEOPLE.slice(0, FIRST_CONTENTS)) {
    const contentId = `photo-of-${by}`;
    await act(chaos, model, { kind: 'publish', by, contentId, visibility: by === 'joe' ? 'followers' : 'public' });
  }
  for (const by of PRIVATE) await act(chaos, model, { kind: 'privacy', by, isPrivate: true });
  await chaos.settle();
  model.settled();
  while (done.length < ACTIONS) {
    const action = think(chaos, model, done.length);
    if (!action || !mayDo((path) => store.read(path), action)) continue;
    if (waits(action) || chaos.random() < SETTLES) {
      await chaos.settle();
      model.settled();
      // What comes again may well be under way.
      await chaos.advance(Math.floor(chaos.random() * STEPS_BETWEEN));
    }
    // What has taken effect meanwhile may have made it impossible.
    if (!mayDo((path) => store.read(path), action)) continue;
    const at = await act(chaos, model, action);
    done.push(`${at} ${JSON.stringify(action)}`);
    await chaos.advance(Math.floor(chaos.random() * STEPS_BETWEEN));
  }
  await chaos.settle();
  model.settled();
  await chaos.deliverAgain();
  await chaos.settle('counted');
  return { model, done };
}

/** Does it: one write of a client, and a note in the model. Returns when it was done, in milliseconds. */
async function act(chaos: Chaos, model: SocialModel, action: Action): Promise<number> {
  const { store } = chaos;
  // Nobody does two things within a millisecond.
  await sleep(2);
  const at = await write(store, action);
  model.apply(action, at, (path) => store.read(path));
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
  comment: 12,
  edit: 8,
  delete: 4,
  share: 6,
  unshare: 4,
  publish: 1,
} satisfies Record<Action['kind'], number>;
const KINDS = Object.entries(WEIGHTS).flatMap(([kind, weight]) =>
  Array.from({ length: weight }, () => kind as Action['kind']),
);

/** Something that somebody might do; whether they may is for the rules to say. */
function think(chaos: Chaos, model: SocialModel, nth: number): Action | undefined {
  const { store } = chaos;
  const kind = chaos.pick(KINDS);
  const [by, whom] = [chaos.pick(PEOPLE), chaos.pick(PEOPLE)];
  const contentId = chaos.pick([...model.owners.keys()]);
  const isOdd = chaos.random() < 0.5;
  const comments = [...model.comments.values()].filter((each) => each.contentId === contentId);
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
      const text = chaos.pick(TEXTS);
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
      if (model.owners.size >= CONTENTS_MAX) return undefined;
      return { kind, by, contentId: `photo-${nth}`, visibility: isOdd ? 'public' : 'followers' };
  }
}
