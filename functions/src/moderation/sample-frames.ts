import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Rejection } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { GUARDED_INPUT, RefusedVideo, options, runTool } from '../platform/video-tools.ts';

/** A picture from every so many seconds, and so many at the most: three minutes' worth. */
const SECONDS_BETWEEN = 5;
const FRAMES_MAX = 36;
/** The classifier looks at 224 pixels. */
const FRAME_SIDE = 320;
const SECONDS_MAX = 60;

/** Pictures from all along a video, as PNG; undefined when the file is gone, a rejection when it cannot be decoded. */
export async function sampleFrames(
  ctx: Pick<Context, 'objects' | 'environment'>,
  object: { path: string; generation: string },
): Promise<Buffer[] | { rejection: Rejection } | undefined> {
  const folder = await mkdtemp(path.join(tmpdir(), 'frames-'));
  try {
    const file = path.join(folder, 'video');
    if (!(await ctx.objects.download(object.path, object.generation, file))) return undefined;
    await runTool(
      ctx.environment.videoTools.ffmpeg,
      [
        '-nostdin',
        ...GUARDED_INPUT,
        ...options({ i: `file:${file}`, an: true, sn: true, dn: true }),
        ...options({
          vf: `fps=1/${SECONDS_BETWEEN}:start_time=0:round=up,scale=${FRAME_SIDE}:${FRAME_SIDE}:force_original_aspect_ratio=decrease`,
        }),
        ...options({ 'frames:v': FRAMES_MAX, compression_level: 1 }),
        `file:${path.join(folder, 'frame-%03d.png')}`,
      ],
      SECONDS_MAX,
    );
    const names = (await readdir(folder)).filter((name) => name.endsWith('.png')).toSorted();
    if (names.length === 0) {
      return { rejection: { code: 'corrupt-media', message: 'No picture of the video can be decoded.' } };
    }
    return await Promise.all(names.map((name) => readFile(path.join(folder, name))));
  } catch (error) {
    if (error instanceof RefusedVideo) return { rejection: error.rejection };
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
