/** Videos: what is judged, and what is made of them. How ffmpeg is kept from doing harm stands in platform/video-tools.ts. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  PREVIEW_SIDE,
  type Rejection,
  VIDEO_FPS_MAX,
  VIDEO_SECONDS_MAX,
  VIDEO_SIDE_MAX,
} from '@playnite/contracts/documents';
import { z } from 'zod';
import type { Environment } from '../platform/environment.ts';
import {
  GUARDED_INPUT,
  MissingEncoder,
  RefusedVideo,
  VIDEO_CODECS,
  options,
  runTool,
} from '../platform/video-tools.ts';
import { type RenderedFile, type RenderedImage, namedFile, renderImage } from './render-image.ts';

/** Paths or names of the two programs. */
export type VideoTools = Environment['videoTools'];

/** `preview` and `thumbnail` are the poster, a still WebP each; `clip` is the silent beginning of the video. */
export interface RenderedVideo extends Omit<RenderedImage, 'animated'> {
  durationMs: number;
  clip: RenderedFile & { durationMs: number };
}

const CLIP_SECONDS_MAX = 6;
const CLIP_SIDE = 480;
const CLIP_FPS_MAX = 30;
const POSTER_AT_MS_MAX = 1000;
/** A video may end this much before its header says: a header that counts its last frames a little long is common. */
const MISSING_SHARE_MAX = 0.1;
const MISSING_SECONDS_MAX = 0.5;
/** The demuxing of 256 MiB takes about a second; the clip of a 4096 x 2304 video about ten. */
const SECONDS_MAX = { probe: 30, poster: 30, clip: 60 } as const;

/**
 * Judges a video file and makes its renditions: a poster from its first second, a thumbnail and a short silent clip, all
 * upright and with no metadata of the original.
 *
 * Takes MP4, QuickTime, WebM and Matroska. `scratchDirectory` must exist; what is written there is gone afterwards.
 * Returns the rejection for a video of another kind, too large or broken; throws when the fault is the machine's.
 */
export async function renderVideo(
  file: string,
  scratchDirectory: string,
  tools: VideoTools,
): Promise<RenderedVideo | { rejection: Rejection }> {
  // The prefix keeps a name from being taken for an option or another protocol.
  const input = `file:${resolve(file)}`;
  try {
    const source = await probe(tools.ffprobe, input);
    const times = await measure(tools.ffprobe, input, source);
    const picture = await renderImage(await grabPoster(tools.ffmpeg, input, source, times));
    if ('rejection' in picture) return picture;
    const { animated: _, ...poster } = picture;
    const clip = {
      ...(await cutClip(tools.ffmpeg, input, source, scratchDirectory)),
      durationMs: Math.min(CLIP_SECONDS_MAX * 1000, times.videoMs),
    };
    return { ...poster, width: source.width, height: source.height, durationMs: times.durationMs, clip };
  } catch (error) {
    if (error instanceof RefusedVideo) return { rejection: error.rejection };
    throw error;
  }
}

/** The picture stream that counts: its index, and the size that it is shown in. */
interface Source {
  index: number;
  width: number;
  height: number;
  /** As the header says; undefined when it does not, as with what a browser records. */
  claimedSeconds: number | undefined;
}

const probed = z.object({
  format: z.object({ duration: z.coerce.number().nonnegative().optional() }),
  streams: z.array(
    z.object({
      index: z.number().int(),
      codec_type: z.string().optional(),
      codec_name: z.string().optional(),
      width: z.number().int().optional(),
      height: z.number().int().optional(),
      sample_aspect_ratio: z.string().optional(),
      disposition: z.object({ attached_pic: z.number().optional() }).optional(),
      side_data_list: z.array(z.object({ rotation: z.number().optional() })).optional(),
    }),
  ),
});
type Stream = z.infer<typeof probed>['streams'][number];

async function probe(ffprobe: string, input: string): Promise<Source> {
  const args = [
    ...GUARDED_INPUT,
    ...options({ print_format: 'json', show_format: true, show_streams: true, i: input }),
  ];
  const { format, streams } = parseProbed((await runTool(ffprobe, args, SECONDS_MAX.probe)).toString('utf8'));
  const stream = streams.find(
    ({ codec_type: type, disposition }) => type === 'video' && disposition?.attached_pic !== 1,
  );
  if (!stream) throw new RefusedVideo('unsupported-media', 'The file has no video in it.');
  const codec = stream.codec_name ?? 'unknown';
  if (!VIDEO_CODECS.includes(codec)) throw new RefusedVideo('unsupported-media', `Videos in ${codec} are not taken.`);
  const { width, height } = shownSize(stream);
  if (width === 0 || height === 0) throw new RefusedVideo('corrupt-media', 'The video does not say how large it is.');
  if (width > VIDEO_SIDE_MAX || height > VIDEO_SIDE_MAX) {
    const message = `The video has ${width} x ${height} pixels; ${VIDEO_SIDE_MAX} a side is the most.`;
    throw new RefusedVideo('too-large', message);
  }
  if ((format.duration ?? 0) > VIDEO_SECONDS_MAX) throw tooLong(format.duration ?? 0);
  return { index: stream.index, width, height, claimedSeconds: format.duration };
}

/** ffprobe's words come from the file: when they make no sense, that is the file's doing. */
function parseProbed(json: string): z.infer<typeof probed> {
  try {
    return probed.parse(JSON.parse(json));
  } catch {
    throw new RefusedVideo('corrupt-media', 'The video describes itself in no sensible way.');
  }
}

/** Pixels need not be square, and the picture may lie on its side. */
function shownSize({ width = 0, height = 0, sample_aspect_ratio: aspect, side_data_list: sides = [] }: Stream) {
  const [across = 1, down = 1] = (aspect ?? '').split(':').map(Number);
  const stretch = across > 0 && down > 0 ? across / down : 1;
  const shown = { width: Math.round(width * stretch), height };
  const rotation = sides.find((side) => side.rotation !== undefined)?.rotation ?? 0;
  const lies = Math.abs(rotation) <= 360 && Math.round(rotation / 90) % 2 !== 0;
  return lies ? { width: shown.height, height: shown.width } : shown;
}

interface Times {
  /** Of all streams. */
  durationMs: number;
  /** Of the pictures alone. */
  videoMs: number;
  /** When the last picture begins, counted from the beginning of the file. */
  lastPictureMs: number;
}

/** Reads all packets, decoding none: how long the file really is, and its picture. */
async function measure(ffprobe: string, input: string, { index, claimedSeconds }: Source): Promise<Times> {
  const shown = { show_entries: 'packet=stream_index,pts_time,duration_time', print_format: 'csv=p=0' };
  const args = [...GUARDED_INPUT, ...options({ ...shown, i: input })];
  const lines = (await runTool(ffprobe, args, SECONDS_MAX.probe)).toString('latin1');
  const all = new Span();
  const pictures = new Span();
  for (const line of lines.split('\n')) {
    const [stream, start, length] = line.split(',').map(Number);
    if (stream === undefined || start === undefined || !Number.isFinite(start)) continue;
    const end = start + (Number.isFinite(length) ? (length ?? 0) : 0);
    all.add(start, end);
    if (stream === index) pictures.add(start, end);
  }
  if (pictures.count === 0) throw new RefusedVideo('corrupt-media', 'The video has no pictures in it.');
  if (all.seconds > VIDEO_SECONDS_MAX) throw tooLong(all.seconds);
  if (pictures.count > 1 + VIDEO_FPS_MAX * Math.max(1, pictures.seconds)) {
    const message = `The video has ${pictures.count} pictures in ${pictures.seconds.toFixed(1)} seconds; ${VIDEO_FPS_MAX} a second is the most.`;
    throw new RefusedVideo('too-large', message);
  }
  const missing = (claimedSeconds ?? 0) - all.seconds;
  if (missing > MISSING_SECONDS_MAX && missing > (claimedSeconds ?? 0) * MISSING_SHARE_MAX) {
    const message = `The video breaks off after ${all.seconds.toFixed(1)} of ${claimedSeconds?.toFixed(1)} seconds.`;
    throw new RefusedVideo('corrupt-media', message);
  }
  return {
    durationMs: Math.round(all.seconds * 1000),
    videoMs: Math.round(pictures.seconds * 1000),
    lastPictureMs: Math.floor((pictures.lastStart - all.start) * 1000),
  };
}

/** From the first start to the last end of what was added; what lies before zero is there for the decoder only. */
class Span {
  count = 0;
  start = Number.POSITIVE_INFINITY;
  lastStart = 0;
  #end = 0;

  add(start: number, end: number): void {
    this.count += 1;
    this.start = Math.min(this.start, Math.max(0, start));
    this.lastStart = Math.max(this.lastStart, start);
    this.#end = Math.max(this.#end, end);
  }

  get seconds(): number {
    return Math.max(0, this.#end - this.start);
  }
}

const tooLong = (seconds: number): RefusedVideo =>
  new RefusedVideo('too-large', `The video lasts ${Math.round(seconds)} seconds; ${VIDEO_SECONDS_MAX} is the most.`);

/** One picture as PNG, from a tenth of the way in: the very first is often black. */
async function grabPoster(ffmpeg: string, input: string, source: Source, times: Times): Promise<Buffer> {
  const { width, height } = fit(source, PREVIEW_SIDE, 1);
  // After the last picture's moment there is none to be had.
  const atMs = Math.max(0, Math.min(POSTER_AT_MS_MAX, times.durationMs / 10, times.lastPictureMs));
  const png = await runTool(
    ffmpeg,
    [
      '-nostdin',
      ...GUARDED_INPUT,
      ...options({ ss: atMs / 1000, i: input }),
      ...options({ map: `0:${source.index}`, 'frames:v': 1, vf: `scale=${width}:${height},setsar=1,format=rgb24` }),
      ...options({ 'c:v': 'png', compression_level: 1, f: 'image2pipe' }),
      'pipe:1',
    ],
    SECONDS_MAX.poster,
  );
  if (png.length === 0) throw new RefusedVideo('corrupt-media', 'No picture of the video can be decoded.');
  return png;
}

/** The encoders of the clip, the one that more players know first; an ffmpeg without the GPL's parts has no x264. */
const ENCODERS = [
  {
    kind: 'mp4',
    encoder: {
      'c:v': 'libx264',
      preset: 'veryfast',
      crf: 28,
      maxrate: '1500k',
      bufsize: '3000k',
      movflags: '+faststart',
    },
  },
  { kind: 'webm', encoder: { 'c:v': 'libvpx-vp9', deadline: 'realtime', 'cpu-used': 6, crf: 36, 'b:v': '1500k' } },
] as const;

async function cutClip(ffmpeg: string, input: string, source: Source, scratchDirectory: string): Promise<RenderedFile> {
  const size = fit(source, CLIP_SIDE, 2);
  const directory = await mkdtemp(join(scratchDirectory, 'clip-'));
  try {
    for (const { kind, encoder } of ENCODERS) {
      const output = join(directory, `clip.${kind}`);
      const args = [
        '-nostdin',
        ...GUARDED_INPUT,
        ...options({ i: input, t: CLIP_SECONDS_MAX, map: `0:${source.index}`, an: true, sn: true, dn: true }),
        ...options({ map_metadata: -1, map_chapters: -1, fflags: '+bitexact', 'flags:v': '+bitexact' }),
        ...options({ vf: `scale=${size.width}:${size.height},setsar=1,format=yuv420p`, fpsmax: CLIP_FPS_MAX }),
        ...options({ ...encoder, threads: 2, f: kind }),
        `file:${output}`,
      ];
      try {
        await runTool(ffmpeg, args, SECONDS_MAX.clip);
        return namedFile(await readFile(output), kind, size);
      } catch (error) {
        if (!(error instanceof MissingEncoder)) throw error;
      }
    }
    throw new Error(`${ffmpeg} has neither libx264 nor libvpx-vp9.`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The size that fits into a square of `side` without enlargement, in multiples: 4:2:0 video halves its colour and needs 2. */
function fit({ width, height }: Source, side: number, multiple: 1 | 2): { width: number; height: number } {
  const scale = Math.min(1, side / Math.max(width, height));
  const round = (length: number) => multiple * Math.max(1, Math.round((length * scale) / multiple));
  return { width: round(width), height: round(height) };
}
