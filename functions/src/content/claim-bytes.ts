import { type Rejection, type UploadTicket, bannedHashAt } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { type Transaction, serverTime } from '../platform/documents.ts';
import { permanent } from '../platform/errors.ts';
import { type ActiveRun, fence } from './lease.ts';
import type { StepResult } from './run-pipeline.ts';
import { type HashClaim, hashClaimAt } from './upload-run.ts';

/** What is known of some bytes: who has them, and whether they were taken down. */
export async function readClaim(tx: Pick<Transaction, 'get'>, sha256: string) {
  const [claim, banned] = await Promise.all([tx.get(hashClaimAt(sha256)), tx.get(bannedHashAt(sha256))]);
  return { claim, banned: banned !== undefined };
}

/** Why bytes may not be published by this owner, as far as their hash says; a pure function. */
export function refuseBytes(
  { ownerId }: Pick<UploadTicket, 'ownerId'>,
  uploadId: string,
  { claim, banned }: { claim: HashClaim | undefined; banned: boolean },
): Rejection | undefined {
  if (banned) return { code: 'policy-violation', message: 'This file was taken down before.' };
  if (claim && claim.uploadId !== uploadId && claim.ownerId === ownerId) {
    return { code: 'duplicate', message: 'You have published this file before.', contentId: claim.uploadId };
  }
  return undefined;
}

/** Claims the bytes for this upload. Those of somebody else are left to screening, with the earlier upload as evidence. */
export async function claimBytes(ctx: Needs, run: ActiveRun): Promise<StepResult> {
  const { uploadId, ticket, notes } = run;
  const { checked } = notes.findings;
  if (!checked) throw permanent('step-out-of-order', 'bytes are claimed only after they were checked');
  return ctx.documents.transact(async (tx): Promise<StepResult> => {
    await fence(tx, run);
    const known = await readClaim(tx, checked.sha256);
    const rejection = refuseBytes(ticket, uploadId, known);
    if (rejection) return { verdict: { status: 'rejected', rejection } };
    const { claim } = known;
    if (claim && claim.uploadId !== uploadId) {
      return { found: { claimed: { duplicateOf: { uploadId: claim.uploadId, ownerId: claim.ownerId } } } };
    }
    tx.set(hashClaimAt(checked.sha256), { uploadId, ownerId: ticket.ownerId, claimedAt: serverTime });
    return { found: { claimed: {} } };
  });
}

type Needs = Pick<Context, 'documents'>;
