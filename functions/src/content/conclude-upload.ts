import {
  type Content,
  type FailureCode,
  contentAt,
  mediaPrefix,
  quarantinePath,
  uploadAt,
  userAt,
} from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { type Transaction, absent, serverTime } from '../platform/documents.ts';
import { permanent } from '../platform/errors.ts';
import { type ActiveRun, fence } from './lease.ts';
import { type Findings, type UploadRun, type Verdict, hashClaimAt, uploadRunAt } from './upload-run.ts';

const SUSPENDED: Verdict = {
  status: 'rejected',
  rejection: { code: 'suspended', message: 'This account cannot publish.' },
};

/**
 * Carries out what was decided, in an order that a crash cannot spoil: the verdict is written down, the files that
 * must go are removed, and one transaction makes the end visible. A repeat starts from the verdict.
 */
export async function concludeUpload(
  ctx: Needs,
  run: ActiveRun,
  verdict: Verdict,
  found: Findings = {},
): Promise<void> {
  const { uploadId } = run;
  const { object } = await writeVerdict(ctx, run, verdict, found);
  if (mayComeBack(verdict) && object.path !== quarantinePath(uploadId)) {
    await ctx.objects.copy(object.path, quarantinePath(uploadId));
  }
  const staysThere = mayComeBack(verdict) && object.path === quarantinePath(uploadId);
  await Promise.all([
    staysThere ? undefined : ctx.objects.remove(object.path, object.generation),
    verdict.status === 'published' ? undefined : ctx.objects.removeBelow(mediaPrefix(uploadId)),
  ]);
  const ended = await ctx.documents.transact((tx) => end(tx, run, verdict));
  if (!ended) {
    await concludeUpload(ctx, run, SUSPENDED);
    return;
  }
  ctx.log.info('upload ended', { uploadId, status: verdict.status });
}

/** Failures after which no file is kept: there is none, or its account sends too many. */
const NOT_KEPT: readonly FailureCode[] = ['file-missing', 'too-many-uploads'];

/**
 * Whether the original is kept aside for a while: what moderation refused may win its appeal, and what failed through nobody's
 * fault may be tried again. Nobody but the pipeline reads it there.
 */
const mayComeBack = (verdict: Verdict): boolean =>
  (verdict.status === 'rejected' && verdict.rejection.code === 'policy-violation') ||
  (verdict.status === 'failed' && !NOT_KEPT.includes(verdict.failure.code));

async function writeVerdict(ctx: Needs, run: ActiveRun, verdict: Verdict, found: Findings): Promise<UploadRun> {
  return ctx.documents.transact(async (tx) => {
    const notes = await fence(tx, run);
    tx.update(uploadRunAt(run.uploadId), { verdict, findings: { ...notes.findings, ...found } });
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
    const { checked, rendered } = notes.findings;
    if (!checked || !rendered) throw permanent('step-out-of-order', 'only what was rendered is published');
    const { media, capturedAtMs, enrichment } = rendered;
    tx.create(contentAt(uploadId), {
      ownerId: ticket.ownerId,
      owner: { handle: owner.handle, displayName: owner.displayName },
      kind: checked.kind,
      title: ticket.title,
      caption: ticket.caption,
      tags: ticket.tags,
      mentions: [],
      visibility: ticket.visibility,
      ...(ticket.replies === undefined ? {} : { replies: ticket.replies }),
      status: 'published',
      media: { ...media, ...(capturedAtMs === undefined ? {} : { capturedAt: new Date(capturedAtMs) }) },
      enrichment,
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
async function releaseHash(tx: Transaction, uploadId: string, { findings: { checked } }: UploadRun): Promise<void> {
  if (!checked) return;
  const claim = await tx.get(hashClaimAt(checked.sha256));
  if (claim?.uploadId === uploadId) tx.delete(hashClaimAt(checked.sha256));
}

/** The end as the ticket shows it; what an earlier end said is gone. */
function outcome(uploadId: string, verdict: Verdict) {
  const former = { rejection: absent, failure: absent };
  switch (verdict.status) {
    case 'published':
      return { ...former, status: verdict.status, contentId: uploadId };
    case 'rejected':
      return { ...former, status: verdict.status, rejection: verdict.rejection };
    case 'failed':
      return { ...former, status: verdict.status, failure: verdict.failure };
  }
}

type Needs = Pick<Context, 'documents' | 'objects' | 'log'>;
