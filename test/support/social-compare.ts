/** What differs between everything that the functions have made of a history and what the model says, as sentences. */
import { isDeepStrictEqual } from 'node:util';
import { budgetAt } from '@playnite/contracts/documents';
import { POINTS } from '../../functions/src/social/budget.ts';
import type { RecordedStore, Row } from './recorded-documents.ts';
import { DOUBTFUL } from './social-actions.ts';
import { type SocialModel, millis } from './social-model.ts';

type Rows = [path: string, row: Row][];

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

export function differences(model: SocialModel, store: RecordedStore): string[] {
  return [
    ...follows(model, store),
    ...comments(model, store),
    ...sharesAndReposts(model, store),
    ...activities(model, store),
    ...numbers(model, store),
    ...points(model, store),
    ...feeds(model, store),
    ...notifications(model, store),
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
  const found = compare('comments', isThere(stored.keys()), isThere(model.comments.keys()));
  for (const [key, comment] of model.comments) {
    const row = stored.get(key);
    if (!row) continue;
    const { must, may } = model.mentions(comment);
    const status = String(row['status']);
    if (!model.statuses(comment).includes(status)) {
      found.push(`comments: ${key} is ${status}, and should be ${model.statuses(comment).join(' or ')}`);
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
  for (const [contentId, { ownerId, at }] of model.owners) expected.set(`${ownerId} publish~${contentId}`, at);
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

function numbers(model: SocialModel, store: RecordedStore): string[] {
  const standing = [...model.edges.keys()]
    .map((pair) => pair.split('>'))
    .filter(([follower = '', target = '']) => model.follow(follower, target).stands);
  const found: string[] = [];
  for (const uid of model.people) {
    const expected = {
      followers: standing.filter(([, target]) => target === uid).length,
      following: standing.filter(([follower]) => follower === uid).length,
      content: [...model.owners.values()].filter(({ ownerId }) => ownerId === uid).length,
    };
    const counts = store.read(`users/${uid}`)?.['counts'];
    found.push(...compare(`numbers of ${uid}`, entries(counts), entries(expected)));
  }
  for (const contentId of model.owners.keys()) {
    const expected = {
      likes: [...model.likes.keys()].filter((key) => key.startsWith(`${contentId} `)).length,
      comments: commentsIn(store).filter(([path, row]) => part(path, 1) === contentId && row['status'] === 'visible')
        .length,
      shares: store.all(`content/${contentId}/shares`).length,
      views: 0,
    };
    const stats = store.read(`content/${contentId}`)?.['stats'];
    found.push(...compare(`numbers of ${contentId}`, entries(stats), entries(expected)));
  }
  return found;
}

/** What stands was charged once, and nothing was charged twice. */
function points(model: SocialModel, store: RecordedStore): string[] {
  return model.people.flatMap((uid) => {
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

/** Whom somebody follows, all of whose contents must be there; what others repost may be, and nothing else. */
function feeds(model: SocialModel, store: RecordedStore): string[] {
  const must = new Set<string>();
  const may = new Set<string>();
  const reposts = store.all('reposts').map(([, row]) => [String(row['contentId']), String(row['userId'])] as const);
  for (const reader of model.people) {
    for (const [contentId, { ownerId }] of model.owners) {
      if (reader === ownerId) continue;
      if (model.follow(reader, ownerId).stands) must.add(`${reader} ${contentId}`);
      else {
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

function notifications(model: SocialModel, store: RecordedStore): string[] {
  const { must, may } = model.notifications();
  const stored = store.all('notifications', true);
  const isDecision = (row: Row) => row['type'] === 'moderation-decision';
  const follows = (reader: string, whom: string) => model.everFollowed.has(`${reader}>${whom}`);
  for (const [contentId, { ownerId }] of model.owners) {
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
  for (const { contentId, commentId, held, everyText } of model.comments.values()) {
    const times = decisions.get(`moderation-decision:content/${contentId}/comments/${commentId}`) ?? 0;
    const expected = held === 'yes' ? [1] : everyText.includes(DOUBTFUL) ? [0, 1] : [0];
    if (!expected.includes(times)) found.push(`notifications: ${commentId} was decided on ${times} times`);
  }
  return found;
}
