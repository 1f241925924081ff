/** What no client can see or do: the Admin SDK's view of the platform under test, and events delivered by hand. */
import { randomUUID } from 'node:crypto';
import type { EventEnvelope } from '@playnite/contracts/events';
import { type Client, WAIT_MAX_MS } from '@playnite/emulators/client';
import { functionUrl } from '@playnite/emulators/triggers';
import { getApps, initializeApp } from 'firebase-admin/app';
import { getAuth } from 'firebase-admin/auth';
import { getFirestore } from 'firebase-admin/firestore';
import { getStorage } from 'firebase-admin/storage';
import { z } from 'zod';
import { target } from './platform.ts';

const app = getApps()[0] ?? initializeApp({ projectId: target.projectId, storageBucket: target.bucket });
export const db = getFirestore(app);
export const bucket = getStorage(app).bucket();
const accounts = getAuth(app);

/** Gives somebody a role, or takes it away; their next token shows it. */
export async function giveRole(client: Client, role: 'moderator' | 'admin' | undefined): Promise<void> {
  await accounts.setCustomUserClaims(client.uid, role ? { role } : {});
  await client.auth.currentUser?.getIdToken(true);
  // The live connection goes by the token that it began with.
  client.live.disconnect();
  client.live.setToken('');
  client.live.connect();
  await client.live.ready(WAIT_MAX_MS);
}

/** The names of all objects below a prefix. */
async function objectsBelow(prefix: string): Promise<string[]> {
  const [files] = await bucket.getFiles({ prefix });
  return files.map(({ name }) => name);
}

/** Everything that an upload may leave: its original, its renditions, its content. */
export async function tracesOf(ownerId: string, uploadId: string) {
  const [originals, renditions, content] = await Promise.all([
    objectsBelow(`uploads/${ownerId}/${uploadId}`),
    objectsBelow(`media/${uploadId}/`),
    db.doc(`content/${uploadId}`).get(),
  ]);
  return { originals: originals.length, renditions: renditions.length, published: content.exists };
}

async function post(
  url: string,
  body: unknown,
  headers: Record<string, string>,
  signal: AbortSignal | null = null,
): Promise<number> {
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    signal,
  });
  await response.text();
  return response.status;
}

/** Where to POST what a function is to get. */
export const urlOf = (functionName: string): Promise<string> =>
  functionUrl(
    { projectId: target.projectId, functionsPort: Number(target.addresses.functions.split(':')[1]) },
    functionName,
  );

/** Delivers a CloudEvent to a function once more, as the platform may at any time. */
async function deliver(
  functionName: string,
  event: Record<string, unknown>,
  signal: AbortSignal | null = null,
): Promise<number> {
  return post(
    await urlOf(functionName),
    { specversion: '1.0', id: randomUUID(), time: new Date().toISOString(), ...event },
    { 'content-type': 'application/cloudevents+json' },
    signal,
  );
}

/** Delivers a platform event, or anything else, to a function that hears its topic. */
export async function deliverEvent(
  functionName: string,
  message: EventEnvelope | string,
  time = new Date().toISOString(),
): Promise<number> {
  const json = typeof message === 'string' ? message : JSON.stringify(message);
  const topic = `projects/${target.projectId}/topics/redelivered`;
  return deliver(functionName, {
    time,
    type: 'google.cloud.pubsub.topic.v1.messagePublished',
    source: `//pubsub.googleapis.com/${topic}`,
    data: {
      message: {
        data: Buffer.from(json).toString('base64'),
        messageId: randomUUID(),
        publishTime: time,
        attributes: {},
      },
      subscription: 'redelivered',
    },
  });
}

/** Delivers the news of an object to the function that takes uploads in. */
export async function deliverFinalized(object: {
  name: string;
  generation: string;
  size: number;
  contentType: string;
}): Promise<number> {
  return deliver('content-onUploadFinalized', {
    type: 'google.cloud.storage.object.v1.finalized',
    source: `//storage.googleapis.com/projects/_/buckets/${target.bucket}`,
    subject: `objects/${object.name}`,
    data: { bucket: target.bucket, ...object, size: String(object.size) },
  });
}

/** A document's version, in the words of Firestore's REST API; times to the nanosecond. */
interface WrittenVersion {
  fields: Record<string, unknown>;
  createTime: string;
  updateTime: string;
}

/** One committed write; `id` is the same for each of its deliveries. `value` is missing for a deletion, `oldValue` for a creation. */
export interface WrittenDocument {
  id: string;
  path: string;
  time: string;
  value?: WrittenVersion;
  oldValue?: WrittenVersion;
}

/** Delivers the news of a write to the function that hears of such documents; throws when there is no answer in time. */
export async function deliverWritten(
  functionName: string,
  { id, path, time, value, oldValue }: WrittenDocument,
  withinMs: number,
): Promise<number> {
  const database = `projects/${target.projectId}/databases/(default)`;
  const named = (version: WrittenVersion | undefined) =>
    version && { name: `${database}/documents/${path}`, ...version };
  const event = {
    id,
    time,
    type: 'google.cloud.firestore.document.v1.written',
    source: `//firestore.googleapis.com/${database}`,
    subject: `documents/${path}`,
    datacontenttype: 'application/json',
    document: path,
    database: '(default)',
    namespace: '(default)',
    project: target.projectId,
    location: 'us-central1',
    data: { value: named(value), oldValue: named(oldValue) },
  };
  return deliver(functionName, event, AbortSignal.timeout(withinMs));
}

/** Dispatches a task to a queue's function, as Cloud Tasks does. */
export async function dispatchTask(functionName: string, taskId: string, data: unknown): Promise<number> {
  return post(
    await urlOf(functionName),
    { data },
    {
      'content-type': 'application/json',
      'x-cloudtasks-taskname': taskId,
      'x-cloudtasks-queuename': functionName,
      'x-cloudtasks-taskretrycount': '0',
      'x-cloudtasks-taskexecutioncount': '0',
      'x-cloudtasks-tasketa': '0',
    },
  );
}

/** Runs a scheduled function now. */
export async function fireSchedule(functionName: string): Promise<number> {
  return post(
    await urlOf(functionName),
    {},
    {
      'content-type': 'application/json',
    },
  );
}

const backends = z.object({
  backends: z.array(
    z.object({
      functionTriggers: z.array(
        z.object({
          name: z.string(),
          eventTrigger: z.object({ eventFilters: z.record(z.string(), z.string()).optional() }).optional(),
        }),
      ),
    }),
  ),
});

/** Which functions hear which topic, as the emulator has loaded them. */
export async function hearersByTopic(): Promise<Map<string, string[]>> {
  const response = await fetch(`http://${target.addresses.functions}/backends`);
  const triggers = backends.parse(await response.json()).backends.flatMap(({ functionTriggers }) => functionTriggers);
  const hearers = new Map<string, string[]>();
  for (const { name, eventTrigger } of triggers) {
    const topic = eventTrigger?.eventFilters?.['topic']?.split('/').at(-1);
    if (topic !== undefined) hearers.set(topic, [...new Set([...(hearers.get(topic) ?? []), name])]);
  }
  return hearers;
}

/** What was published to a topic, and when Pub/Sub took it. */
export interface Recorded {
  topic: string;
  json: string;
  publishedAt: Date;
}

const pulled = z.object({
  receivedMessages: z
    .array(z.object({ ackId: z.string(), message: z.object({ data: z.string(), publishTime: z.iso.datetime() }) }))
    .default([]),
});
/** Messages that one request asks for; the emulator answers with what is there. */
const PULL_MAX = 1_000;

async function pubsub(method: 'PUT' | 'POST', path: string, body: unknown): Promise<unknown> {
  const address = process.env['PUBSUB_EMULATOR_HOST'] ?? '';
  const response = await fetch(`http://${address}/v1/projects/${target.projectId}/${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`Pub/Sub answered ${response.status} to ${path}: ${text.slice(0, 200)}`);
  return JSON.parse(text) as unknown;
}

/** Makes a topic that no function hears. */
export async function createTopic(topic: string): Promise<void> {
  await pubsub('PUT', `topics/${topic}`, {});
}

/** Listens in on topics; the function that is returned hands over what has been published since it was last called. */
export async function listenIn(topics: readonly string[]): Promise<() => Promise<Recorded[]>> {
  const prefix = `projects/${target.projectId}`;
  const listening = topics.map((topic) => ({ topic, name: `subscriptions/recorder-${randomUUID()}` }));
  await Promise.all(
    listening.map(({ topic, name }) =>
      pubsub('PUT', name, { topic: `${prefix}/topics/${topic}`, ackDeadlineSeconds: 60 }),
    ),
  );
  return async () => {
    const recorded = await Promise.all(
      listening.map(async ({ topic, name }) => {
        const answer = await pubsub('POST', `${name}:pull`, { maxMessages: PULL_MAX, returnImmediately: true });
        const { receivedMessages } = pulled.parse(answer);
        if (receivedMessages.length > 0) {
          await pubsub('POST', `${name}:acknowledge`, { ackIds: receivedMessages.map(({ ackId }) => ackId) });
        }
        return receivedMessages.map(({ message }) => ({
          topic,
          json: Buffer.from(message.data, 'base64').toString(),
          publishedAt: new Date(message.publishTime),
        }));
      }),
    );
    return recorded.flat();
  };
}
