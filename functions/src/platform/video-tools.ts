/**
 * ffprobe and ffmpeg as child processes, on files that are hostile until shown otherwise.
 *
 * Only two demuxers may open a file and only the `file` protocol may be spoken, so that a playlist in disguise cannot make
 * ffmpeg read other files or the network; only the decoders named here may run; the pixels of a frame are bounded for the
 * decoders too, as a stream can change its size on the way. Every child has a deadline, a bound on what it may say, and
 * nothing of this process's environment but the path to its libraries.
 */
import { spawn } from 'node:child_process';
import { type Rejection, VIDEO_SIDE_MAX } from '@playnite/contracts/documents';

/** A line for each packet: three minutes at 120 frames a second, with sound, are 1.5 MB. A poster as PNG is at most 8 MB. */
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const COMPLAINT_LENGTH_MAX = 4096;

/** `{ t: 6, an: true }` as `-t 6 -an`. */
export const options = (named: Record<string, string | number | true>): string[] =>
  Object.entries(named).flatMap(([name, value]) => (value === true ? [`-${name}`] : [`-${name}`, String(value)]));

export const VIDEO_CODECS = ['h264', 'hevc', 'vp8', 'vp9', 'av1'];
/** Decoders by ffmpeg's names. Sound, titles and covers are not used, but ffprobe opens them and fails when it may not. */
const DECODERS = {
  pictures: [...VIDEO_CODECS, 'libdav1d', 'libaom-av1'],
  sound: ['aac', 'mp3', 'mp3float', 'opus', 'vorbis', 'flac', 'alac', 'ac3', 'eac3', 'amrnb', 'amrwb'],
  plainSound: ['pcm_s16le', 'pcm_s16be', 'pcm_s24le', 'pcm_s24be', 'pcm_f32le'],
  titlesAndCovers: ['mov_text', 'webvtt', 'subrip', 'mjpeg', 'png'],
};

/** What stands before the input of each child. */
export const GUARDED_INPUT = options({
  v: 'error',
  protocol_whitelist: 'file',
  format_whitelist: 'mov,mp4,m4a,3gp,3g2,mj2,matroska,webm',
  codec_whitelist: Object.values(DECODERS).flat().join(','),
  max_pixels: VIDEO_SIDE_MAX * VIDEO_SIDE_MAX,
  threads: 2,
});

/** What is wrong with the file. */
export class RefusedVideo extends Error {
  readonly rejection: Rejection;
  constructor(code: Rejection['code'], message: string) {
    super(message);
    this.rejection = { code, message };
  }
}

export class MissingEncoder extends Error {}

/** What children say when the machine or the program is at fault, not the file. */
const MACHINE_FAULT =
  /No space left on device|Unrecognized option|Option not found|while opening encoder|error while loading shared libraries/;

/**
 * Runs a child without a shell and returns what it wrote to stdout.
 *
 * Throws {@link RefusedVideo} when it fails on the file: a non-zero end, a crash, a missed deadline, too much output. Anything else
 * that is thrown is the machine's fault: no such program, no disk, or killed from outside as the system does when memory runs out.
 */
export async function runTool(program: string, args: readonly string[], secondsMax: number): Promise<Buffer> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'] },
  });
  let stopped: RefusedVideo | undefined;
  const stop = (reason: string) => {
    stopped ??= new RefusedVideo('too-large', reason);
    child.kill('SIGKILL');
  };
  const deadline = setTimeout(stop, secondsMax * 1000, `The video takes longer than ${secondsMax} seconds to read.`);
  const chunks: Buffer[] = [];
  let length = 0;
  let complaint = '';
  child.stdout.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > OUTPUT_BYTES_MAX) stop('The video has too many packets.');
    else chunks.push(chunk);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(0, COMPLAINT_LENGTH_MAX);
  });
  try {
    const { promise: closed, resolve: close, reject } = Promise.withResolvers<[number | null, string | null]>();
    child.on('error', reject).on('close', (code, signal) => close([code, signal]));
    const [code, signal] = await closed;
    if (stopped) throw stopped;
    if (code === 0) return Buffer.concat(chunks);
    if (/Unknown encoder/.test(complaint)) throw new MissingEncoder(complaint);
    if (signal === 'SIGKILL' || signal === 'SIGTERM' || MACHINE_FAULT.test(complaint)) {
      throw new Error(`${program} ended with ${signal ?? code}: ${complaint}`);
    }
  } finally {
    clearTimeout(deadline);
  }
  if (complaint.includes('not on whitelist')) {
    throw new RefusedVideo('unsupported-media', 'The file is no MP4, QuickTime or WebM video with a usual codec.');
  }
  throw new RefusedVideo('corrupt-media', `The video cannot be read: ${withoutPaths(complaint)}`);
}

/** The program's last words, without its addresses and the places of our files. */
const withoutPaths = (complaint: string): string =>
  (complaint.trim().split('\n').at(-1) ?? '')
    .replaceAll(/file:\S+|@ 0x[0-9a-f]+/g, '')
    .trim()
    .slice(0, 200);
