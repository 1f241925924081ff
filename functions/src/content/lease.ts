/**
 * The lease and the fence that keep two runs of one upload from working against each other.
 *
 * The lease is a courtesy: it keeps a second run from starting while the first one moves. The fence is the guarantee:
 * each start takes the next attempt number, and no transaction of a run commits once a later number has been taken.
 */
import { type UploadStep, type UploadTicket, WORKING_UPLOAD_STATUSES, uploadAt } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { type Transaction, serverTime } from '../platform/documents.ts';
import { permanent, transient } from '../platform/errors.ts';
import { LEASE_MS, type UploadRun, uploadRunAt } from './upload-run.ts';

/** A run that holds the lease. */
export interface ActiveRun {
  uploadId: string;
  ticket: UploadTicket;
  notes: UploadRun;
  /** The fence: the attempt number that this run took. */
  attempt: number;
  holder: string;
}

/**
 * Takes the lease and the next attempt number; undefined when there is nothing (more) to do.
 *
 * @throws {PlatformError} `lease-held`, transient, while another run is at it
 */
export async function claimRun(ctx: Needs, uploadId: string, holder: string): Promise<ActiveRun | undefined> {
  return ctx.documents.transact(async (tx) => {
    const [ticket, notes] = await Promise.all([tx.get(uploadAt(uploadId)), tx.get(uploadRunAt(uploadId))]);
    if (!ticket || !notes || !WORKING_UPLOAD_STATUSES.includes(ticket.status)) return undefined;
    const { lease } = notes;
    // The same task again means that its earlier dispatch is over: Cloud Tasks never runs two of one task at once.
    if (lease && lease.holder !== holder && lease.until.toMillis() > ctx.now().getTime()) {
      throw transient('lease-held', `another run is at work on ${uploadId}`);
    }
    const attempt = notes.attempts + 1;
    tx.update(uploadRunAt(uploadId), { attempts: attempt, lease: { holder, until: leaseEnd(ctx) } });
    return { uploadId, ticket, notes, attempt, holder };
  });
}

const leaseEnd = (ctx: Needs) => new Date(ctx.now().getTime() + LEASE_MS);

/** Shows where the run is and renews its lease; returns the notes as they are now. */
export async function advance(
  ctx: Needs,
  run: ActiveRun,
  status: UploadTicket['status'],
  step: UploadStep,
  progress: number,
): Promise<UploadRun> {
  return ctx.documents.transact(async (tx) => {
    const notes = await fence(tx, run);
    tx.update(uploadAt(run.uploadId), { status, step, progress, updatedAt: serverTime });
    tx.update(uploadRunAt(run.uploadId), { lease: { holder: run.holder, until: leaseEnd(ctx) } });
    return notes;
  });
}

/**
 * Makes sure that no later run has taken over; every transaction of a run begins with it.
 *
 * @throws {PlatformError} `lease-lost`, permanent: the other run finishes the work
 */
export async function fence(tx: Pick<Transaction, 'get'>, run: ActiveRun): Promise<UploadRun> {
  const notes = await tx.get(uploadRunAt(run.uploadId));
  if (notes?.attempts !== run.attempt) throw permanent('lease-lost', `another run took over ${run.uploadId}`);
  return notes;
}

type Needs = Pick<Context, 'documents' | 'now'>;
