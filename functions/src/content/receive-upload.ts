import { uploadAt } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { serverTime } from '../platform/documents.ts';
import type { ArrivedObject } from '../platform/on-upload.ts';
import { RUN_KEPT_MS, uploadRunAt } from './upload-run.ts';

export const UPLOADS_PREFIX = 'uploads/';

/** Owner and ticket of an object's path `uploads/{uid}/{uploadId}`, or undefined for any other path. */
export function parseUploadPath(path: string): { ownerId: string; uploadId: string } | undefined {
  const [root, ownerId, uploadId, ...rest] = path.split('/');
  return root === 'uploads' && ownerId && uploadId && rest.length === 0 ? { ownerId, uploadId } : undefined;
}

/**
 * Takes an arrived file in for its ticket: the ticket moves from `awaiting-file` to `screening`. A file that no open
 * ticket waits for (none, another's, a second file, a cancelled ticket) is removed; the rules refuse it to begin
 * with, but a ticket may end while its file is on the way.
 */
export async function receiveUpload(ctx: Needs, object: ArrivedObject): Promise<void> {
  const parsed = parseUploadPath(object.path);
  const accepted = parsed !== undefined && (await accept(ctx, parsed, object));
  if (!accepted) {
    ctx.log.warn('file without an open ticket removed', { path: object.path, generation: object.generation });
    await ctx.objects.remove(object.path, object.generation);
  }
}

async function accept(
  ctx: Needs,
  { ownerId, uploadId }: { ownerId: string; uploadId: string },
  object: ArrivedObject,
): Promise<boolean> {
  return ctx.documents.transact(async (tx) => {
    const [ticket, run] = await Promise.all([tx.get(uploadAt(uploadId)), tx.get(uploadRunAt(uploadId))]);
    const { path, generation, size, contentType } = object;
    const file = { path, generation, size, contentType };
    if (run) {
      // The same file again, or one that has been overwritten since: events come twice and in any order.
      if (BigInt(run.object.generation) >= BigInt(generation)) return true;
      // Puts that raced each other past the rules: the newest is the one that is there, and nobody has looked yet.
      if (ticket?.status !== 'screening' || ticket.step !== 'received') return false;
      tx.update(uploadRunAt(uploadId), { object: file });
      return true;
    }
    if (!ticket || ticket.ownerId !== ownerId || ticket.status !== 'awaiting-file') return false;
    tx.update(uploadAt(uploadId), { status: 'screening', step: 'received', progress: 0.05, updatedAt: serverTime });
    tx.create(uploadRunAt(uploadId), {
      ownerId,
      object: file,
      attempts: 0,
      expireAt: new Date(ctx.now().getTime() + RUN_KEPT_MS),
    });
    return true;
  });
}

type Needs = Pick<Context, 'documents' | 'objects' | 'log' | 'now'>;
