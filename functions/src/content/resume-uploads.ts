import {
  WORKING_UPLOAD_STATUSES,
  screening,
  uploadAt,
  uploadObjectPath,
  type UploadTicket,
  uploadTicket,
} from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { type Found, serverTime } from '../platform/documents.ts';
import { taskOf } from '../platform/task-queues.ts';
import { pipelineQueue } from './pipeline-queue.ts';
import { receiveUpload } from './receive-upload.ts';
import { LEASE_MS } from './upload-run.ts';

/** How long a ticket waits for its file. */
const TICKET_LIFE_MS = 24 * 60 * 60_000;
/** A ticket without its file is looked at when it is this old, in case the news of the file was lost. */
const NEWS_LOST_AFTER_MS = 2 * 60_000;
const NEWS_LOOKED_FOR_MS = 10 * 60_000;
/** Tickets looked at in one run, of each kind; what is left over is there in the next run. */
const TICKETS_PER_RUN = 100;

/**
 * Finds uploads that nobody is at work on, and sets them going again: a pipeline that died, a file whose arrival was
 * never heard of, a verdict that was never heard of, a ticket whose file never came (which expires).
 */
export async function resumeUploads(ctx: Needs): Promise<void> {
  await Promise.all([resumeAbandoned(ctx), resumeDecided(ctx), recoverUnheard(ctx), expireOld(ctx)]);
}

const before = (ctx: Needs, ms: number) => new Date(ctx.now().getTime() - ms);

async function resumeAbandoned(ctx: Needs): Promise<void> {
  const abandoned = await ctx.documents.list({
    collection: 'uploads',
    shape: uploadTicket,
    where: [
      ['status', 'in', WORKING_UPLOAD_STATUSES],
      ['updatedAt', '<', before(ctx, LEASE_MS)],
    ],
    orderBy: 'updatedAt',
    limit: TICKETS_PER_RUN,
  });
  if (abandoned.length > 0) ctx.log.warn('abandoned uploads resumed', { uploadIds: abandoned.map(({ id }) => id) });
  // The id holds the time: two overlapping runs of the schedule make one task of it.
  const moment = Math.floor(ctx.now().getTime() / LEASE_MS);
  await ctx.enqueue(
    abandoned.map(({ id }) => taskOf(pipelineQueue, { id: `${id}-resumed-${moment}`, data: { uploadId: id } })),
  );
}

/** Uploads in review whose verdict has come, in case the news of it was lost. */
async function resumeDecided(ctx: Needs): Promise<void> {
  const decided = await ctx.documents.list({
    collection: 'screenings',
    shape: screening,
    where: [
      ['updatedAt', '>', before(ctx, NEWS_LOST_AFTER_MS + NEWS_LOOKED_FOR_MS)],
      ['updatedAt', '<', before(ctx, NEWS_LOST_AFTER_MS)],
    ],
    orderBy: 'updatedAt',
    limit: TICKETS_PER_RUN,
  });
  const tickets = await ctx.documents.getAll(decided.map(({ id }) => uploadAt(id)));
  const waiting = decided.filter(({ data }, nth) => data.verdict !== 'review' && tickets[nth]?.status === 'in-review');
  const moment = Math.floor(ctx.now().getTime() / LEASE_MS);
  await ctx.enqueue(
    waiting.map(({ id }) => taskOf(pipelineQueue, { id: `${id}-resumed-${moment}`, data: { uploadId: id } })),
  );
}

async function recoverUnheard(ctx: Needs): Promise<void> {
  const waiting = await ctx.documents.list({
    collection: 'uploads',
    shape: uploadTicket,
    where: [
      ['status', '==', 'awaiting-file'],
      ['createdAt', '>', before(ctx, NEWS_LOST_AFTER_MS + NEWS_LOOKED_FOR_MS)],
      ['createdAt', '<', before(ctx, NEWS_LOST_AFTER_MS)],
    ],
    orderBy: 'createdAt',
    limit: TICKETS_PER_RUN,
  });
  for (const ticket of waiting) await receiveIfThere(ctx, ticket);
}

async function expireOld(ctx: Needs): Promise<void> {
  const old = await ctx.documents.list({
    collection: 'uploads',
    shape: uploadTicket,
    where: [
      ['status', '==', 'awaiting-file'],
      ['createdAt', '<', before(ctx, TICKET_LIFE_MS)],
    ],
    orderBy: 'createdAt',
    limit: TICKETS_PER_RUN,
  });
  for (const ticket of old) {
    if (await receiveIfThere(ctx, ticket)) continue;
    await ctx.documents.transact(async (tx) => {
      const present = await tx.get(uploadAt(ticket.id));
      if (present?.status !== 'awaiting-file') return;
      tx.update(uploadAt(ticket.id), { status: 'expired', updatedAt: serverTime });
    });
  }
}

/** Takes the ticket's file in when it lies there; true when it did. */
async function receiveIfThere(ctx: Needs, { id, data }: Found<UploadTicket>): Promise<boolean> {
  const path = uploadObjectPath(data.ownerId, id);
  const object = await ctx.objects.stat(path);
  if (!object) return false;
  await receiveUpload(ctx, { ...object, path });
  return true;
}

type Needs = Pick<Context, 'documents' | 'objects' | 'enqueue' | 'now' | 'log'>;
