import { AsyncLocalStorage } from 'node:async_hooks';
import { logger } from 'firebase-functions';
import { type Accounts, authAccounts } from './accounts.ts';
import { Breaker, guarded } from './breaker.ts';
import { type Documents, firestoreDocuments } from './documents.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { meter } from './meter.ts';
import { type Objects, bucketObjects, objectUrls } from './objects.ts';
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
  environment: Environment;
  now(): Date;
  log: Log;
}

/** Structured log lines; never a token, an e-mail address or a place. */
export interface Log {
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

let opened: Context | undefined;
const handedIn = new AsyncLocalStorage<Context>();

/** The process's one context, opened at its first use: importing a module opens nothing. */
export function context(): Promise<Context> {
  const present = handedIn.getStore() ?? (opened ??= open());
  return Promise.resolve(present);
}

/** Has the functions that `work` calls use this context, and no other: a deployed function takes nothing but its event. */
export function withContext<R>(ctx: Context, work: () => R): R {
  return handedIn.run(ctx, work);
}

/**
 * Each SDK is loaded at the first call that needs it: every function has a process of its own, and most need only one or
 * two of them. Where a dependency stands still, calls to it are refused after a while; but not those to Storage, of which one
 * may rightly take as long as a file takes.
 */
function open(): Context {
  const environment = readEnvironment(process.env);
  const warn: Log['warn'] = (message, fields) => logger.warn(message, fields);
  const app = once(async () => (await import('firebase-admin/app')).initializeApp());
  const documents = once(async () => {
    const firestore = await import('firebase-admin/firestore');
    const db = firestore.getFirestore(await app());
    db.settings({ ignoreUndefinedProperties: true });
    return guarded(firestoreDocuments(db, firestore, warn), new Breaker('Firestore', warn));
  });
  const objects = once(async () => {
    const { getStorage } = await import('firebase-admin/storage');
    return bucketObjects(getStorage(await app()).bucket(environment.bucket));
  });
  const accounts = once(async () => authAccounts((await import('firebase-admin/auth')).getAuth(await app())));
  const publish = once(async (): Promise<Publish> => {
    const { PubSub } = await import('@google-cloud/pubsub');
    const publisher = pubsubPublisher(new PubSub({ projectId: environment.projectId }));
    const breaker = new Breaker('Pub/Sub', warn);
    return (events) => breaker.run(() => publisher(events));
  });
  const enqueue = once(async (): Promise<Enqueue> => {
    const { getFunctions } = await import('firebase-admin/functions');
    const queues = cloudTaskQueues(getFunctions(await app()), REGION);
    const breaker = new Breaker('Cloud Tasks', warn);
    return (tasks) => breaker.run(() => queues(tasks));
  });
  const calls: Context = {
    documents: whenLoaded(documents),
    objects: whenLoaded(objects, { urlOf: objectUrls(environment) }),
    accounts: whenLoaded(accounts),
    publish: async (events) => {
      if (events.length > 0) await (await publish())(events);
    },
    enqueue: async (tasks) => {
      if (tasks.length > 0) await (await enqueue())(tasks);
    },
    environment,
    now: () => new Date(),
    log: logger,
  };
  const { meteredAs: by } = environment;
  return by === undefined ? calls : meter(calls, (what, count) => logger.info('metered', { what, count, by }));
}

/** An object whose methods, all of them asynchronous but the ones given, load what is behind them when they are called. */
function whenLoaded<T extends object>(load: () => Promise<T>): T;
function whenLoaded<T extends object, Ready extends object>(load: () => Promise<T>, ready: Ready): T & Ready;
function whenLoaded(load: () => Promise<object>, ready: object = {}): object {
  return new Proxy(ready, {
    get: (target, name): unknown =>
      Reflect.get(target, name) ??
      (async (...args: unknown[]): Promise<unknown> => {
        const loaded = await load();
        const method: unknown = Reflect.get(loaded, name);
        if (typeof method !== 'function') throw new TypeError(`${String(name)} is no method`);
        return Reflect.apply(method, loaded, args);
      }),
  });
}

/** Does it at the first call, and remembers. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
