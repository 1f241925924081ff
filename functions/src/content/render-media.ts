import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Media, type Rejection, type Rendition, mediaPrefix } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { permanent } from '../platform/errors.ts';
import { cacheControlOf } from '../platform/objects.ts';
import { vanished } from './inspect-file.ts';
import { enrichOffline } from './enrich.ts';
import type { ActiveRun } from './lease.ts';
import { readMetadata } from './read-metadata.ts';
import { type RenderedFile, type RenderedImage, renderImage } from './render-image.ts';
import { type RenderedVideo, renderVideo } from './render-video.ts';
import type { StepResult } from './run-pipeline.ts';

type Rendered = (RenderedImage | RenderedVideo) & { capturedAt?: Date; camera?: string; bytes: number };

/** Makes the renditions, stores them under names that come from their bytes, and finds out what can be told of them. */
export async function renderMedia(ctx: Needs, run: ActiveRun): Promise<StepResult> {
  const { ticket, notes, uploadId } = run;
  const { checked } = notes.findings;
  if (!checked) throw permanent('step-out-of-order', 'only checked bytes are rendered');
  const rendered = await (checked.kind === 'video' ? videoOf(ctx, run) : imageOf(ctx, run));
  if (!rendered) return vanished();
  if ('rejection' in rendered) return { verdict: { status: 'rejected', rejection: rendered.rejection } };

  const store = async (file: RenderedFile): Promise<Rendition> => {
    const at = `${mediaPrefix(uploadId)}${file.name}`;
    const { contentType, width, height } = file;
    await ctx.objects.write(at, file.bytes, { contentType, cacheControl: cacheControlOf(ticket.visibility) });
    return { url: ctx.objects.urlOf(at), path: at, width, height };
  };
  const clip = 'clip' in rendered ? rendered.clip : undefined;
  const [preview, thumbnail, storedClip] = await Promise.all([
    store(rendered.preview),
    store(rendered.thumbnail),
    clip && store(clip),
  ]);
  const { width, height, thumbhash, dominantColor, sharpness, capturedAt, camera } = rendered;
  const media: Omit<Media, 'capturedAt'> = {
    width,
    height,
    bytes: rendered.bytes,
    sha256: checked.sha256,
    thumbhash,
    preview,
    thumbnail,
    dominantColor,
    sharpness,
    ...('animated' in rendered ? { animated: rendered.animated } : {}),
    ...('durationMs' in rendered ? { durationMs: rendered.durationMs } : {}),
    ...(storedClip && clip ? { clip: { ...storedClip, durationMs: clip.durationMs } } : {}),
    ...(camera !== undefined && ticket.keepCamera === true ? { camera } : {}),
  };
  const { title, caption, tags } = ticket;
  const enrichment = await enrichOffline({ title, caption, tags, width, height, dominantColor, sharpness });
  const taken = capturedAt ? { capturedAtMs: capturedAt.getTime() } : {};
  return { found: { rendered: { media, ...taken, enrichment } } };
}

type Outcome = Rendered | { rejection: Rejection } | undefined;

async function imageOf({ objects }: Needs, { notes: { object } }: ActiveRun): Promise<Outcome> {
  const bytes = await objects.read(object.path, object.generation);
  if (!bytes) return undefined;
  const rendered = await renderImage(bytes);
  if ('rejection' in rendered) return rendered;
  return { ...rendered, ...(await readMetadata(bytes)), bytes: bytes.length };
}

async function videoOf({ objects, environment }: Needs, { notes: { object } }: ActiveRun): Promise<Outcome> {
  const folder = await mkdtemp(path.join(tmpdir(), 'render-'));
  try {
    const file = path.join(folder, 'video');
    if (!(await objects.download(object.path, object.generation, file))) return undefined;
    const rendered = await renderVideo(file, folder, environment.videoTools);
    return 'rejection' in rendered ? rendered : { ...rendered, bytes: object.size };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Needs = Pick<Context, 'objects' | 'environment'>;
