import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type RulesTestContext,
  type RulesTestEnvironment,
  assertFails,
  assertSucceeds,
  initializeTestEnvironment,
} from '@firebase/rules-unit-testing';
import { setLogLevel } from 'firebase/app';
import { quarantinePath } from '@playnite/contracts/documents';
import { bucket, db } from '../support/backstage.ts';
import { target } from '../support/platform.ts';

setLogLevel('silent');

/** ann owns everything; bob follows her; eve is anybody; bill is blocked; sue is suspended; mo and ada are moderator and admin. */
const PEOPLE = ['nobody', 'ann', 'bob', 'eve', 'bill', 'sue', 'mo', 'ada'] as const;
type Person = (typeof PEOPLE)[number];
const STAFF: readonly Person[] = ['mo', 'ada'];
const NONE: readonly Person[] = [];

/** These documents and objects are this test's own: the platform's other tests run beside it. */
const own = `rules-${Date.now().toString(36)}`;
const ann = `${own}-ann`;
const uidOf = (who: Person) => (who === 'ann' ? ann : `${own}-${who}`);

let environment: RulesTestEnvironment;
const contexts = new Map<Person, RulesTestContext>();
type Bucket = ReturnType<RulesTestContext['storage']>;
const bucketOf = (who: Person): Bucket => {
  const context =
    contexts.get(who) ??
    (who === 'nobody'
      ? environment.unauthenticatedContext()
      : environment.authenticatedContext(
          uidOf(who),
          who === 'mo' ? { role: 'moderator' } : who === 'ada' ? { role: 'admin' } : {},
        ));
  contexts.set(who, context);
  return context.storage(`gs://${target.bucket}`);
};

const now = new Date();
const rendition = { url: 'x', path: 'x', width: 1, height: 1 };
const content = (fields: Record<string, unknown>) => ({
  ownerId: ann,
  owner: { handle: 'ann', displayName: 'Ann' },
  kind: 'image',
  title: '',
  caption: '',
  tags: [],
  mentions: [],
  visibility: 'public',
  status: 'published',
  media: { width: 1, height: 1, bytes: 1, sha256: 'x', thumbhash: 'x', preview: rendition, thumbnail: rendition },
  stats: { likes: 0, comments: 0, shares: 0, views: 0 },
  publishedAt: now,
  updatedAt: now,
  ...fields,
});
const ticket = (fields: Record<string, unknown> = {}) => ({
  ownerId: ann,
  contentType: 'image/jpeg',
  size: 4,
  title: '',
  caption: '',
  tags: [],
  visibility: 'public',
  status: 'awaiting-file',
  createdAt: now,
  ...fields,
});

const MEDIA = {
  public: {},
  followers: { visibility: 'followers' },
  private: { visibility: 'private' },
  held: { status: 'held' },
  removed: { status: 'removed' },
} as const;

const QUARANTINED = quarantinePath(`${own}-kept`);
/** What moderation keeps for itself. */
const MODERATORS = `moderation/${own}`;

beforeAll(async () => {
  const [host = '', port] = target.addresses.storage.split(':');
  environment = await initializeTestEnvironment({ projectId: target.projectId, storage: { host, port: Number(port) } });
  await db.doc(`users/${ann}/followers/${uidOf('bob')}`).set({ createdAt: now });
  await db.doc(`users/${uidOf('sue')}`).set({ handle: 'sue', displayName: 'Sue', createdAt: now, status: 'suspended' });
  await db.doc(`users/${ann}/blocks/${uidOf('bill')}`).set({ createdAt: now });
  // A file that the platform leaves alone: its notes speak of a later one.
  await db.doc(`uploads/${own}-kept`).set(ticket({ status: 'in-review' }));
  await db.doc(`uploadRuns/${own}-kept`).set({
    ownerId: ann,
    object: { path: 'x', generation: '99999999999999999', size: 4, contentType: 'image/jpeg' },
    attempts: 0,
    expireAt: now,
  });
  await Promise.all([
    bucket.file(`uploads/${ann}/${own}-kept`).save('kept', { resumable: false, contentType: 'image/jpeg' }),
    ...Object.entries(MEDIA).map(async ([name, fields]) => {
      await db.doc(`content/${own}-${name}`).set(content(fields));
      await bucket.file(`media/${own}-${name}/a.webp`).save('webp', { resumable: false, contentType: 'image/webp' });
    }),
    bucket.file(`media/${own}-orphan/a.webp`).save('webp', { resumable: false }),
    bucket.file(`elsewhere/${own}`).save('else', { resumable: false }),
    bucket.file(QUARANTINED).save('kept', { resumable: false }),
    bucket.file(MODERATORS).save('kept', { resumable: false }),
  ]);
});
afterAll(async () => {
  await environment.cleanup();
});

type Ask = (bucket: Bucket, path: string) => PromiseLike<unknown>;
const get: Ask = (storage, path) => storage.ref(path).getMetadata();
const list: Ask = (storage, path) => storage.ref(path.slice(0, path.lastIndexOf('/'))).list({ maxResults: 1 });
const put: Ask = (storage, path) => storage.ref(path).put(new Uint8Array(4), { contentType: 'image/jpeg' });
const patch: Ask = (storage, path) => storage.ref(path).updateMetadata({ contentType: 'text/html' });
const remove: Ask = (storage, path) => storage.ref(path).delete();

const UPLOAD = `uploads/${ann}/${own}-kept`;
const media = (name: string) => `media/${own}-${name}/a.webp`;
const everyone = PEOPLE;

describe('who may', () => {
  test.each<[what: string, ask: Ask, path: string, allowed: readonly Person[]]>([
    ['read an upload', get, UPLOAD, ['ann', ...STAFF]],
    ['list uploads', list, UPLOAD, NONE],
    ['overwrite an upload', put, UPLOAD, NONE],
    ['change an upload’s metadata', patch, UPLOAD, NONE],
    ['delete an upload', remove, UPLOAD, NONE],
    ['put an upload without a ticket', put, `uploads/${ann}/${own}-none`, NONE],
    ['put an upload deeper down', put, `uploads/${ann}/${own}-kept/x`, NONE],
    ['read public media', get, media('public'), everyone],
    ['read media for followers', get, media('followers'), ['ann', 'bob', ...STAFF]],
    ['read private media', get, media('private'), ['ann', ...STAFF]],
    ['read held media', get, media('held'), STAFF],
    ['read removed media', get, media('removed'), STAFF],
    ['read media of no content', get, media('orphan'), STAFF],
    ['list media', list, media('public'), NONE],
    ['overwrite media', put, media('public'), NONE],
    ['put media', put, `media/${own}-public/b.webp`, NONE],
    ['change media’s metadata', patch, media('public'), NONE],
    ['delete media', remove, media('public'), NONE],
    ...[QUARANTINED, MODERATORS].flatMap((path): [string, Ask, string, readonly Person[]][] => {
      const folder = path.slice(0, path.indexOf('/'));
      return [
        [`read in ${folder}`, get, path, NONE],
        [`list ${folder}`, list, path, NONE],
        [`put in ${folder}`, put, `${path}-2`, NONE],
        [`overwrite in ${folder}`, put, path, NONE],
        [`change metadata in ${folder}`, patch, path, NONE],
        [`delete in ${folder}`, remove, path, NONE],
      ];
    }),
    ['read elsewhere', get, `elsewhere/${own}`, NONE],
    ['write elsewhere', put, `elsewhere/${own}-2`, NONE],
    ['delete elsewhere', remove, `elsewhere/${own}`, NONE],
  ])('%s', async (_, ask, path, allowed) => {
    const wrong: string[] = [];
    await Promise.all(
      PEOPLE.map(async (who) => {
        const request = Promise.resolve(ask(bucketOf(who), path));
        const verdict = allowed.includes(who) ? assertSucceeds(request) : assertFails(request);
        await verdict.catch(() => wrong.push(`${who} ${allowed.includes(who) ? 'is refused' : 'is let in'}`));
      }),
    );
    expect(wrong).toEqual([]);
  });
});

// Two fields cannot be judged here: the emulator shows rules no `cacheControl`, and takes a download token of the
// client's own making out of the metadata before it asks. The original leaves when the pipeline ends, and they with it.
describe('a put for an open ticket', () => {
  let count = 0;
  const opened = async (fields: Record<string, unknown> = {}) => {
    const id = `${own}-open-${(count += 1)}`;
    await db.doc(`uploads/${id}`).set(ticket(fields));
    return `uploads/${ann}/${id}`;
  };
  const putAs = async (who: Person, path: string, metadata: Record<string, unknown> = {}, size = 4) =>
    bucketOf(who)
      .ref(path)
      .put(new Uint8Array(size), { contentType: 'image/jpeg', ...metadata });

  test('succeeds for its owner, with the file that it announced', async () => {
    await assertSucceeds(putAs('ann', await opened()));
  });

  test.each(PEOPLE.filter((who) => who !== 'ann'))('fails for %s', async (who) => {
    await assertFails(putAs(who, await opened()));
  });

  test.each<[what: string, metadata: Record<string, unknown>, size: number]>([
    ['another type', { contentType: 'image/png' }, 4],
    ['a page', { contentType: 'text/html' }, 4],
    ['fewer bytes', {}, 3],
    ['more bytes', {}, 5],
    ['a disposition', { contentDisposition: 'inline; filename=x.html' }, 4],
    ['an encoding', { contentEncoding: 'gzip' }, 4],
    ['metadata of its own', { customMetadata: { a: 'b' } }, 4],
  ])('fails with %s', async (_, metadata, size) => {
    await assertFails(putAs('ann', await opened(), metadata, size));
  });

  test.each(['screening', 'in-review', 'processing', 'published', 'rejected', 'failed', 'expired', 'cancelled'])(
    'fails when the ticket is %s',
    async (status) => {
      await assertFails(putAs('ann', await opened({ status })));
    },
  );

  test('fails for the ticket of another, in one’s own folder', async () => {
    const path = await opened({ ownerId: uidOf('eve') });
    await assertFails(putAs('ann', path));
  });
});
