import { logger } from 'firebase-functions';
import { type Accounts, authAccounts } from './accounts.ts';
import { type Documents, firestoreDocuments } from './documents.ts';
import { readEnvironment } from './environment.ts';
import { type Objects, bucketObjects } from './objects.ts';
import { type Publish, pubsubPublisher } from './publisher.ts';
import { type Enqueue, cloudTaskQueues } from './task-queues.ts';

/** Where the functions run. */
export const REGION = 'us-central1';

/** All that a use case can ask for; each names the part it needs. */
export interface Context {
  documents: Documents;
  objects: Objects;
  accounts: Accounts;
  publish: Publish;
  enqueue: Enqueue;
  now(): Date;
  log: Log;
}

/** Structured log lines; never a token, an e-mail address or a place. */
export interface Log {
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

let opened: Promise<Context> | undefined;

/** The process's one context, opened at its first use: importing a module opens nothing. */
export function context(): Promise<Context> {
  opened ??= open();
  return opened;
}

/** The SDKs are imported here because the emulator and the cloud load every function's module in every process. */
async function open(): Promise<Context> {
  const environment = readEnvironment(process.env);
  const [{ initializeApp }, { getAuth }, firestore, { getStorage }, { getFunctions }, { PubSub }] = await Promise.all([
    import('firebase-admin/app'),
    import('firebase-admin/auth'),
    import('firebase-admin/firestore'),
    import('firebase-admin/storage'),
    import('firebase-admin/functions'),
    import('@google-cloud/pubsub'),
  ]);
  const app = initializeApp();
  const db = firestore.getFirestore(app);
  db.settings({ ignoreUndefinedProperties: true });
  return {
    documents: firestoreDocuments(db, firestore, (message, fields) => logger.warn(message, fields)),
    objects: bucketObjects(getStorage(app).bucket(environment.bucket), environment.storageOrigin),
    accounts: authAccounts(getAuth(app)),
    publish: pubsubPublisher(new PubSub({ projectId: environment.projectId })),
    enqueue: cloudTaskQueues(getFunctions(app), REGION),
    now: () => new Date(),
    log: logger,
  };
}
