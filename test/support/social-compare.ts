/** What differs between everything that the functions have made of a history and what the model says, as sentences. */
import { isDeepStrictEqual } from 'node:util';
import { budgetAt } from '@playnite/contracts/documents';
import { POINTS } from '../../functions/src/social/budget.ts';
import type { RecordedStore, Row } from './recorded-documents.ts';
import { readFeed } from '../../functions/src/social/feed.ts';
import { DOUBTFUL, titleOf } from './social-actions.ts';
import type { Chaos } from './social-chaos.ts';
import { type ModelComment, statusesOf, subjectOf } from './social-comments.ts';
import { type ModelContent, type SocialModel, millis } from './social-model.ts';

type Rows = [path: string, row: Row][];

/** A page of a feed that holds all of it. */
const SHOWN_MAX = 50;

/** Compares two collections by their keys; `of` says what else has to be equal. */
function compare(what: string, stored: Map<string, unknown>, expected: Map<string, unknown>): string[] {
  return [...new Set([...stored.keys(), ...expected.keys()])].toSorted().flatMap((key) => {
    if (!expected.has(key)) return [`${what}: ${key} is there, and should not be: ${show(stored.get(key))}`];
    if (!stored.has(key)) return [`${what}: ${key} is missing`];
    if (isDeepStrictEqual(stored.get(key), expected.get(key))) return [];
    return [`${what}: ${key} is ${show(stored.get(key))}, and should be ${show(expected.get(key))}`];
  });
}

const show = (value: unknown): string => JSON.stringify(value);
const part = (path: string, at: number): string => path.split('/')[at] ?? '';

function bounded(what: string, stored: Set<string>, must: ReadonlySet<string>, may: ReadonlySet<string>): string[] {
  return [
    ...[...must].filter((key) => !stored.has(key)).map((key) => `${what}: ${key} is missing`),
    ...[...stored].filter((key) => !must.has(key) && !may.has(key)).map((key) => `${what}: ${key} should not be there`),
  ];
}

/** What is settled with the last delivery. */
export function differences(model: SocialModel, store: RecordedStore): string[] {
  return [
    ...follows(model, store),
    ...comments(model, store),
    ...sharesAndReposts(model, store),
    ...views(model, store),
    ...activities(model, store),
    ...points(model, store),
    ...feeds(model, store),
    ...notifications(model, store),
    ...standings(model, store),
    ...erasures(model, store),
    ...store.all('deadLetters').map(([path, row]) => `${path}: ${show(row)}`),
  ];
}

function follows(model: SocialModel, store: RecordedStore): string[] {
  const edges = new Map<string, unknown>();
  const mirrors = new Map<string, unknown>();
  const requests = new Map<string, unknown>();
  for (const [pair, at] of model.edges) {
    const [follower = '', target = ''] = pair.split('>');
    const { stands, request } = model.follow(follower, target);
    edges.set(pair, at);
    if (stands) mirrors.set(pair, at);
    if (request !== undefined) requests.set(pair, [at, request]);
  }
  const at = (row: Row) => millis(row['createdAt']);
  const followerFirst = (rows: Rows, valueOf: (row: Row) => unknown) =>
    new Map(rows.map(([path, row]) => [`${part(path, 3)}>${part(path, 1)}`, valueOf(row)]));
  const budgets = new Map(store.all('budgets').map(([path, row]) => [part(path, 1), row['following']]));
  const spent = new Map<string, unknown>([...budgets.keys()].map((uid) => [uid, 0]));
  for (const pair of edges.keys()) {
    const [follower = ''] = pair.split('>');
    spent.set(follower, Number(spent.get(follower) ?? 0) + 1);
  }
  return [
    ...compare(
      'wishes',
      new Map(store.all('following', true).map(([path, row]) => [`${part(path, 1)}>${part(path, 3)}`, at(row)])),
      edges,
    ),
    ...compare('followers', followerFirst(store.all('followers', true), at), mirrors),
    ...compare(
      'requests',
      followerFirst(store.all('followRequests', true), (row) => [at(row), row['status']]),
      requests,
    ),
    ...compare('follows in the budget', budgets, spent),
  ];
}

const commentsIn = (store: RecordedStore): Rows => store.all('comments', true);

function comments(model: SocialModel, store: RecordedStore): string[] {
  const stored = new Map(commentsIn(store).map(([path, row]) => [`${part(path, 1)} ${part(path, 3)}`, row]));
  const isThere = (each: Iterable<string>) => new Map([...each].map((key) => [key, true]));
  const keyOf = ({ contentId, commentId }: ModelComment) => `${contentId} ${commentId}`;
  const found = compare('comments', isThere(stored.keys()), isThere(model.comments.values().map(keyOf)));
  for (const comment of model.comments.values()) {
    const key = keyOf(comment);
    const row = stored.get(key);
    if (!row) continue;
    const { must, may } = model.mentions(comment);
    const status = String(row['status']);
    if (!statusesOf(comment).includes(status)) {
      found.push(`comments: ${key} is ${status}, and should be ${statusesOf(comment).join(' or ')}`);
    }
    const mentioned = new Set(Array.isArray(row['mentions']) ? row['mentions'].map(String) : []);
    found.push(...bounded(`mentions of ${key}`, mentioned, new Set(must), new Set(may)));
    const place = [row['depth'], row['rootId']];
    if (!comment.placeIsOpen && !isDeepStrictEqual(place, [comment.depth, comment.rootId])) {
      found.push(`comments: ${key} hangs at ${show(place)}, and should at ${show([comment.depth, comment.rootId])}`);
    }
    if (row['text'] !== comment.text || row['ownerId'] !== comment.ownerId)
      found.push(`comments: ${key} is ${show(row)}`);
  }
  return found;
}

function sharesAndReposts(model: SocialModel, store: RecordedStore): string[] {
  const stored = new Set(store.all('shares', true).map(([path]) => part(path, 3)));
  const shares = [...model.shares.values()];
  const must = new Set(shares.filter(({ mayBeGone }) => !mayBeGone).map(({ shareId }) => shareId));
  const all = new Set(shares.map(({ shareId }) => shareId));
  const standing = shares.filter(({ shareId }) => stored.has(shareId));
  const reposts = new Map(
    standing
      .filter(({ target }) => target === 'repost')
      .map(({ by, contentId, shareId }) => [`${by}~${contentId}`, shareId]),
  );
  return [
    ...bounded('shares', stored, must, all),
    ...bounded(
      'share codes',
      new Set(store.all('shareCodes').map(([, row]) => String(row['shareId']))),
      stored,
      stored,
    ),
    ...compare('reposts', new Map(store.all('reposts').map(([path, row]) => [part(path, 1), row['shareId']])), reposts),
  ];
}

function views(model: SocialModel, store: RecordedStore): string[] {
  const stored = new Set(store.all('views', true).map(([path]) => `${part(path, 1)} ${part(path, 3)}`));
  const must = [...model.views].flatMap(([key, { mayBeGone }]) => (mayBeGone ? [] : [key]));
  return bounded('views', stored, new Set(must), new Set(model.views.keys()));
}

function activities(model: SocialModel, store: RecordedStore): string[] {
  const expected = new Map<string, unknown>();
  for (const [pair, at] of model.edges) {
    const [follower = '', target = ''] = pair.split('>');
    if (model.follow(follower, target).stands) expected.set(`${follower} follow~${target}`, at);
  }
  for (const pair of model.blocks) {
    const [by = '', whom = ''] = pair.split('>');
    // Whoever blocks anew at once is shown with the first or the second time.
    expected.set(`${by} block~${whom}`, undefined);
  }
  for (const [key, at] of model.likes) {
    const [contentId = '', by = ''] = key.split(' ');
    expected.set(`${by} like~${contentId}`, at);
  }
  for (const { authorId, contentId, commentId, at } of model.comments.values()) {
    expected.set(`${authorId} comment~${contentId}~${commentId}`, at);
  }
  for (const [contentId, { ownerId, at, isDown }] of model.contents) {
    if (!isDown) expected.set(`${ownerId} publish~${contentId}`, at);
  }
  for (const [path, row] of store.all('shares', true)) {
    const [contentId, shareId] = [part(path, 1), part(path, 3)];
    expected.set(`${String(row['userId'])} share~${contentId}~${shareId}`, millis(row['createdAt']));
  }
  const stored = store.all('activity', true).map(([path, row]): [string, unknown] => {
    const isBlock = row['type'] === 'block';
    return [`${part(path, 1)} ${part(path, 3)}`, isBlock ? undefined : millis(row['at'])];
  });
  return compare('own log', new Map(stored), expected);
}

/** What is counted at the end of a slot. */
export function differencesOfNumbers(model: SocialModel, store: RecordedStore): string[] {
  const standing = [...model.edges.keys()]
    .map((pair) => pair.split('>'))
    .filter(([follower = '', target = '']) => model.follow(follower, target).stands);
  const found: string[] = [];
  for (const uid of model.people) {
    const expected = {
      followers: standing.filter(([, target]) => target === uid).length,
      following: standing.filter(([follower]) => follower === uid).length,
      content: [...model.contents.values()].filter(({ ownerId, isDown }) => ownerId === uid && !isDown).length,
    };
    const counts = store.read(`users/${uid}`)?.['counts'];
    found.push(...compare(`numbers of ${uid}`, entries(counts), entries(expected)));
  }
  for (const contentId of model.contents.keys()) {
    const expected = {
      likes: [...model.likes.keys()].filter((key) => key.startsWith(`${contentId} `)).length,
      comments: commentsIn(store).filter(([path, row]) => part(path, 1) === contentId && row['status'] === 'visible')
        .length,
      shares: store.all(`content/${contentId}/shares`).length,
      views: store.all(`content/${contentId}/views`).length,
    };
    const stats = store.read(`content/${contentId}`)?.['stats'];
    found.push(...compare(`numbers of ${contentId}`, entries(stats), entries(expected)));
  }
  return found;
}

/** What stands was charged once, and nothing was charged twice. */
function points(model: SocialModel, store: RecordedStore): string[] {
  return [...model.people].flatMap((uid) => {
    const standing = [
      ...[...model.edges.keys()].filter((pair) => pair.startsWith(`${uid}>`)),
      ...[...model.likes.keys()].filter((key) => key.endsWith(` ${uid}`)),
      ...[...model.comments.values()].filter(({ authorId }) => authorId === uid),
      ...store.all('shares', true).filter(([, row]) => row['userId'] === uid),
    ];
    const { hours = {} } = budgetOf(store, uid) ?? {};
    const spent = Object.values(hours).reduce((sum, hour) => sum + hour.points, 0);
    const [least, most] = [POINTS.create * standing.length, model.pointsMax.get(uid) ?? 0];
    return spent >= least && spent <= most ? [] : [`points of ${uid}: ${spent}, and should be ${least} to ${most}`];
  });
}

const budgetOf = (store: RecordedStore, uid: string) => {
  const { path, shape } = budgetAt(uid);
  return shape.optional().parse(store.read(path));
};

const entries = (value: unknown): Map<string, unknown> =>
  new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);

/** Whether followers may see it, as far as it depends on the content. */
const isOut = ({ visibility, isDown }: ModelContent): boolean => !isDown && visibility !== 'private';

/** Whom somebody follows, all of whose contents must be there; what others repost may be, and nothing else. */
function feeds(model: SocialModel, store: RecordedStore): string[] {
  const must = new Set<string>();
  const may = new Set<string>();
  const reposts = store.all('reposts').map(([, row]) => [String(row['contentId']), String(row['userId'])] as const);
  for (const reader of model.people) {
    for (const [contentId, content] of model.contents) {
      const { ownerId, visibility } = content;
      if (reader === ownerId || !isOut(content)) continue;
      if (model.follow(reader, ownerId).stands) {
        // What is not wanted is taken out, and may come again by other news; it is not shown.
        (model.unwanted.has(`${reader} ${contentId}`) ? may : must).add(`${reader} ${contentId}`);
      } else if (visibility === 'public') {
        for (const [reposted, by] of reposts) {
          if (reposted === contentId && model.follow(reader, by).stands) may.add(`${reader} ${contentId} by ${by}`);
        }
      }
    }
  }
  const rows = store.all('feed', true).map(([path, row]) => {
    const by = row['repostedBy'];
    return `${part(path, 1)} ${part(path, 3)}${typeof by === 'string' ? ` by ${by}` : ''}`;
  });
  return bounded('feeds', new Set(rows), must, may);
}

/** Of what is in the feeds, what each reader is shown when they ask. */
export async function feedsAsShown(model: SocialModel, chaos: Chaos): Promise<string[]> {
  const found: string[] = [];
  for (const reader of model.people) {
    const mutes = (uid: string) => model.mutes.get(`${reader}>${uid}`);
    const blocked = (uid: string) => model.blocks.has(`${reader}>${uid}`) || model.blocks.has(`${uid}>${reader}`);
    const isWanted = (contentId: string, ownerId: string) =>
      mutes(ownerId) !== 'all' &&
      !blocked(ownerId) &&
      !model.unwanted.has(`${reader} ${contentId}`) &&
      !(model.notices.words.get(reader) ?? []).some((word) => titleOf(contentId).includes(word));
    const expected = chaos.store.all(`users/${reader}/feed`).flatMap(([path, row]) => {
      const [contentId, by] = [part(path, 3), row['repostedBy']];
      const passedOn = typeof by === 'string' ? by : undefined;
      if (!isWanted(contentId, String(row['ownerId']))) return [];
      if (passedOn !== undefined && (mutes(passedOn) || blocked(passedOn))) return [];
      return [[contentId, passedOn] as const];
    });
    const { items } = await readFeed(chaos.undisturbed(), reader, { limit: SHOWN_MAX });
    const shown = items.map(({ contentId, repostedBy }) => [contentId, repostedBy] as const);
    found.push(...compare(`what ${reader} is shown`, new Map(shown), new Map(expected)));
  }
  return found;
}

function notifications(model: SocialModel, store: RecordedStore): string[] {
  const { must, may } = model.notifications();
  const stored = store.all('notifications', true);
  const isDecision = (row: Row) => row['type'] === 'moderation-decision';
  const follows = (reader: string, whom: string) => model.everFollowed.has(`${reader}>${whom}`);
  for (const [contentId, { ownerId }] of model.contents) {
    const voices = [ownerId, ...(model.everReposted.get(contentId) ?? [])];
    for (const reader of model.people) {
      if (voices.some((voice) => follows(reader, voice))) may.add(`${reader} new-content:${contentId}`);
    }
  }
  const told = stored.filter(([, row]) => !isDecision(row)).map(([path]) => `${part(path, 1)} ${part(path, 3)}`);
  const decisions = new Map<string, number>();
  for (const [, row] of stored.filter(([, each]) => isDecision(each))) {
    const key = String(row['groupKey']);
    decisions.set(key, (decisions.get(key) ?? 0) + 1);
  }
  const found = bounded('notifications', new Set(told), must, may);
  const toldOf = (subject: string, holds: readonly number[]) => {
    const times = decisions.get(`moderation-decision:${subject}`) ?? 0;
    const decided = model.decisions.get(subject) ?? 0;
    if (holds.includes(times - decided)) return;
    found.push(`notifications: of ${decided} decisions on ${subject} its owner was told ${times} times`);
  };
  for (const contentId of model.contents.keys()) toldOf(`content/${contentId}`, [0]);
  for (const comment of model.comments.values()) {
    const { wasHeld, everyText } = comment;
    const holds = wasHeld === 'yes' ? [1] : everyText.includes(DOUBTFUL) ? [0, 1] : [0];
    toldOf(subjectOf(comment), holds);
  }
  return found;
}

/** So many strikes make an account a limited one, and so many a suspended one. */
const LIMITED_FROM = 3;
const SUSPENDED_FROM = 5;

/** How contents and accounts stand. */
function standings(model: SocialModel, store: RecordedStore): string[] {
  const status = (row: Row | undefined) => row?.['status'];
  const contents = [...model.contents].map(([id, { isDown }]) => [id, isDown ? 'removed' : 'published'] as const);
  const accounts = [...model.people].map((uid) => {
    const strikes = [...model.strikes.values()].filter((bearer) => bearer === uid).length;
    return [uid, strikes >= SUSPENDED_FROM ? 'suspended' : strikes >= LIMITED_FROM ? 'limited' : 'active'] as const;
  });
  const stored = (rows: Rows) => new Map(rows.map(([path, row]) => [part(path, 1), status(row)]));
  return [
    ...compare('contents', stored(store.all('content')), new Map(contents)),
    ...compare('accounts', stored(store.all('users')), new Map(accounts)),
  ];
}

/** What may go on naming somebody who has left: the tombstone, the audit log, and lists that others keep for themselves. */
const KEPT = /^(deletions|moderationLog)\/|^users\/[^/]+\/(blocks|mutes|mutedThreads)\//u;

/** Every deletion has come to its end, and nothing names whom or what was deleted. */
function erasures(model: SocialModel, store: RecordedStore): string[] {
  const running = store.all('deletions').filter(([, row]) => row['state'] !== 'done');
  const gone = [...model.deletions].map((id) => id.slice(id.indexOf('~') + 1));
  const names = ([path, row]: [string, Row]) => {
    const values = Object.values(row).flatMap((value): unknown[] => (Array.isArray(value) ? value : [value]));
    return gone.filter((id) => path.split('/').includes(id) || values.includes(id) || values.includes(`users/${id}`));
  };
  return [
    ...compare(
      'deletions',
      new Map(store.all('deletions').map(([path]) => [part(path, 1), true])),
      new Map([...model.deletions].map((id) => [id, true])),
    ),
    ...running.map(([path, row]) => `${path} has not come to its end: ${show(row)}`),
    ...store
      .everything()
      .filter(([path]) => !KEPT.test(path))
      .flatMap((each) => names(each).map((id) => `${each[0]} still names ${id}: ${show(each[1])}`)),
  ];
}
