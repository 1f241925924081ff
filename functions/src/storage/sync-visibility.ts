import { type Content, contentAt } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { transient } from '../platform/errors.ts';
import { cacheControlOf } from '../platform/objects.ts';

/** Edits that may come in between before this try is given up. */
const LOOKS_MAX = 3;

/** How long, and for whom, caches may keep the renditions of a content: what is held or taken down is for nobody. */
export const cachingOf = ({ visibility, status }: Pick<Content, 'visibility' | 'status'>): string =>
  cacheControlOf(status === 'published' ? visibility : 'private');

/**
 * Brings what the bucket tells caches in line with a content's visibility. Looks again after it wrote: an edit that came
 * in between may have been carried out before, and overwritten here.
 *
 * @throws {PlatformError} `visibility-in-motion`, transient, while edits keep coming
 */
export async function syncVisibility(ctx: Needs, contentId: string): Promise<void> {
  let wanted = await wantedFor(ctx, contentId);
  for (let looks = 0; wanted && looks < LOOKS_MAX; looks += 1) {
    const { cacheControl, paths } = wanted;
    await Promise.all(paths.map((path) => ctx.objects.setCacheControl(path, cacheControl)));
    wanted = await wantedFor(ctx, contentId);
    if (wanted?.cacheControl === cacheControl) return;
  }
  if (wanted) throw transient('visibility-in-motion', `content ${contentId} is being edited all the time`);
}

async function wantedFor(
  ctx: Needs,
  contentId: string,
): Promise<{ cacheControl: string; paths: string[] } | undefined> {
  const content = await ctx.documents.get(contentAt(contentId));
  return content && { cacheControl: cachingOf(content), paths: renditionPaths(content) };
}

/** Where a content's renditions stand in the bucket. */
export const renditionPaths = ({ media: { preview, thumbnail, clip } }: Pick<Content, 'media'>): string[] =>
  [preview, thumbnail, clip].flatMap((rendition) => (rendition ? [rendition.path] : []));

type Needs = Pick<Context, 'documents' | 'objects'>;
