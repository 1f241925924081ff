/**
 * The lease and the fence that keep two runs of one upload from working against each other.
 *
 * The lease is a courtesy: it keeps a second run from starting while the first one moves. The fence is the guarantee:
 * each start takes the next attempt number, and no transaction of a run commits once a later number has been taken.
 */
import {
  type UploadStatus,
  type UploadStep,
  type UploadTicket,
  WORKING_UPLOAD_STATUSES,
  uploadAt,
} from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { type Transaction, absent, plus, serverTime } from '../platform/documents.ts';
import { permanent, transient } from '../platform/errors.ts';
import { type Findings, LEASE_MS, type UploadRun, VIDEO_LEASE_MS, uploadRunAt } from './upload-run.ts';

/** A run that holds the lease. */
export interface ActiveRun {
  uploadId: string;
  ticket: UploadTicket;
  notes: UploadRun;
  /** The fence: the attempt number that this run took. */
  attempt: number;
  holder: string;
}

/** In these the pipeline moves an upload on, or looks whether it can. */
const MOVABLE: readonly UploadStatus[] = [...WORKING_UPLOAD_STATUSES, 'in-review'];

/**
 * Takes the lease and the next attempt number; undefined when there is nothing (more) to do.
 *
 * @throws {PlatformError} `lease-held`, transient, while another run is at it
 */
export async function claimRun(ctx: Needs, uploadId: string, holder: string): Promise<ActiveRun | undefined> {
  return ctx.documents.transact(async (tx) => {
    const [ticket, notes] = await Promise.all([tx.get(uploadAt(uploadId)), tx.get(uploadRunAt(uploadId))]);
    if (!ticket || !notes || !MOVABLE.includes(ticket.status)) return undefined;
    const { lease } = notes;
    // The same task again means that its earlier dispatch is over: Cloud Tasks never runs two of one task at once.
    if (lease && lease.holder !== holder && lease.until.toMillis() > ctx.now().getTime()) {
      throw transient('lease-held', `another run is at work on ${uploadId}`);
    }
    const attempt = notes.attempts + 1;
    tx.update(uploadRunAt(uploadId), { attempts: attempt, lease: { holder, until: leaseEnd(ctx, ticket) } });
    return { uploadId, ticket, notes, attempt, holder };
  });
}

const leaseEnd = (ctx: Needs, { contentType }: UploadTicket) =>
  new Date(ctx.now().getTime() + (contentType.startsWith('video/') ? VIDEO_LEASE_MS : LEASE_MS));

/** Where an upload is. */
export interface Position {
  status: UploadStatus;
  step: UploadStep;
  /** From 0 to 1. */
  progress: number;
}

/**
 * Shows that a step begins, renews the lease and writes down what the step before it found; returns the notes as they are
 * now. An upload that is waiting goes on showing so while it is looked at again.
 */
export async function enterStep(ctx: Needs, run: ActiveRun, at: Position, found: Findings): Promise<UploadRun> {
  return ctx.documents.transact(async (tx) => {
    const notes = await fence(tx, run);
    const findings = { ...notes.findings, ...found };
    const { status, step } = run.ticket;
    const isShown = at.status === 'screening' && (status === 'in-review' || (step === 'screening' && at.step === step));
    if (!isShown) tx.update(uploadAt(run.uploadId), { ...at, updatedAt: serverTime });
    tx.update(uploadRunAt(run.uploadId), {
      lease: { holder: run.holder, until: leaseEnd(ctx, run.ticket) },
      findings,
      [`starts.${at.step}`]: plus(1),
    });
    return { ...notes, findings };
  });
}

/** Lets the upload rest until somebody else has done their part: the lease ends, and what came before counts as done. */
export async function park(ctx: Needs, run: ActiveRun, position: Position): Promise<void> {
  await ctx.documents.transact(async (tx) => {
    await fence(tx, run);
    const shown = await tx.get(uploadAt(run.uploadId));
    tx.update(uploadRunAt(run.uploadId), { lease: absent, settled: run.attempt });
    // Shown once: the reconciler counts how long an upload has stood still.
    if (shown?.status !== position.status || shown.step !== position.step) {
      tx.update(uploadAt(run.uploadId), { ...position, updatedAt: serverTime });
    }
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
