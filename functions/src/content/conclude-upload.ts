import { type Content, contentAt, mediaPrefix, uploadAt, userAt } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { type Transaction, absent, serverTime } from '../platform/documents.ts';
import { type ActiveRun, fence } from './lease.ts';
import { type UploadRun, type Verdict, hashClaimAt, uploadRunAt } from './upload-run.ts';

const SUSPENDED: Verdict = {
  status: 'rejected',
  rejection: { code: 'suspended', message: 'This account cannot publish.' },
};

/**
 * Carries out what was decided, in an order that a crash cannot spoil: the verdict is written down, the files that
 * must go are removed, and one transaction makes the end visible. A repeat starts from the verdict.
 */
export async function concludeUpload(ctx: Needs, run: ActiveRun, verdict: Verdict): Promise<void> {
  const { uploadId } = run;
  const { object } = await writeVerdict(ctx, run, verdict);
  await Promise.all([
    ctx.objects.remove(object.path, object.generation),
    verdict.status === 'published' ? undefined : ctx.objects.removeBelow(mediaPrefix(uploadId)),
  ]);
  const ended = await ctx.documents.transact((tx) => end(tx, run, verdict));
  if (!ended) {
    await concludeUpload(ctx, run, SUSPENDED);
    return;
  }
  ctx.log.info('upload ended', { uploadId, status: verdict.status });
}

async function writeVerdict(ctx: Needs, run: ActiveRun, verdict: Verdict): Promise<UploadRun> {
  return ctx.documents.transact(async (tx) => {
    const notes = await fence(tx, run);
    tx.update(uploadRunAt(run.uploadId), { verdict });
    tx.update(uploadAt(run.uploadId), { step: 'cleaning-up', progress: 0.9, updatedAt: serverTime });
    return notes;
  });
}

/** Ends the ticket; false when the owner may not publish any more, which only shows now. */
async function end(tx: Transaction, run: ActiveRun, verdict: Verdict): Promise<boolean> {
  const { uploadId, ticket } = run;
  const notes = await fence(tx, run);
  if (verdict.status === 'published') {
    const owner = await tx.get(userAt(ticket.ownerId));
    if (!owner || owner.status === 'suspended') return false;
    tx.create(contentAt(uploadId), {
      ownerId: ticket.ownerId,
      owner: { handle: owner.handle, displayName: owner.displayName },
      kind: 'image',
      title: ticket.title,
      caption: ticket.caption,
      tags: ticket.tags,
      mentions: [],
      visibility: ticket.visibility,
      status: 'published',
      media: verdict.media,
      stats: { likes: 0, comments: 0, shares: 0, views: 0 },
      publishedAt: serverTime,
      updatedAt: serverTime,
    } satisfies { [K in keyof Content]: unknown });
  } else {
    await releaseHash(tx, uploadId, notes);
  }
  tx.update(uploadAt(uploadId), { ...outcome(uploadId, verdict), step: 'done', progress: 1, updatedAt: serverTime });
  tx.update(uploadRunAt(uploadId), { lease: absent });
  return true;
}

/** Bytes that were not published belong to nobody: somebody may send them again. */
async function releaseHash(tx: Transaction, uploadId: string, { sha256 }: UploadRun): Promise<void> {
  if (sha256 === undefined) return;
  const claim = await tx.get(hashClaimAt(sha256));
  if (claim?.uploadId === uploadId) tx.delete(hashClaimAt(sha256));
}

function outcome(uploadId: string, verdict: Verdict) {
  switch (verdict.status) {
    case 'published':
      return { status: verdict.status, contentId: uploadId };
    case 'rejected':
      return { status: verdict.status, rejection: verdict.rejection };
    case 'failed':
      return { status: verdict.status, failure: verdict.failure };
  }
}

type Needs = Pick<Context, 'documents' | 'objects' | 'log'>;
