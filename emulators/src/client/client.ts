/**
 * A person with a phone: the stock Firebase web SDK and the stock Centrifugo client, pointed at a platform. The demo,
 * the seed and the tests use it; it knows the client contract and nothing of what is behind it.
 */
import { Centrifuge, type ServerPublicationContext } from 'centrifuge';
import { deleteApp, initializeApp } from 'firebase/app';
import {
  type Auth,
  connectAuthEmulator,
  createUserWithEmailAndPassword,
  initializeAuth,
  inMemoryPersistence,
} from 'firebase/auth';
import {
  type DocumentData,
  type Firestore,
  connectFirestoreEmulator,
  doc,
  getFirestore,
  onSnapshot,
  serverTimestamp,
  setDoc,
  terminate,
  writeBatch,
} from 'firebase/firestore';
import { connectFunctionsEmulator, getFunctions, httpsCallable } from 'firebase/functions';
import { type FirebaseStorage, connectStorageEmulator, getStorage, ref, uploadBytes } from 'firebase/storage';
import { type PublicationData, publicationData } from '@playnite/contracts/realtime';

/** Where a platform answers, each as `host:port`. */
export interface ClientAddresses {
  auth: string;
  firestore: string;
  storage: string;
  functions: string;
  realtime: string;
}

export interface Target {
  projectId: string;
  bucket: string;
  addresses: ClientAddresses;
}

export interface UploadRequest {
  bytes: Uint8Array;
  contentType: string;
  title: string;
  caption?: string;
  tags?: readonly string[];
  visibility?: 'public' | 'followers' | 'private';
  keepCamera?: boolean;
  sha256?: string;
  /** What the ticket says instead of the truth. */
  size?: number;
}

/** A publication as it came in. */
export interface Heard {
  channel: string;
  publication: PublicationData;
  /** When it came, on the clock of `performance.now()`. */
  at: number;
}

export interface Client {
  uid: string;
  auth: Auth;
  firestore: Firestore;
  storage: FirebaseStorage;
  live: Centrifuge;
  /** Everything heard so far, oldest first. */
  heard: readonly Heard[];
  /** The first publication that fits, heard already or to come. @throws {Error} when none comes within `withinMs` */
  hears(what: string, fits: (heard: Heard) => boolean, withinMs?: number): Promise<Heard>;
  /** Subscribes to a channel and resolves when that is done. @throws {Error} with the server's code when it is refused */
  subscribe(channel: string): Promise<void>;
  createProfile(handle: string, displayName: string, bio?: string): Promise<void>;
  follow(uid: string): Promise<void>;
  /** Writes the ticket and returns its id. */
  openTicket(request: UploadRequest): Promise<string>;
  putFile(uploadId: string, file: { bytes: Uint8Array; contentType: string }): Promise<void>;
  /** Opens a ticket, puts the file and waits for the end. */
  upload(request: UploadRequest): Promise<{ uploadId: string; ticket: DocumentData }>;
  /** Calls a callable function. @throws {FunctionsError} with `details.code` */
  call(name: string, data: unknown): Promise<Record<string, unknown>>;
  /** Resolves when the document is not there. @throws {Error} when it still is after `withinMs` */
  misses(path: string, withinMs?: number): Promise<void>;
  /** The document when it first fits. @throws {Error} when it does not within `withinMs` */
  sees(path: string, fits: (data: DocumentData) => boolean, withinMs?: number): Promise<DocumentData>;
  close(): Promise<void>;
}

/** Cold functions on a busy machine take seconds each; a wait this long means that something is wrong. */
export const WAIT_MAX_MS = 60_000;

const ENDED = new Set(['published', 'rejected', 'failed', 'expired', 'cancelled', 'in-review']);
export const isEnded = (ticket: DocumentData): boolean => ENDED.has(String(ticket['status']));

/** `host:port` as the two values that the SDKs ask for. */
function hostAndPort(address: string): [host: string, port: number] {
  const at = address.lastIndexOf(':');
  return [address.slice(0, at), Number(address.slice(at + 1))];
}

/** Signs a new person up and connects all of the phone's services. */
export async function connectClient({ projectId, bucket, addresses }: Target, name: string): Promise<Client> {
  const app = initializeApp(
    { projectId, apiKey: 'emulators-take-any', storageBucket: bucket },
    `${name}-${Math.random().toString(36).slice(2)}`,
  );
  const auth = initializeAuth(app, { persistence: inMemoryPersistence });
  connectAuthEmulator(auth, `http://${addresses.auth}`, { disableWarnings: true });
  const firestore = getFirestore(app);
  connectFirestoreEmulator(firestore, ...hostAndPort(addresses.firestore));
  const functions = getFunctions(app);
  connectFunctionsEmulator(functions, ...hostAndPort(addresses.functions));
  const storage = getStorage(app);
  connectStorageEmulator(storage, ...hostAndPort(addresses.storage));
  const email = `${name}-${Math.random().toString(36).slice(2)}@example.com`;
  const { user } = await createUserWithEmailAndPassword(auth, email, 'correct horse battery');

  const heard: Heard[] = [];
  const listeners = new Set<() => void>();
  const hear = (channel: string, data: unknown) => {
    heard.push({ channel, publication: publicationData.parse(data), at: performance.now() });
    for (const listener of listeners) listener();
  };
  const live = new Centrifuge(`ws://${addresses.realtime}/connection/websocket`, {
    getToken: () => user.getIdToken(),
  });
  // Publications of channels that the server subscribed to; `user:{uid}` is one.
  live.on('publication', ({ channel, data }: ServerPublicationContext) => hear(channel, data));
  live.connect();
  await live.ready(WAIT_MAX_MS);

  const client: Client = {
    uid: user.uid,
    auth,
    firestore,
    storage,
    live,
    heard,

    async hears(what, fits, withinMs = WAIT_MAX_MS) {
      const found = Promise.withResolvers<Heard>();
      const look = () => {
        const match = heard.find(fits);
        if (match) found.resolve(match);
      };
      const timer = setTimeout(
        () => found.reject(new Error(`${name} heard nothing of ${what} in ${withinMs} ms`)),
        withinMs,
      );
      listeners.add(look);
      look();
      try {
        return await found.promise;
      } finally {
        clearTimeout(timer);
        listeners.delete(look);
      }
    },

    async subscribe(channel) {
      const subscription = live.newSubscription(channel);
      const outcome = Promise.withResolvers<void>();
      subscription.on('publication', ({ data }) => hear(channel, data as unknown));
      subscription.on('subscribed', () => outcome.resolve());
      // A temporary error is followed by another try; a refusal ends the subscription.
      subscription.on('unsubscribed', ({ code, reason }) =>
        outcome.reject(Object.assign(new Error(`${channel}: ${reason}`), { code })),
      );
      subscription.subscribe();
      await outcome.promise;
    },

    async createProfile(handle, displayName, bio = '') {
      const batch = writeBatch(firestore);
      batch.set(doc(firestore, 'users', user.uid), { handle, displayName, bio, createdAt: serverTimestamp() });
      batch.set(doc(firestore, 'handles', handle), { uid: user.uid });
      await batch.commit();
    },

    async follow(uid) {
      await setDoc(doc(firestore, 'users', user.uid, 'following', uid), { createdAt: serverTimestamp() });
    },

    async openTicket({
      bytes,
      contentType,
      title,
      caption = '',
      tags = [],
      visibility = 'public',
      keepCamera,
      sha256,
      size,
    }) {
      const uploadId = Array.from(crypto.getRandomValues(new Uint8Array(15)), (byte) => ID_LETTERS[byte % 32]).join('');
      await setDoc(doc(firestore, 'uploads', uploadId), {
        ownerId: user.uid,
        contentType,
        size: size ?? bytes.length,
        ...(sha256 === undefined ? {} : { sha256 }),
        ...(keepCamera === undefined ? {} : { keepCamera }),
        title,
        caption,
        tags,
        visibility,
        status: 'awaiting-file',
        createdAt: serverTimestamp(),
      });
      return uploadId;
    },

    async putFile(uploadId, { bytes, contentType }) {
      await uploadBytes(ref(storage, `uploads/${user.uid}/${uploadId}`), bytes, { contentType });
    },

    async upload(request) {
      const uploadId = await client.openTicket(request);
      await client.putFile(uploadId, request);
      return { uploadId, ticket: await client.sees(`uploads/${uploadId}`, isEnded) };
    },

    async call(name, data) {
      return (await httpsCallable<unknown, Record<string, unknown>>(functions, name)(data)).data;
    },

    async misses(path, withinMs = WAIT_MAX_MS) {
      const gone = Promise.withResolvers<void>();
      const watch = (snapshot: { exists(): boolean }) => {
        if (!snapshot.exists()) gone.resolve();
      };
      const stop = onSnapshot(doc(firestore, path), watch, gone.reject);
      const timer = setTimeout(() => gone.reject(new Error(`${path} is still there after ${withinMs} ms`)), withinMs);
      try {
        await gone.promise;
      } finally {
        clearTimeout(timer);
        stop();
      }
    },

    async sees(path, fits, withinMs = WAIT_MAX_MS) {
      const found = Promise.withResolvers<DocumentData>();
      let latest: unknown;
      const stop = onSnapshot(
        doc(firestore, path),
        (snapshot) => {
          const data = snapshot.data();
          latest = data;
          if (data && fits(data)) found.resolve(data);
        },
        (error) => found.reject(error),
      );
      const timer = setTimeout(
        () => found.reject(new Error(`${name} waited ${withinMs} ms for ${path}, which is ${JSON.stringify(latest)}`)),
        withinMs,
      );
      try {
        return await found.promise;
      } finally {
        clearTimeout(timer);
        stop();
      }
    },

    async close() {
      live.disconnect();
      await terminate(firestore);
      await deleteApp(app);
    },
  };
  return client;
}

const ID_LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789';
