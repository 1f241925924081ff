import type { DocumentRef } from '@playnite/contracts/documents';
import type * as sdk from 'firebase-admin/firestore';
import { permanent, withDeadline } from './errors.ts';

/** What only Firestore can fill in, as the value of a field; translated when it is written, so that this module stays light. */
class Marker {
  readonly kind: 'server-time' | 'absent' | 'plus' | 'including' | 'excluding';
  readonly amount: number;
  readonly items: readonly string[];

  constructor(kind: Marker['kind'], amount = 0, items: readonly string[] = []) {
    this.kind = kind;
    this.amount = amount;
    this.items = items;
  }
}

/** Written as "now" on the server's clock. */
export const serverTime: unknown = new Marker('server-time');
/** Takes the field away. */
export const absent: unknown = new Marker('absent');
/** Adds to a number where it stands. */
export const plus = (amount: number): unknown => new Marker('plus', amount);
/** Adds to a list what is not in it yet, and takes out of it what is. */
export const including = (...items: readonly string[]): unknown => new Marker('including', 0, items);
export const excluding = (...items: readonly string[]): unknown => new Marker('excluding', 0, items);

/** Fields to write: values of the document's shape; one of the markers above may stand for a whole field. */
export type Fields<T> = { [K in keyof T]?: unknown };
/** Fields by dotted path (`counts.followers`), for changing one entry of a map. */
export type FieldPaths = Record<string, unknown>;

export interface Found<T> {
  id: string;
  data: T;
}

/** Everything happens or nothing does; reads come before writes, and the work may run more than once. */
export interface Transaction {
  get<T>(ref: DocumentRef<T>): Promise<T | undefined>;
  count(collection: string, where: readonly Condition[]): Promise<number>;
  create<T>(ref: DocumentRef<T>, fields: Fields<T>): void;
  set<T>(ref: DocumentRef<T>, fields: Fields<T>): void;
  update<T>(ref: DocumentRef<T>, fields: Fields<T> & FieldPaths): void;
  delete(ref: DocumentRef<unknown>): void;
}

export type Condition = readonly [
  field: string,
  operator: '==' | '<' | '<=' | '>' | '>=' | 'in' | 'array-contains' | 'array-contains-any',
  value: unknown,
];

export interface ListOptions<T> {
  collection: string;
  /** How each document found is read; one that does not fit is passed over and logged, since one bad row must not stop the rest. */
  shape: DocumentRef<T>['shape'];
  where?: readonly Condition[];
  /** A field, or the document's id when left out. */
  orderBy?: string;
  /** The greatest first. */
  descending?: boolean;
  /** With no `orderBy`: the id after which to go on. */
  after?: string;
  /** With no `orderBy`: the id with which to stop. */
  through?: string;
  limit: number;
}

/** Documents by a condition, wherever they stand; used where it is enough to know that they are there. */
export interface Search {
  /** A collection's path; with `everywhere`, the name of all collections called so. */
  collection: string;
  everywhere?: boolean;
  where?: readonly Condition[];
  /** In the order of a field, and of ids where that is the same: with which document to stop, itself included. */
  through?: { field: string; value: unknown; id: string };
}

/** A count, and the moment on Firestore's own clock for which it is true, in microseconds since 1970. */
export interface CountAsOf {
  count: number;
  asOfMicros: number;
}

/** Firestore, as the use cases see it: documents arrive parsed, each call has a deadline. */
export interface Documents {
  get<T>(ref: DocumentRef<T>): Promise<T | undefined>;
  getAll<T>(refs: readonly DocumentRef<T>[]): Promise<(T | undefined)[]>;
  list<T>(options: ListOptions<T>): Promise<Found<T>[]>;
  /** Paths of what a search finds. */
  paths(search: Search & { limit: number }): Promise<string[]>;
  count(search: Search): Promise<number>;
  /** A count with the moment for which it is true. Locks nothing, unlike one in a transaction. */
  countAsOf(search: Search): Promise<CountAsOf>;
  /** Deletes, and leaves alone what is gone. @throws {PlatformError} `too-many-writes` above 500 */
  deleteAll(paths: readonly string[]): Promise<void>;
  transact<R>(work: (tx: Transaction) => Promise<R>): Promise<R>;
  /** Writes all of them or none. @throws {PlatformError} `too-many-writes` above 500 */
  setAll<T>(documents: readonly (readonly [DocumentRef<T>, Fields<T>])[]): Promise<void>;
  /** Creates those that are missing and leaves the others alone. @throws {PlatformError} `too-many-writes` above 500 */
  createMissing<T>(documents: readonly (readonly [DocumentRef<T>, Fields<T>])[]): Promise<void>;
}

/** Writes in one commit: Firestore has no such limit any more, but memory and the 10 MiB request limit do. */
const COMMIT_WRITES_MAX = 500;
const ALREADY_EXISTS = 6;

function assertBounded(writes: number): void {
  if (writes > COMMIT_WRITES_MAX)
    throw permanent('too-many-writes', `${writes} writes at once, ${COMMIT_WRITES_MAX} is the most`);
}

function parse<T>(ref: DocumentRef<T>, data: unknown): T {
  const result = ref.shape.safeParse(data);
  if (!result.success) throw permanent('malformed-document', `${ref.path}: ${result.error.message}`, result.error);
  return result.data;
}

function constrain(query: sdk.Query, conditions: readonly Condition[]): sdk.Query {
  return conditions.reduce((narrowed, [field, operator, value]) => narrowed.where(field, operator, value), query);
}

function translator({ FieldValue }: Pick<typeof sdk, 'FieldValue'>) {
  const translate = (value: unknown): unknown => {
    if (!(value instanceof Marker)) return value;
    if (value.kind === 'server-time') return FieldValue.serverTimestamp();
    if (value.kind === 'including') return FieldValue.arrayUnion(...value.items);
    if (value.kind === 'excluding') return FieldValue.arrayRemove(...value.items);
    return value.kind === 'absent' ? FieldValue.delete() : FieldValue.increment(value.amount);
  };
  return (fields: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, translate(value)]));
}

/** `Documents` on a Firestore; the SDK's module is handed in, because it is loaded only where it is used. */
export function firestoreDocuments(
  db: sdk.Firestore,
  { FieldPath, FieldValue }: Pick<typeof sdk, 'FieldPath' | 'FieldValue'>,
  warn: (message: string, fields: object) => void,
): Documents {
  const written = translator({ FieldValue });

  const bound = (tx: sdk.Transaction): Transaction => ({
    async get(ref) {
      const snapshot = await tx.get(db.doc(ref.path));
      return snapshot.exists ? parse(ref, snapshot.data()) : undefined;
    },
    async count(collection, where) {
      const snapshot = await tx.get(constrain(db.collection(collection), where).count());
      return snapshot.data().count;
    },
    create: (ref, fields) => void tx.create(db.doc(ref.path), written(fields)),
    set: (ref, fields) => void tx.set(db.doc(ref.path), written(fields)),
    update: (ref, fields) => void tx.update(db.doc(ref.path), written(fields)),
    delete: (ref) => void tx.delete(db.doc(ref.path)),
  });

  const searched = ({ collection, everywhere = false, where = [], through }: Search): sdk.Query => {
    const query = constrain(everywhere ? db.collectionGroup(collection) : db.collection(collection), where);
    if (!through) return query;
    return query.orderBy(through.field).orderBy(FieldPath.documentId()).endAt(through.value, through.id);
  };

  return {
    async get(ref) {
      const snapshot = await withDeadline(`read of ${ref.path}`, db.doc(ref.path).get());
      return snapshot.exists ? parse(ref, snapshot.data()) : undefined;
    },

    async getAll(refs) {
      if (refs.length === 0) return [];
      const snapshots = await withDeadline('read of many', db.getAll(...refs.map((ref) => db.doc(ref.path))));
      return refs.map((ref, index) => {
        const snapshot = snapshots[index];
        return snapshot?.exists ? parse(ref, snapshot.data()) : undefined;
      });
    },

    async paths({ limit, ...search }) {
      const query = searched(search).select();
      const snapshot = await withDeadline(`search in ${search.collection}`, query.limit(limit).get());
      return snapshot.docs.map(({ ref }) => ref.path);
    },

    async count(search) {
      const snapshot = await withDeadline(`count of ${search.collection}`, searched(search).count().get());
      return snapshot.data().count;
    },

    async countAsOf(search) {
      const snapshot = await withDeadline(`count of ${search.collection}`, searched(search).count().get());
      const { seconds, nanoseconds } = snapshot.readTime;
      return { count: snapshot.data().count, asOfMicros: seconds * 1e6 + Math.floor(nanoseconds / 1000) };
    },

    async deleteAll(paths) {
      assertBounded(paths.length);
      if (paths.length === 0) return;
      const batch = db.batch();
      for (const path of paths) batch.delete(db.doc(path));
      await withDeadline('deletion of many', batch.commit());
    },

    async list({ collection, shape, where = [], orderBy, descending = false, after, through, limit }) {
      let query = constrain(db.collection(collection), where);
      query = query.orderBy(orderBy ?? FieldPath.documentId(), descending ? 'desc' : 'asc');
      if (after !== undefined) query = query.startAfter(after);
      if (through !== undefined) query = query.endAt(through);
      const snapshot = await withDeadline(`list of ${collection}`, query.limit(limit).get());
      return snapshot.docs.flatMap((document) => {
        const result = shape.safeParse(document.data());
        if (result.success) return [{ id: document.id, data: result.data }];
        warn('malformed document passed over', { path: document.ref.path, error: result.error.message });
        return [];
      });
    },

    transact: (work) =>
      withDeadline(
        'transaction',
        db.runTransaction((tx) => work(bound(tx))),
      ),

    async setAll(documents) {
      assertBounded(documents.length);
      const batch = db.batch();
      for (const [ref, fields] of documents) batch.set(db.doc(ref.path), written(fields));
      await withDeadline('batch', batch.commit());
    },

    async createMissing(documents) {
      assertBounded(documents.length);
      const writer = db.bulkWriter();
      writer.onWriteError((error) => Number(error.code) !== ALREADY_EXISTS && error.failedAttempts < 3);
      const writes = documents.map(async ([ref, fields]) => {
        try {
          await writer.create(db.doc(ref.path), written(fields));
        } catch (error) {
          if ((error as { code?: unknown }).code !== ALREADY_EXISTS) throw error;
        }
      });
      await withDeadline('creation of many', Promise.all([writer.close(), ...writes]));
    },
  };
}
