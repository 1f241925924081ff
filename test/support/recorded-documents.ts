/**
 * The documents of one project on the Firestore emulator, as the use cases see them, with a record of what each commit changed:
 * whoever listens is told as the triggers would be. All writes must come through here, and one at a time.
 */
import { isDeepStrictEqual } from 'node:util';
import { deleteApp, initializeApp } from 'firebase-admin/app';
import { type DocumentSnapshot, FieldPath, FieldValue, type Firestore, getFirestore } from 'firebase-admin/firestore';
import { type Documents, type Transaction, firestoreDocuments } from '../../functions/src/platform/documents.ts';

export type Row = Readonly<Record<string, unknown>>;

/** What one commit did to one document: the two snapshots that a trigger gets. */
export interface Change {
  path: string;
  before: Pick<DocumentSnapshot, 'exists' | 'data'>;
  after: DocumentSnapshot;
  at: Date;
}

export type Write =
  { kind: 'set' | 'update'; path: string; fields: Record<string, unknown> } | { kind: 'delete'; path: string };

/** Does one call to the store when its turn has come; it may throw instead, or once it is done. */
export type Step = <R>(work: () => Promise<R>) => Promise<R>;

interface Version {
  snapshot: DocumentSnapshot;
  row: Row;
}

const MISSING: Change['before'] = { exists: false, data: () => undefined };

/** A project's documents, a view of them that is at hand without waiting, and who is told of each commit. */
export class RecordedStore {
  readonly #db: Firestore;
  readonly #end: () => Promise<void>;
  readonly #documents: Documents;
  readonly #told: (changes: readonly Change[]) => void;
  #versions = new Map<string, Version>();
  readonly #collections = new Set<string>();

  /** The project must be one that nobody else uses, so that it is empty and no trigger hears of it. */
  constructor(projectId: string, told: (changes: readonly Change[]) => void) {
    const app = initializeApp({ projectId }, projectId);
    this.#db = getFirestore(app);
    this.#db.settings({ ignoreUndefinedProperties: true });
    this.#end = () => deleteApp(app);
    this.#documents = firestoreDocuments(this.#db, { FieldPath, FieldValue }, () => {});
    this.#told = told;
  }

  close(): Promise<void> {
    return this.#end();
  }

  read(path: string): Row | undefined {
    return this.#versions.get(path)?.row;
  }

  /** All documents, by their paths. */
  everything(): [path: string, row: Row][] {
    return [...this.#versions].map(([path, { row }]) => [path, row]);
  }

  /** Documents of a collection, or of all collections of a name, by their paths. */
  all(collection: string, everywhere = false): [path: string, row: Row][] {
    return [...this.#versions]
      .filter(([path]) => {
        const parent = parentOf(path);
        return everywhere ? nameOf(parent) === collection : parent === collection;
      })
      .map(([path, { row }]): [string, Row] => [path, row])
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Writes all or nothing, as a client does; returns when it was committed, in milliseconds. */
  async commit(writes: readonly Write[]): Promise<number> {
    const batch = this.#db.batch();
    for (const write of writes) {
      const ref = this.#db.doc(write.path);
      if (write.kind === 'delete') batch.delete(ref);
      else if (write.kind === 'set') batch.set(ref, write.fields);
      else batch.update(ref, write.fields);
    }
    const [result] = await batch.commit();
    if (!result) throw new Error('nothing to write');
    await this.#record(writes.map(({ path }) => path));
    return result.writeTime.toMillis();
  }

  /** Reads everything anew, and returns the paths of what is not as the record has it. */
  async reread(): Promise<string[]> {
    const recorded = this.#versions;
    const found = new Map<string, Version>();
    for (const name of this.#collections) {
      const { docs } = await this.#db.collectionGroup(name).get();
      for (const snapshot of docs) found.set(snapshot.ref.path, { snapshot, row: snapshot.data() });
    }
    this.#versions = found;
    const paths = new Set([...recorded.keys(), ...found.keys()]);
    return [...paths].filter((path) => !isDeepStrictEqual(recorded.get(path)?.row, found.get(path)?.row));
  }

  /**
   * The store as a handler sees it; each call waits for its `step`. A transaction is one step: while it is under way Firestore
   * keeps others from what it has read, so that none could take a step of its own. One that is `contended` is rolled back at
   * its end, and begun anew when its turn comes again.
   */
  documents(step: Step, isContended: () => boolean): Documents {
    const real = this.#documents;
    const writing = <R>(work: () => Promise<R>, paths: () => readonly string[]) =>
      step(async () => {
        const result = await work();
        await this.#record(paths());
        return result;
      });
    return {
      get: (ref) => step(() => real.get(ref)),
      getAll: (refs) => (refs.length === 0 ? Promise.resolve([]) : step(() => real.getAll(refs))),
      list: (options) => step(() => real.list(options)),
      paths: (search) => step(() => real.paths(search)),
      count: (search) => step(() => real.count(search)),
      countAsOf: (search) => step(() => real.countAsOf(search)),
      deleteAll: (paths) =>
        writing(
          () => real.deleteAll(paths),
          () => paths,
        ),
      setAll: (documents) =>
        writing(
          () => real.setAll(documents),
          () => documents.map(([{ path }]) => path),
        ),
      createMissing: async (documents) => {
        // Each is a write of its own: of several, some may be there when the process dies.
        for (const document of documents) {
          await writing(
            () => real.createMissing([document]),
            () => [document[0].path],
          );
        }
      },
      transact: async (work) => {
        if (isContended()) await step(() => rolledBack(real, work));
        const written = new Set<string>();
        const noted = (tx: Transaction): Transaction => ({
          get: (ref) => tx.get(ref),
          count: (collection, where) => tx.count(collection, where),
          create: (ref, fields) => tx.create(note(ref), fields),
          set: (ref, fields) => tx.set(note(ref), fields),
          update: (ref, fields) => tx.update(note(ref), fields),
          delete: (ref) => tx.delete(note(ref)),
        });
        const note = <R extends { path: string }>(ref: R): R => {
          written.add(ref.path);
          return ref;
        };
        return writing(
          () => real.transact((tx) => work(noted(tx))),
          () => [...written],
        );
      },
    };
  }

  /** Sees what has become of documents that were written, and tells of it. A write that changes nothing triggers nothing. */
  async #record(paths: readonly string[]): Promise<void> {
    const written = [...new Set(paths)];
    if (written.length === 0) return;
    const changes: Change[] = [];
    for (const after of await this.#db.getAll(...written.map((path) => this.#db.doc(path)))) {
      const { path } = after.ref;
      const before = this.#versions.get(path)?.snapshot;
      const row = after.data();
      if (row) this.#versions.set(path, { snapshot: after, row });
      else this.#versions.delete(path);
      this.#collections.add(nameOf(parentOf(path)));
      if (before ? before.isEqual(after) : !row) continue;
      changes.push({ path, before: before ?? MISSING, after, at: (after.updateTime ?? after.readTime).toDate() });
    }
    this.#told(changes);
  }
}

/** @throws what the work throws of itself */
async function rolledBack(documents: Documents, work: (tx: Transaction) => Promise<unknown>): Promise<void> {
  const lost = new Error('the transaction has lost to another');
  try {
    await documents.transact(async (tx) => {
      await work(tx);
      throw lost;
    });
  } catch (error) {
    if (error !== lost) throw error;
  }
}

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
