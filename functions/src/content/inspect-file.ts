import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  type Failure,
  type Rejection,
  imageContentType,
  reservationAt,
  userAt,
  videoContentType,
} from '@playnite/contracts/documents';
import { contentTicketOpened } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { eventOf } from '../platform/publisher.ts';
import { checkExif } from './check-exif.ts';
import { checkBytes, checkObject } from './check-file.ts';
import { type ActiveRun, fence } from './lease.ts';
import { refusedBy } from './refuse-reserved.ts';
import { checkHeader } from './render-image.ts';
import type { StepResult } from './run-pipeline.ts';
import { type UploadRun, uploadRunAt } from './upload-run.ts';

const rejected = (rejection: Rejection): StepResult => ({ verdict: { status: 'rejected', rejection } });

/** The file is gone, through no fault that anybody knows of. */
export const vanished = (): StepResult => {
  const message = 'The file vanished before it could be looked at.';
  const failure: Failure = { code: 'file-missing', message, retryable: true };
  return { verdict: { status: 'failed', failure } };
};

/**
 * Whether the owner may publish and has room for it, and whether the file is what its ticket says: size, type by its content,
 * hash, and the size that its header claims. Nothing is decoded.
 */
export async function inspectFile(ctx: Needs, run: ActiveRun): Promise<StepResult> {
  const { ticket, uploadId } = run;
  const [owner, reservation] = await Promise.all([
    ctx.documents.get(userAt(ticket.ownerId)),
    ctx.documents.get(reservationAt(uploadId)),
  ]);
  if (!owner || owner.status === 'suspended') {
    return rejected({ code: 'suspended', message: 'This account cannot publish.' });
  }
  if (!reservation) {
    // The storage service has not heard of the ticket, or is still at it: it is told again, and wakes the upload.
    await ctx.publish([
      eventOf(contentTicketOpened, {
        cause: `${uploadId} attempt ${run.attempt}`,
        at: ctx.now(),
        data: { uploadId, ownerId: ticket.ownerId },
      }),
    ]);
    return { wait: { status: 'screening', step: 'received', progress: 0.05 } };
  }
  const refused = refusedBy(reservation);
  if (refused) return { verdict: refused };

  const object = await adoptPresent(ctx, run);
  const unfit = checkObject(ticket, object);
  if (unfit) return rejected(unfit);
  const isVideo = videoContentType.safeParse(ticket.contentType).success;
  const seen = await (isVideo ? inspectVideo(ctx, object) : inspectImage(ctx, object));
  if (!seen) return vanished();
  const { sha256, type, rejection } = seen;
  const lie = checkBytes(ticket, { sha256, sniffedType: type });
  if (lie) return rejected(lie);
  if (rejection) return rejected(rejection);
  return { found: { checked: { sha256, kind: isVideo ? 'video' : 'image' } } };
}

interface Seen {
  /** Hex. */
  sha256: string;
  /** What the bytes look like; undefined when that is nothing known. */
  type: string | undefined;
  rejection?: Rejection;
}

async function inspectImage({ objects }: Needs, object: UploadRun['object']): Promise<Seen | undefined> {
  const bytes = await objects.read(object.path, object.generation);
  return bytes && seeImage(bytes);
}

/** What there is to be seen of an image without decoding it. */
export async function seeImage(bytes: Buffer): Promise<Seen> {
  const { fileTypeFromBuffer } = await import('file-type');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const type = (await fileTypeFromBuffer(bytes))?.mime;
  // Only what is one of the formats taken, by its first bytes, ever meets a decoder, and first only its header does.
  if (!imageContentType.safeParse(type === 'image/apng' ? 'image/png' : type).success) return { sha256, type };
  const tangled = checkExif(bytes);
  if (tangled) return { sha256, type, rejection: tangled };
  const { default: sharp } = await import('sharp');
  try {
    const rejection = checkHeader(await sharp(bytes, { limitInputPixels: false }).metadata());
    return { sha256, type, ...(rejection ? { rejection } : {}) };
  } catch {
    return { sha256, type, rejection: { code: 'corrupt-media', message: 'The image’s header cannot be read.' } };
  }
}

/** A video is looked at on disk: it may be far larger than the memory. */
async function inspectVideo(
  { objects }: Needs,
  { path: from, generation }: UploadRun['object'],
): Promise<Seen | undefined> {
  const folder = await mkdtemp(path.join(tmpdir(), 'check-'));
  try {
    const file = path.join(folder, 'video');
    if (!(await objects.download(from, generation, file))) return undefined;
    const { fileTypeFromFile } = await import('file-type');
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
    return { sha256: hash.digest('hex'), type: (await fileTypeFromFile(file))?.mime };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The file that is there. When puts raced each other past the rules it need not be the one that was heard of: the news of
 * each comes on its own time, and the emulator numbers them as they begin and stores them as they end. From here on late
 * news of any other is old news.
 */
async function adoptPresent(ctx: Needs, run: ActiveRun): Promise<UploadRun['object']> {
  const { object: heardOf } = run.notes;
  const there = await ctx.objects.stat(heardOf.path);
  if (!there || there.generation === heardOf.generation) return heardOf;
  const object = { ...there, path: heardOf.path };
  await ctx.documents.transact(async (tx) => {
    await fence(tx, run);
    tx.update(uploadRunAt(run.uploadId), { object });
  });
  return object;
}

type Needs = Pick<Context, 'documents' | 'objects' | 'publish' | 'now'>;
