import {
  type UploadStatus,
  WORKING_UPLOAD_STATUSES,
  quarantinePath,
  reservationAt,
  screeningAt,
  uploadAt,
} from '@playnite/contracts/documents';
import { z } from 'zod';
import type { Context } from '../platform/context.ts';
import { absent, serverTime } from '../platform/documents.ts';
import { Refusal } from '../platform/errors.ts';
import { taskOf } from '../platform/task-queues.ts';
import { readClaim, refuseBytes } from './claim-bytes.ts';
import { pipelineQueue } from './pipeline-queue.ts';
import { type Refused, refusedBy } from './refuse-reserved.ts';
import { type Findings, uploadRunAt } from './upload-run.ts';

/** The steps that can be run again, with the findings that each of them and those after it have made. */
const FINDINGS_FROM = {
  'checking-bytes': ['checked', 'claimed', 'rendered'],
  'checking-duplicates': ['claimed', 'rendered'],
  screening: ['rendered'],
  rendering: ['rendered'],
} as const satisfies Record<string, readonly (keyof Findings)[]>;
export const rerunnableStep = z.enum(['checking-bytes', 'checking-duplicates', 'screening', 'rendering']);
export type RerunnableStep = z.infer<typeof rerunnableStep>;

const REOPENABLE: readonly UploadStatus[] = ['screening', 'processing', 'in-review', 'rejected', 'failed'];

/**
 * Sets an upload to work again from a step on: one that stands still, or one that has ended and whose original is still kept.
 *
 * @throws {Refusal} `no-such-upload`, `not-reopenable`
 */
export async function reopenUpload(ctx: Needs, uploadId: string, from: RerunnableStep): Promise<void> {
  const kept = await ctx.objects.stat(quarantinePath(uploadId));
  const attempt = await ctx.documents.transact(async (tx) => {
    const [ticket, notes] = await Promise.all([tx.get(uploadAt(uploadId)), tx.get(uploadRunAt(uploadId))]);
    if (!ticket || !notes) throw new Refusal('not-found', 'no-such-upload', 'There is no such upload.');
    const hasEnded = ticket.status === 'rejected' || ticket.status === 'failed';
    if (!REOPENABLE.includes(ticket.status) || (hasEnded && !kept)) {
      throw new Refusal('failed-precondition', 'not-reopenable', 'This upload cannot be taken up again.');
    }
    const dropped = new Set<string>(FINDINGS_FROM[from]);
    const object = hasEnded && kept ? { ...kept, path: quarantinePath(uploadId) } : notes.object;
    tx.update(uploadRunAt(uploadId), {
      object,
      // Whoever was at it is fenced off, and what went wrong before does not count.
      attempts: notes.attempts + 1,
      settled: notes.attempts + 1,
      starts: {},
      screeningAskedAt: absent,
      findings: Object.fromEntries(Object.entries(notes.findings).filter(([name]) => !dropped.has(name))),
      verdict: absent,
      lease: absent,
    });
    tx.update(uploadAt(uploadId), {
      status: from === 'rendering' ? 'processing' : 'screening',
      step: from,
      progress: 0.1,
      rejection: absent,
      failure: absent,
      updatedAt: serverTime,
    });
    return notes.attempts + 1;
  });
  await ctx.enqueue([taskOf(pipelineQueue, { id: `${uploadId}-reopened-${attempt}`, data: { uploadId } })]);
}

/** Goes on with an upload whose verdict has come, or has been turned round. */
export async function followScreening(ctx: Needs, uploadId: string, version: string): Promise<void> {
  const [ticket, screening] = await Promise.all([
    ctx.documents.get(uploadAt(uploadId)),
    ctx.documents.get(screeningAt(uploadId)),
  ]);
  if (!ticket || !screening) return;
  if (
    ticket.status === 'rejected' &&
    ticket.rejection?.code === 'policy-violation' &&
    screening.verdict === 'approved'
  ) {
    // From where the bytes are claimed: the rejection had let go of them.
    await reopenUpload(ctx, uploadId, 'checking-duplicates');
    return;
  }
  await wake(ctx, uploadId, `screened-${version}`);
}

/** Goes on with an upload that waited for room, or refuses its ticket before a byte has moved. */
export async function followReservation(ctx: Needs, uploadId: string, version: string): Promise<void> {
  const reservation = await ctx.documents.get(reservationAt(uploadId));
  const refused = reservation && refusedBy(reservation);
  if (refused && (await refuseTicket(ctx, uploadId, () => refused))) return;
  const [ticket, notes] = await Promise.all([
    ctx.documents.get(uploadAt(uploadId)),
    ctx.documents.get(uploadRunAt(uploadId)),
  ]);
  // Before its first run nothing waits, and after the bytes were checked nothing does any more.
  const mayWait = ticket?.step === 'received' || ticket?.step === 'checking-bytes';
  if (notes && notes.attempts > 0 && mayWait && WORKING_UPLOAD_STATUSES.includes(ticket.status))
    await wake(ctx, uploadId, `reserved-${version}`);
}

/** Looks at the hash that a ticket names before any byte moves: what cannot be published need not be sent. */
export async function followTicket(ctx: Needs, uploadId: string): Promise<void> {
  const ticket = await ctx.documents.get(uploadAt(uploadId));
  const sha256 = ticket?.sha256;
  if (!ticket || sha256 === undefined) return;
  const known = await ctx.documents.transact((tx) => readClaim(tx, sha256));
  await refuseTicket(ctx, uploadId, () => {
    const rejection = refuseBytes(ticket, uploadId, known);
    return rejection && { status: 'rejected', rejection };
  });
}

/** Ends a ticket whose file has not come; true when that was so and there was a reason. */
async function refuseTicket(ctx: Needs, uploadId: string, why: () => Refused | undefined): Promise<boolean> {
  return ctx.documents.transact(async (tx) => {
    const ticket = await tx.get(uploadAt(uploadId));
    const refused = why();
    if (ticket?.status !== 'awaiting-file' || !refused) return false;
    tx.update(uploadAt(uploadId), { ...refused, step: 'done', progress: 1, updatedAt: serverTime });
    return true;
  });
}

/** Each cause wakes once; a run that finds nothing to do ends at once. */
async function wake(ctx: Needs, uploadId: string, cause: string): Promise<void> {
  const id = `${uploadId}-${cause}`.replaceAll(/[^\w-]/g, '_').slice(0, 400);
  await ctx.enqueue([taskOf(pipelineQueue, { id, data: { uploadId } })]);
}

type Needs = Pick<Context, 'documents' | 'objects' | 'enqueue'>;
