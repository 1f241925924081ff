import type { DocumentRef } from '@playnite/contracts/documents';
import { type DocumentSnapshot, onDocumentWritten } from 'firebase-functions/v2/firestore';
import { attempt } from './attempt.ts';
import { REGION, context } from './context.ts';
import { bury } from './dead-letters.ts';
import { classify, permanent } from './errors.ts';
import type { OutgoingEvent } from './publisher.ts';
import type { OutgoingTask } from './task-queues.ts';

/** A write, as its trigger saw it: `before` is missing for a creation, `after` for a deletion. */
export interface DocumentChange<T> {
  params: Readonly<Record<string, string>>;
  before: T | undefined;
  after: T | undefined;
  /** When the write was committed. */
  at: Date;
  /** Grows with each version of this document; equal for redeliveries of one write. */
  version: string;
}

/** What a change gives rise to. */
export interface Announcement {
  events?: readonly OutgoingEvent[];
  tasks?: readonly OutgoingTask[];
}

/**
 * A function that makes a document the outbox of its own changes: it maps each write to events and tasks, and does
 * nothing else. `announce` is a pure function, so no trigger can do work (the emulator delivers all Firestore
 * triggers one at a time) and none can write to what it watches.
 */
export function onDocument<T>(
  document: string,
  shape: DocumentRef<T>['shape'],
  announce: (change: DocumentChange<T>) => Announcement,
) {
  return onDocumentWritten(
    { document, region: REGION, retry: true, memory: '256MiB', concurrency: 80, timeoutSeconds: 60 },
    async ({ data, params, id, time }) => {
      if (!data) return;
      const { before, after } = data;
      const ctx = await context();
      try {
        const version = after.exists ? after.updateTime : undefined;
        const { events = [], tasks = [] } = announce({
          params,
          before: read(before, shape),
          after: read(after, shape),
          at: version?.toDate() ?? new Date(time),
          version: version ? `${version.seconds}.${String(version.nanoseconds).padStart(9, '0')}` : `deleted ${id}`,
        });
        await attempt(async () => {
          await Promise.all([ctx.publish(events), ctx.enqueue(tasks)]);
        });
      } catch (thrown) {
        const error = classify(thrown);
        if (error.retryable) throw error;
        await bury(ctx, {
          consumer: `on ${document}`,
          kind: 'document',
          eventId: id,
          payload: params,
          error,
          attempts: 1,
        });
      }
    },
  );
}

/** @throws {PlatformError} `malformed-document`, permanent */
function read<T>(snapshot: DocumentSnapshot, shape: DocumentRef<T>['shape']): T | undefined {
  if (!snapshot.exists) return undefined;
  const result = shape.safeParse(snapshot.data());
  if (!result.success)
    throw permanent('malformed-document', `${snapshot.ref.path}: ${result.error.message}`, result.error);
  return result.data;
}
