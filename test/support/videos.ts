/** Small videos for tests, made by ffmpeg from its own test picture, and files that only pretend to be videos. */
import { execFile } from 'node:child_process';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

interface VideoOptions {
  width?: number;
  height?: number;
  seconds?: number;
  fps?: number;
  sound?: boolean;
  /** Further arguments for the output, such as an encoder or metadata. */
  output?: readonly string[];
}

/** A directory for a test's videos; `await using` takes it away again. */
export async function videoDirectory() {
  const path = await mkdtemp(join(tmpdir(), 'videos-'));
  return {
    path,
    file: (name: string) => join(path, name),
    [Symbol.asyncDispose]: async () => rm(path, { recursive: true, force: true }),
  };
}

/** Writes a video whose container follows from the name of `file`. */
export async function makeVideo(file: string, options: VideoOptions = {}): Promise<string> {
  const { width = 320, height = 240, seconds = 2, fps = 25, sound = false, output = [] } = options;
  const picture = `testsrc=size=${width}x${height}:rate=${fps}:duration=${seconds}`;
  const tone = sound ? ['-f', 'lavfi', '-i', `sine=duration=${seconds}`] : [];
  const encoder = file.endsWith('.webm')
    ? ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8']
    : ['-c:v', 'libx264', '-preset', 'ultrafast'];
  await ffmpeg('-f', 'lavfi', '-i', picture, ...tone, ...encoder, '-pix_fmt', 'yuv420p', ...output, file);
  return file;
}

/** Copies the streams of a video into another file with other arguments, encoding nothing. */
export async function remux(from: string, to: string, ...output: string[]): Promise<string> {
  await ffmpeg('-i', from, '-c', 'copy', ...output, to);
  return to;
}

/** Writes the first `share` of a file. */
export async function cutShort(from: string, to: string, share: number): Promise<string> {
  const bytes = await readFile(from);
  await writeFile(to, bytes.subarray(0, Math.floor(bytes.length * share)));
  return to;
}

/** Has an MP4 say that its picture lies on its side, by the matrix in its track header (ISO 14496-12, tkhd version 0). */
export async function layOnItsSide(mp4: string): Promise<string> {
  const bytes = await readFile(mp4);
  const at = bytes.indexOf('tkhd') + 44;
  const [one, last] = [0x10000, 0x40000000];
  [0, one, 0, -one, 0, 0, 0, 0, last].forEach((value, place) => bytes.writeInt32BE(value, at + place * 4));
  await writeFile(mp4, bytes);
  return mp4;
}

/** Overwrites the length that the header of a WebM file claims: the element Duration (0x4489), a float of 8 bytes, in ms. */
export async function claimSeconds(webm: string, seconds: number): Promise<string> {
  const bytes = await readFile(webm);
  const at = bytes.indexOf(Buffer.from('448988', 'hex'));
  if (at === -1) throw new Error(`${webm} claims no length`);
  const value = Buffer.alloc(8);
  value.writeDoubleBE(seconds * 1000);
  await using file = await open(webm, 'r+');
  await file.write(value, 0, 8, at + 3);
  return webm;
}

/** A playlist that has ffmpeg open another file, in the two kinds that it knows by their first line. */
export const playlist = {
  hls: (target: string) => `#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n${target}\n#EXT-X-ENDLIST\n`,
  ffconcat: (target: string) => `ffconcat version 1.0\nfile '${target}'\n`,
};

const run = promisify(execFile);

async function ffmpeg(...args: string[]): Promise<void> {
  await run('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args]);
}
