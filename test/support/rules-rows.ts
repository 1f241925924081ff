/** The kinds of rows that the table of the Firestore rules is made of: one request each, and who may make it. */
import {
  type Firestore,
  collection,
  deleteDoc,
  doc,
  getDoc,
  getDocs,
  limit,
  query,
  serverTimestamp,
  setDoc,
  updateDoc,
  writeBatch,
} from 'firebase/firestore';
import { PEOPLE, type Person, type Row, report, ticket } from './rules-world.ts';

export const everybody = PEOPLE;
export const signedIn = PEOPLE.filter((who) => who !== 'nobody');
export const staff: readonly Person[] = ['mo', 'ada'];
export const nobodyAtAll: readonly Person[] = [];

export const get = (path: string, allowed: readonly Person[]): Row => ({
  what: `get ${path}`,
  allowed,
  ask: (db) => getDoc(doc(db, path)),
});
export const remove = (path: string, allowed: readonly Person[]): Row => ({
  what: `delete ${path}`,
  allowed,
  ask: (db) => deleteDoc(doc(db, path)),
});
export const create = (
  what: string,
  path: string,
  data: (who: Person) => Record<string, unknown>,
  allowed: readonly Person[],
): Row => ({
  what: `create ${path}: ${what}`,
  allowed,
  ask: (db, who) => setDoc(doc(db, path), data(who)),
});
export const update = (what: string, path: string, data: Record<string, unknown>, allowed: readonly Person[]): Row => ({
  what: `update ${path}: ${what}`,
  allowed,
  ask: (db) => updateDoc(doc(db, path), data),
});
export const list = (what: string, allowed: readonly Person[], ask: (db: Firestore) => Promise<unknown>): Row => ({
  what: `list ${what}`,
  allowed,
  ask,
});
export const listOf = (path: string, most: number, allowed: readonly Person[]): Row[] => [
  list(`${path}, ${most}`, allowed, (db) => getDocs(query(collection(db, path), limit(most)))),
  list(`${path}, more than ${most}`, nobodyAtAll, (db) => getDocs(query(collection(db, path), limit(most + 1)))),
  list(`${path} without a limit`, nobodyAtAll, (db) => getDocs(collection(db, path))),
];

/** A profile and its handle in one write, either of them spoiled. */
export const signUp = (
  what: string,
  allowed: readonly Person[],
  {
    handle = 'fresh_name',
    user = {},
    holder = {},
  }: { handle?: string; user?: Record<string, unknown> | null; holder?: Record<string, unknown> | null } = {},
): Row => ({
  what: `sign up: ${what}`,
  allowed,
  async ask(db, who) {
    const batch = writeBatch(db);
    if (user)
      batch.set(doc(db, `users/${who}`), { handle, displayName: 'N', bio: '', createdAt: serverTimestamp(), ...user });
    if (holder) batch.set(doc(db, `handles/${handle}`), { uid: who, ...holder });
    await batch.commit();
  },
});

export const rename = (
  what: string,
  allowed: readonly Person[],
  steps: (batch: ReturnType<typeof writeBatch>, db: Firestore, who: Person) => void,
): Row => ({
  what: `rename: ${what}`,
  allowed,
  async ask(db, who) {
    const batch = writeBatch(db);
    steps(batch, db, who);
    await batch.commit();
  },
});

export const openTicket = (
  what: string,
  allowed: readonly Person[],
  fields: Record<string, unknown> = {},
  id = 'brand-new',
): Row => ({
  what: `open a ticket: ${what}`,
  allowed,
  ask: (db, who) => setDoc(doc(db, `uploads/${id}`), ticket(who, fields)),
});
export const fileReport = (
  what: string,
  allowed: readonly Person[],
  fields: Record<string, unknown> = {},
  id = 'fresh',
): Row => create(what, `reports/${id}`, (who) => report(who, fields), allowed);
/** Who has a profile and is not suspended. */
export const mayReport: readonly Person[] = ['ann', 'bob', 'eve', 'bill', 'liz', 'lou', 'ron', 'mo', 'ada'];
/** Who has a profile and is neither suspended nor limited. */
export const mayPublish: readonly Person[] = ['ann', 'bob', 'eve', 'bill', 'liz', 'ron', 'mo', 'ada'];
export const mayFollowEve: readonly Person[] = ['ann', 'bob', 'bill', 'liz', 'lou'];
export const createdNow = () => ({ createdAt: serverTimestamp() });

export const ownersOnly = (path: string, data: Record<string, unknown>): Row[] => [
  get(path, ['ann']),
  create('by the owner', `${path}x`, () => data, nobodyAtAll),
  update('by the owner', path, { x: 1 }, nobodyAtAll),
  remove(path, nobodyAtAll),
];

/** What functions write: some read it, nobody changes it. Of `fresh`, which is not there, each is the would-be owner. */
export const functionsOnly = (
  path: string,
  fresh: string,
  readers: readonly Person[],
  listers: readonly Person[],
): Row[] => [
  get(path, readers),
  ...listOf(path.slice(0, path.lastIndexOf('/')), 100, listers),
  create('by a client', fresh, (who) => ({ ownerId: who, reporterId: who, uid: who }), nobodyAtAll),
  update('by a client', path, { status: 'done' }, nobodyAtAll),
  remove(path, nobodyAtAll),
];
