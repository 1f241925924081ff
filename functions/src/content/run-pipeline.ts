/**
 * The upload pipeline: one upload, from the arrived file to the end of its ticket.
 *
 * It is a chain of steps that may be cut anywhere and run again. What is decided is written down first (`verdict`),
 * then the file is removed, and only then does the ticket show its end: a client that sees `published` or
 * `rejected` knows that the original is gone. Everything a run writes is fenced by its attempt number.
 */
import { createHash } from 'node:crypto';
import { type Media, type Rejection, mediaPrefix, userAt } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { serverTime } from '../platform/documents.ts';
import type { Delivery } from '../platform/on-task.ts';
import { checkBytes, checkObject } from './check-file.ts';
import { concludeUpload } from './conclude-upload.ts';
import { type ActiveRun, advance, claimRun, fence } from './lease.ts';
import { type RenderedFile, renderImage } from './render-image.ts';
import { RUN_ATTEMPTS_MAX, type UploadRun, type Verdict, hashClaimAt, uploadRunAt } from './upload-run.ts';

/** Renditions are named by their content, so nobody ever needs to ask again whether one has changed. */
const RENDITION_CACHE_CONTROL = 'public, max-age=31536000, immutable';

/**
 * Carries an upload to its end, or as far as it gets.
 *
 * @throws {PlatformError} `lease-held` while another run is at it; any transient error of a dependency
 */
export async function runPipeline(ctx: Needs, uploadId: string, { taskId }: Delivery): Promise<void> {
  const run = await claimRun(ctx, uploadId, taskId);
  if (!run) return;
  await concludeUpload(ctx, run, run.notes.verdict ?? (await decide(ctx, run)));
}

async function decide(ctx: Needs, run: ActiveRun): Promise<Verdict> {
  if (run.attempt > RUN_ATTEMPTS_MAX) {
    const message = `Processing was started ${RUN_ATTEMPTS_MAX} times and never finished.`;
    return { status: 'failed', failure: { code: 'attempts-exhausted', message, retryable: true } };
  }
  const { ticket } = run;
  const rejected = (rejection: Rejection): Verdict => ({ status: 'rejected', rejection });

  const owner = await ctx.documents.get(userAt(ticket.ownerId));
  if (!owner || owner.status === 'suspended') {
    return rejected({ code: 'suspended', message: 'This account cannot publish.' });
  }

  // From this step on no other file is taken for the ticket.
  const { object: heardOf } = await advance(ctx, run, 'screening', 'checking-bytes', 0.15);
  const object = await adoptPresent(ctx, run, heardOf);
  const unfit = checkObject(ticket, object);
  if (unfit) return rejected(unfit);
  const bytes = await ctx.objects.read(object.path, object.generation);
  if (!bytes) {
    const message = 'The file vanished before it could be looked at.';
    return { status: 'failed', failure: { code: 'file-missing', message, retryable: true } };
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const { fileTypeFromBuffer } = await import('file-type');
  const lie = checkBytes(ticket, { sha256, sniffedType: (await fileTypeFromBuffer(bytes))?.mime });
  if (lie) return rejected(lie);

  await advance(ctx, run, 'screening', 'checking-duplicates', 0.3);
  const duplicate = await claimHash(ctx, run, sha256);
  if (duplicate) return rejected(duplicate);

  await advance(ctx, run, 'processing', 'rendering', 0.45);
  const rendered = await renderImage(bytes);
  if ('rejection' in rendered) return rejected(rendered.rejection);
  const [preview, thumbnail] = await Promise.all([
    storeRendition(ctx, run, rendered.preview),
    storeRendition(ctx, run, rendered.thumbnail),
  ]);
  const { width, height, thumbhash } = rendered;
  return { status: 'published', media: { width, height, bytes: bytes.length, sha256, thumbhash, preview, thumbnail } };
}

/**
 * The file that is there. When puts raced each other past the rules it need not be the one that was heard of: the news of
 * each comes on its own time, and the emulator numbers them as they begin and stores them as they end. From here on late
 * news of any other is old news.
 */
async function adoptPresent(ctx: Needs, run: ActiveRun, heardOf: UploadRun['object']): Promise<UploadRun['object']> {
  const there = await ctx.objects.stat(heardOf.path);
  if (!there || there.generation === heardOf.generation) return heardOf;
  const object = { ...there, path: heardOf.path };
  await ctx.documents.transact(async (tx) => {
    await fence(tx, run);
    tx.update(uploadRunAt(run.uploadId), { object });
  });
  return object;
}

/** Claims the bytes for this upload; a rejection when they already belong to another. */
async function claimHash(ctx: Needs, run: ActiveRun, sha256: string): Promise<Rejection | undefined> {
  const { uploadId, ticket } = run;
  return ctx.documents.transact(async (tx) => {
    await fence(tx, run);
    const claim = await tx.get(hashClaimAt(sha256));
    if (claim && claim.uploadId !== uploadId) {
      const message = 'These exact bytes have been published before.';
      const own = claim.ownerId === ticket.ownerId ? { contentId: claim.uploadId } : {};
      return { code: 'duplicate', message, ...own };
    }
    tx.set(hashClaimAt(sha256), { uploadId, ownerId: ticket.ownerId, claimedAt: serverTime });
    tx.update(uploadRunAt(uploadId), { sha256 });
    return undefined;
  });
}

async function storeRendition(ctx: Needs, { uploadId }: ActiveRun, file: RenderedFile): Promise<Media['preview']> {
  const path = `${mediaPrefix(uploadId)}${file.name}`;
  await ctx.objects.write(path, file.bytes, {
    contentType: file.contentType,
    cacheControl: RENDITION_CACHE_CONTROL,
  });
  return { url: ctx.objects.urlOf(path), path, width: file.width, height: file.height };
}

type Needs = Pick<Context, 'documents' | 'objects' | 'now' | 'log'>;
