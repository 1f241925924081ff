/**
 * A small world in which the Firestore rules are asked: who there is, what there is, and whether a request gets the answer
 * that it must.
 */
import { createHash } from 'node:crypto';
import {
  type RulesTestEnvironment,
  assertFails,
  assertSucceeds,
  initializeTestEnvironment,
} from '@firebase/rules-unit-testing';
import { logEntryId, subjectKey } from '@playnite/contracts/documents';
import { type Firestore, doc, serverTimestamp, writeBatch } from 'firebase/firestore';

/** What functions alone read and write. */
export const UNTOUCHABLE = [
  'uploadRuns/u',
  'hashes/h',
  'reservations/r',
  'bannedHashes/b',
  'budgets/ann',
  'feedStates/ann',
  'shareCodes/s',
  'shareReach/s',
  'serverKeys/viewers',
  'discoverStates/ann',
  'feedAuthors/ann',
  'reposts/r',
  'fanOuts/f',
  'idempotencyKeys/k',
  'unheard/of',
  'content/public/shares/link/reach/r',
  'content/public/views/eve',
  'content/public/secrets/s',
  'users/ann/secrets/s',
];

/**
 * ann owns everything; bob follows her; eve is anybody; bill is blocked by her; liz blocks her; sue is suspended, and her handle
 * has been lost; lou is limited; ron did too much and has to wait, bob has waited; mo and ada are moderator and admin, and follow
 * too many; new has an account and a handle, and no profile; gone has deleted theirs, and still holds a token; nobody is not signed in.
 */
export const PEOPLE = [
  'nobody',
  'new',
  'ann',
  'bob',
  'eve',
  'bill',
  'liz',
  'sue',
  'lou',
  'ron',
  'mo',
  'ada',
  'gone',
] as const;
export type Person = (typeof PEOPLE)[number];

const CLAIMS: Partial<Record<Person, { role: string }>> = { mo: { role: 'moderator' }, ada: { role: 'admin' } };
/** The held content as moderation keeps it: its standing, and the first entry in its log. */
export const HELD_SUBJECT = `moderationSubjects/${subjectKey('content/held')}`;
export const HELD_ENTRY = `moderationLog/${logEntryId('content/held', 1)}`;
/** Long past, whenever the tests run. */
export const now = new Date('2026-01-01T00:00:00Z');
const FAR_OFF = new Date('2126-01-01T00:00:00Z');

export const ticket = (ownerId: string, fields: Record<string, unknown> = {}) => ({
  ownerId,
  contentType: 'image/jpeg',
  size: 1000,
  title: 'Title',
  caption: 'Caption',
  tags: ['one', 'two'],
  visibility: 'public',
  status: 'awaiting-file',
  createdAt: serverTimestamp(),
  ...fields,
});

export const content = (ownerId: string, fields: Record<string, unknown> = {}) => ({
  ownerId,
  owner: { handle: ownerId, displayName: ownerId },
  kind: 'image',
  title: 'Title',
  caption: '',
  tags: [],
  mentions: [],
  visibility: 'public',
  status: 'published',
  media: {},
  stats: { likes: 0, comments: 0, shares: 0, views: 0 },
  publishedAt: now,
  updatedAt: now,
  ...fields,
});

export const report = (reporterId: string, fields: Record<string, unknown> = {}) => ({
  reporterId,
  subject: 'content/public',
  reason: 'spam',
  details: 'Details',
  createdAt: serverTimestamp(),
  ...fields,
});

export const comment = (authorId: string, fields: Record<string, unknown> = {}) => ({
  authorId,
  text: 'Text',
  createdAt: serverTimestamp(),
  ...fields,
});

export const share = (userId: string, fields: Record<string, unknown> = {}) => ({
  userId,
  target: 'link',
  createdAt: serverTimestamp(),
  ...fields,
});

const profile = (handle: string, fields: Record<string, unknown> = {}) => ({
  handle,
  displayName: 'Name',
  bio: '',
  createdAt: now,
  counts: { followers: 0, following: 0, content: 0 },
  status: 'active',
  ...fields,
});

type Put = (path: string, data: Record<string, unknown>) => unknown;

/** What people did to the contents. */
function furnishSocial(put: Put): void {
  put('content/public/likes/eve', { createdAt: now });
  put('content/public/likes/sue', { createdAt: now });
  put('content/public/comments/fresh', comment('eve', { createdAt: now }));
  for (const status of ['visible', 'held', 'removed']) {
    put(`content/public/comments/${status}`, comment('eve', { createdAt: now, status }));
  }
  for (const who of ['sue', 'lou', 'ron', 'liz']) {
    put(`content/public/comments/${who}s`, comment(who, { createdAt: now, status: 'visible' }));
  }
  const hash = createHash('sha256').update('Text').digest('hex');
  put('content/public/comments/screened', comment('eve', { createdAt: now, status: 'visible', screened: hash }));
  put('content/public/comments/edited', comment('eve', { createdAt: now, status: 'visible', screened: 'of others' }));
  put('content/public/comments/til~de', comment('eve', { createdAt: now, status: 'visible' }));
  put('content/eves/comments/anns', comment('ann', { createdAt: now, status: 'visible' }));
  for (const place of ['followers', 'private', 'held', 'removed', 'costly']) {
    put(`content/${place}/comments/visible`, comment('eve', { createdAt: now, status: 'visible' }));
  }
  put('content/public/shares/link', share('eve', { createdAt: now }));
  put('content/public/shares/repost', share('eve', { createdAt: now, target: 'repost' }));
}

/** What there is. */
async function furnish(db: Firestore): Promise<void> {
  const batch = writeBatch(db);
  const put = (path: string, data: Record<string, unknown>) => batch.set(doc(db, path), data);
  for (const uid of ['ann', 'bob', 'eve', 'bill', 'liz', 'ron', 'mo', 'ada']) {
    put(`users/${uid}`, profile(`${uid}_handle`));
    put(`handles/${uid}_handle`, { uid });
  }
  put('users/sue', profile('sue_handle', { status: 'suspended' }));
  put('users/lou', profile('lou_handle', { status: 'limited' }));
  put('handles/lou_handle', { uid: 'lou' });
  put('handles/new_handle', { uid: 'new' });
  put('users/bob/following/ann', { createdAt: now });
  put('users/ann/followers/bob', { createdAt: now });
  put('users/ann/following/mo', { createdAt: now });
  put('users/ann/blocks/bill', { createdAt: now });
  put('users/liz/blocks/ann', { createdAt: now });
  put('users/ann/mutes/eve', { createdAt: now });
  put('users/ann/mutedThreads/eves', { createdAt: now });
  put('users/ann/followedTags/cats', { createdAt: now });
  put('users/ann/followRequests/eve', { createdAt: now, status: 'pending' });
  put('users/sue/followRequests/eve', { createdAt: now, status: 'pending' });
  put('users/ann/settings/mutes', { words: ['rain'] });
  put('users/ann/feedback/c1', { signal: 'not-interested', ownerId: 'eve', tags: [], at: now });
  put('users/ron/limits/social', { until: FAR_OFF, reason: 'points-per-hour' });
  put('users/bob/limits/social', { until: now, reason: 'points-per-hour' });
  put('users/mo/limits/social', { until: FAR_OFF, reason: 'follows-per-hour' });
  put('users/ada/limits/social', { until: FAR_OFF, reason: 'follows-in-all' });
  put('users/ann/feed/c1', { ownerId: 'eve', publishedAt: now, reason: 'following' });
  put('users/ann/activity/a1', { type: 'x', at: now });
  put('users/ann/notifications/n1', { type: 'new-content', title: 't', readAt: null, seenAt: null, createdAt: now });
  put('users/ann/settings/notifications', { digest: 'off' });
  put('users/ann/devices/d1', { token: 't', platform: 'web', updatedAt: now });
  put('uploads/open', { ...ticket('ann'), createdAt: now });
  put('uploads/working', { ...ticket('ann'), createdAt: now, status: 'processing' });
  put('uploads/sues', { ...ticket('sue'), createdAt: now });
  put('content/public', content('ann'));
  put('content/followers', content('ann', { visibility: 'followers' }));
  put('content/private', content('ann', { visibility: 'private' }));
  put('content/held', content('ann', { status: 'held' }));
  put('content/removed', content('ann', { status: 'removed' }));
  put('content/sues', content('sue'));
  put('content/eves', content('eve'));
  for (const replies of ['everyone', 'followers', 'mentioned', 'nobody']) {
    put(`content/to-${replies}`, content('ann', { replies, mentions: ['eve'] }));
  }
  put('content/costly', content('ann', { visibility: 'followers', replies: 'followers' }));
  furnishSocial(put);
  put('reports/bobs', { ...report('bob'), createdAt: now });
  put('reports/sues', { ...report('sue'), createdAt: now });
  put('moderationCases/m1', { subject: 'content/held', status: 'open' });
  put(HELD_SUBJECT, { subject: 'content/held', ownerId: 'ann', standing: 'held' });
  put(HELD_ENTRY, { subject: 'content/held', seq: 1, action: 'hold' });
  put('moderationPolicies/active', { version: 1 });
  put('moderationPolicies/1', { version: 1 });
  put('screenings/working', { ownerId: 'ann', verdict: 'review' });
  put('accountStandings/ann', { status: 'active', strikes: [] });
  put('quotas/ann', { usedBytes: 1, reservedBytes: 0 });
  put('deletions/account~gone', { kind: 'account', targetId: 'gone', ownerId: 'gone', state: 'done' });
  put('deletions/content~gone', { kind: 'content', targetId: 'gone', ownerId: 'ann', state: 'running' });
  put('counterDrift/d1', { subject: 'content/public', field: 'stats.likes', stored: 1, counted: 2, at: now });
  put('deadLetters/d1', { consumer: 'x', ownerId: 'ann' });
  put('ops/health', { status: 'ok' });
  for (const path of UNTOUCHABLE) {
    put(path, { ownerId: 'ann', uid: 'ann', status: 'published', visibility: 'public' });
  }
  await batch.commit();
}

/** One request, and who may make it; everybody else must be refused. */
export interface Row {
  what: string;
  allowed: readonly Person[];
  ask: (db: Firestore, who: Person) => Promise<unknown>;
}

/** Rules loaded under a project of their own, so that any number of them can be asked side by side. */
export interface World extends AsyncDisposable {
  projectId: string;
  /** Puts other rules in force. @throws {Error} when they do not compile */
  load(rules: string): Promise<void>;
  /** Which expressions of the rules in force have been evaluated how often: the emulator's own report. */
  coverage(): Promise<unknown>;
  /** Lays the world out anew. */
  reset(): Promise<void>;
  /** Whether the answer to one person's request is the right one. */
  isRight(row: Row, who: Person): Promise<boolean>;
}

let worlds = 0;

export async function openWorld(rules: string): Promise<World> {
  const [host, port] = (process.env['FIRESTORE_EMULATOR_HOST'] ?? '').split(':');
  const projectId = `demo-rules-${process.pid}-${(worlds += 1)}`;
  const environment: RulesTestEnvironment = await initializeTestEnvironment({
    projectId,
    firestore: { rules, host: host ?? '', port: Number(port) },
  });
  const connections = new Map<Person, Firestore>();
  const connectionOf = (who: Person): Firestore => {
    const known = connections.get(who);
    if (known) return known;
    const context =
      who === 'nobody'
        ? environment.unauthenticatedContext()
        : environment.authenticatedContext(who, CLAIMS[who] ?? {});
    // The testing library types its Firestore as the older, namespaced one; it is this one as well.
    const firestore = context.firestore() as unknown as Firestore;
    connections.set(who, firestore);
    return firestore;
  };
  const emulator = `http://${host}:${port}/emulator/v1/projects/${projectId}`;
  return {
    projectId,
    async load(other) {
      const body = JSON.stringify({ rules: { files: [{ name: 'firestore.rules', content: other }] } });
      const response = await fetch(`${emulator}:securityRules`, { method: 'PUT', body });
      if (!response.ok) throw new Error(await response.text());
    },
    async coverage() {
      return (await fetch(`${emulator}:ruleCoverage`)).json();
    },
    async reset() {
      await environment.clearFirestore();
      await environment.withSecurityRulesDisabled((context) => furnish(context.firestore() as unknown as Firestore));
    },
    async isRight(row, who) {
      const request = row.ask(connectionOf(who), who);
      const verdict = row.allowed.includes(who) ? assertSucceeds(request) : assertFails(request);
      return verdict.then(
        () => true,
        () => false,
      );
    },
    [Symbol.asyncDispose]: () => environment.cleanup(),
  };
}
