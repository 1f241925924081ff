import { spawn } from 'node:child_process';
import { chmod, readFile, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { type VideoTools, renderVideo } from '../../../functions/src/content/render-video.ts';
import * as videos from '../../support/videos.ts';

const TOOLS: VideoTools = { ffmpeg: 'ffmpeg', ffprobe: 'ffprobe' };

async function rendered(file: string, scratch: string, tools = TOOLS) {
  const result = await renderVideo(file, scratch, tools);
  if ('rejection' in result) throw new Error(`refused: ${result.rejection.code} ${result.rejection.message}`);
  return result;
}

async function refusal(file: string, scratch: string) {
  const result = await renderVideo(file, scratch, TOOLS);
  return 'rejection' in result ? result.rejection.code : 'accepted';
}

/** What ffprobe says of a clip. */
async function inspect(bytes: Buffer, file: string): Promise<string> {
  await writeFile(file, bytes);
  const child = spawn('ffprobe', ['-v', 'error', '-show_streams', '-show_format', '-i', file]);
  return (await child.stdout.setEncoding('utf8').toArray()).join('');
}

describe('renderVideo', () => {
  test('makes a poster, a thumbnail and a silent clip of an MP4', async () => {
    await using directory = await videos.videoDirectory();
    const place = ['-metadata', 'location=+48.85+002.29/', '-metadata', 'title=Secret'];
    const options = { width: 1280, height: 720, seconds: 8, fps: 60, sound: true, output: place };
    const file = await videos.makeVideo(directory.file('a.mp4'), options);
    const video = await rendered(file, directory.path);
    expect(video).toMatchObject({
      width: 1280,
      height: 720,
      durationMs: expect.closeTo(8000, -2),
      preview: { width: 1280, height: 720, contentType: 'image/webp' },
      thumbnail: { width: 320, height: 180, contentType: 'image/webp' },
      clip: { width: 480, height: 270, contentType: 'video/mp4', durationMs: 6000 },
    });
    expect(video.dominantColor).toMatch(/^#[0-9a-f]{6}$/);
    expect(await sharp(video.preview.bytes).metadata()).toMatchObject({ format: 'webp', width: 1280, height: 720 });
    const clip = await inspect(video.clip.bytes, directory.file('clip.mp4'));
    expect(clip).toMatch(/codec_name=h264[^]*width=480\nheight=270/);
    expect(clip).toContain('avg_frame_rate=30/1');
    expect(clip).toMatch(/\nduration=6\.0/);
    expect(clip).not.toMatch(/codec_type=audio|Secret|48\.85/);
    // The index stands before the pictures, so that a player can begin before it has the file.
    expect(video.clip.bytes.indexOf('moov')).toBeLessThan(video.clip.bytes.indexOf('mdat'));
    expect((await readdir(directory.path)).toSorted()).toEqual(['a.mp4', 'clip.mp4']);
  });

  test.each(['b.webm', 'b.mov', 'b.mkv'])('takes %s', async (name) => {
    await using directory = await videos.videoDirectory();
    const video = await rendered(await videos.makeVideo(directory.file(name), { sound: true }), directory.path);
    expect(video).toMatchObject({ width: 320, height: 240, clip: { width: 320, height: 240 } });
    expect(video.durationMs).toBeGreaterThan(1900);
    expect(video.durationMs).toBeLessThan(2200);
  });

  test('sets a video upright that a phone stored lying on its side', async () => {
    await using directory = await videos.videoDirectory();
    const lying = await videos.layOnItsSide(await videos.makeVideo(directory.file('lying.mp4')));
    const video = await rendered(lying, directory.path);
    expect(video).toMatchObject({
      width: 240,
      height: 320,
      preview: { width: 240, height: 320 },
      clip: { width: 240, height: 320 },
    });
  });

  test('stretches pixels that are not square', async () => {
    await using directory = await videos.videoDirectory();
    const file = await videos.makeVideo(directory.file('dv.mp4'), { output: ['-vf', 'setsar=2'] });
    expect(await rendered(file, directory.path)).toMatchObject({ width: 640, height: 240, clip: { width: 480 } });
  });

  test('takes a video of a single picture', async () => {
    await using directory = await videos.videoDirectory();
    const file = await videos.makeVideo(directory.file('one.mp4'), { seconds: 0.04 });
    expect(await rendered(file, directory.path)).toMatchObject({ durationMs: 40, clip: { durationMs: 40 } });
  });

  test('takes what a browser records, which does not say how long it is', async () => {
    await using directory = await videos.videoDirectory();
    const file = await videos.makeVideo(directory.file('live.webm'), { output: ['-live', '1'] });
    const video = await rendered(file, directory.path);
    expect(Math.abs(video.durationMs - 2000)).toBeLessThan(100);
  });

  test('names the same clip the same', async () => {
    await using directory = await videos.videoDirectory();
    const file = await videos.makeVideo(directory.file('a.mp4'));
    const [first, again] = [await rendered(file, directory.path), await rendered(file, directory.path)];
    expect(again.clip.name).toBe(first.clip.name);
    expect(first.clip.name).toMatch(/^[0-9a-f]{32}\.mp4$/);
  });

  test('cuts a WebM clip where ffmpeg has no H.264 encoder', async () => {
    await using directory = await videos.videoDirectory();
    const file = await videos.makeVideo(directory.file('a.mp4'));
    const ffmpeg = directory.file('ffmpeg-without-x264');
    const script = `#!/bin/sh\ncase "$*" in *libx264*) echo "Unknown encoder 'libx264'" >&2; exit 1;; esac\nexec ffmpeg "$@"\n`;
    await writeFile(ffmpeg, script);
    await chmod(ffmpeg, 0o755);
    const { clip } = await rendered(file, directory.path, { ...TOOLS, ffmpeg });
    expect(clip.contentType).toBe('video/webm');
    expect(await inspect(clip.bytes, directory.file('clip.webm'))).toContain('codec_name=vp9');
  });
});

describe('renderVideo refuses', () => {
  test.each(['hls', 'ffconcat'] as const)(
    'a %s playlist in disguise, and opens nothing that it names',
    async (kind) => {
      await using directory = await videos.videoDirectory();
      const asked: string[] = [];
      await using server = createServer((request, response) => {
        asked.push(request.url ?? '');
        response.end();
      });
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      });
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      const honest = await videos.makeVideo(directory.file('honest.mp4'));
      for (const target of [honest, 'honest.mp4', `http://127.0.0.1:${port}/x.ts`, '/etc/passwd']) {
        const file = directory.file('list.mp4');
        await writeFile(file, videos.playlist[kind](target));
        expect(await refusal(file, directory.path)).toBe('unsupported-media');
      }
      expect(asked).toEqual([]);
    },
  );

  test('a file that breaks off, wherever its index stands', async () => {
    await using directory = await videos.videoDirectory();
    const { file } = directory;
    const mp4 = await videos.makeVideo(file('a.mp4'), { seconds: 4 });
    const fast = await videos.remux(mp4, file('fast.mp4'), '-movflags', '+faststart');
    const webm = await videos.makeVideo(file('a.webm'), { seconds: 4 });
    for (const whole of [mp4, fast, webm]) {
      const short = await videos.cutShort(whole, `${whole}.short`, 0.6);
      expect(await refusal(short, directory.path)).toBe('corrupt-media');
    }
  });

  test('a header that claims more than there is, or less than is allowed', async () => {
    await using directory = await videos.videoDirectory();
    const short = await videos.makeVideo(directory.file('short.webm'));
    expect(await refusal(await videos.claimSeconds(short, 60), directory.path)).toBe('corrupt-media');
    const long = await videos.makeVideo(directory.file('long.webm'), { seconds: 200, fps: 1, width: 64, height: 64 });
    expect(await refusal(await videos.claimSeconds(long, 5), directory.path)).toBe('too-large');
  });

  test.each([
    ['longer than three minutes', { seconds: 190, fps: 1, width: 64, height: 64 }],
    ['wider than 4096 pixels', { seconds: 0.1, width: 4112, height: 64 }],
    ['of more than 120 pictures a second', { seconds: 2, fps: 200, width: 64, height: 64 }],
  ])('a video %s', async (_, options) => {
    await using directory = await videos.videoDirectory();
    const file = await videos.makeVideo(directory.file('a.mp4'), options);
    expect(await refusal(file, directory.path)).toBe('too-large');
  });

  test('codecs that are not on the list, and containers that are not', async () => {
    await using directory = await videos.videoDirectory();
    const old = await videos.makeVideo(directory.file('old.mp4'), { output: ['-c:v', 'mpeg4'] });
    expect(await refusal(old, directory.path)).toBe('unsupported-media');
    const stream = await videos.makeVideo(directory.file('a.ts'));
    expect(await refusal(stream, directory.path)).toBe('unsupported-media');
  });

  test('sound without a picture', async () => {
    await using directory = await videos.videoDirectory();
    const both = await videos.makeVideo(directory.file('both.mp4'), { sound: true });
    const sound = await videos.remux(both, directory.file('sound.mp4'), '-vn');
    expect(await refusal(sound, directory.path)).toBe('unsupported-media');
  });

  test('pictures that are all noise', async () => {
    await using directory = await videos.videoDirectory();
    const file = await videos.makeVideo(directory.file('a.mp4'));
    const bytes = await readFile(file);
    const [from, to] = [bytes.indexOf('mdat') + 4, bytes.indexOf('moov') - 4];
    bytes.fill(0xa5, from, to);
    await writeFile(file, bytes);
    expect(await refusal(file, directory.path)).toBe('corrupt-media');
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['a text', Buffer.from('no video\n'.repeat(50))],
    ['a header alone', Buffer.from('0000001866747970697 36f6d0000020069736f6d6d703432'.replace(' ', ''), 'hex')],
  ])('%s', async (_, bytes) => {
    await using directory = await videos.videoDirectory();
    await writeFile(directory.file('a.mp4'), bytes);
    expect(await refusal(directory.file('a.mp4'), directory.path)).toBe('corrupt-media');
  });
});

test('a program that is not there is no fault of the video', async () => {
  await using directory = await videos.videoDirectory();
  const file = await videos.makeVideo(directory.file('a.mp4'));
  await expect(renderVideo(file, directory.path, { ...TOOLS, ffprobe: '/nowhere/ffprobe' })).rejects.toThrow('ENOENT');
  await expect(renderVideo(file, directory.path, { ...TOOLS, ffmpeg: '/nowhere/ffmpeg' })).rejects.toThrow('ENOENT');
});
