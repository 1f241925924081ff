/** Hostile videos: real ones of a second each that were changed, and files that only pretend. */
import { readFile } from 'node:fs/promises';
import { ANY, BROKEN, type BadFile, CLEAN, LARGE, LIE, SCRIPT, fated as fatedFiles } from './bad-file.ts';
import { box, bytesOf, flipped, ftyp, overwritten, randomBytes, u16, u32 } from './surgery.ts';
import { claimSeconds, makeVideo, playlist, videoDirectory } from './videos.ts';

const NO_VIDEO = ['corrupt-media', 'unsupported-media'] as const;
/** The same bytes each time: without it the containers hold random ids and the version of the encoder. */
const REPEATABLE = { seconds: 1, width: 160, height: 120, output: ['-fflags', '+bitexact', '-flags:v', '+bitexact'] };
/** A tenth of a video's length may be missing, and the end of a WebM holds no pictures. */
const SHARES = [0.1, 0.5, 0.7] as const;

type Kind = 'mp4' | 'webm' | 'quicktime';
type Row = readonly [name: string, kind: Kind, bytes: Buffer];

const fated = (codes: BadFile['codes'], rows: readonly Row[], fate: { clean?: true } = {}): BadFile[] =>
  fatedFiles(
    codes,
    rows.map(([name, kind, bytes]) => [name, `video/${kind}`, bytes]),
    fate,
  );

/** Needs ffmpeg. */
export async function badVideos(): Promise<BadFile[]> {
  await using directory = await videoDirectory();
  const make = async (name: string) => readFile(await makeVideo(directory.file(name), REPEATABLE));
  const [mp4, webm, mov] = [await make('a.mp4'), await make('a.webm'), await make('a.mov')];
  const longWebm = await readFile(await claimSeconds(directory.file('a.webm'), 1e9));
  return [
    ...lyingBoxes(mp4, mov),
    ...lyingElements(webm, longWebm),
    ...damaged({ mp4, webm, quicktime: mov }),
    ...pretenders(mp4),
  ];
}

function lyingBoxes(mp4: Buffer, mov: Buffer): BadFile[] {
  const nestedBoxes = Array.from({ length: 5_000 }, (_, outside) => bytesOf(u32((5_000 - outside) * 8), 'moov'));
  return [
    ...fated(LARGE, [['an MP4 that says it lasts for years', 'mp4', overwritten(mp4, 'mvhd', 20, u32(0x7fffffff))]]),
    ...fated(
      LARGE,
      [['an MP4 whose pictures last for years', 'mp4', overwritten(mp4, 'stts', 16, u32(0x0fffffff))]],
      CLEAN,
    ),
    ...fated(BROKEN, [['an MP4 that says it lasts a minute', 'mp4', overwritten(mp4, 'mvhd', 20, u32(60_000))]]),
    ...fated(ANY, [
      ['an MP4 of one box', 'mp4', ftyp('mp42')],
      ['an MP4 without pictures', 'mp4', bytesOf(ftyp('mp42'), box('moov'), box('mdat'))],
      ['an MP4 of 5,000 boxes in one another', 'mp4', bytesOf(ftyp('mp42'), ...nestedBoxes)],
      ['an MP4 whose index lies behind its end', 'mp4', overwritten(mp4, 'stco', 12, u32(0xfffffff0))],
      ['random bytes behind the first box of an MP4', 'mp4', bytesOf(ftyp('isom'), randomBytes(50_000, 20))],
      [
        'a QuickTime atom of 2^63 bytes',
        'quicktime',
        bytesOf(ftyp('qt  '), u32(1), 'moov', u32(0x7fffffff, 0xffffffff), randomBytes(500, 21)),
      ],
    ]),
    ...fated(
      ANY,
      [
        ['an MP4 whose clock stands still', 'mp4', overwritten(mp4, 'mvhd', 16, u32(0))],
        ['an MP4 of 2^32-1 pictures', 'mp4', overwritten(mp4, 'stsz', 12, u32(0xffffffff))],
        ['an MP4 that says it is 65,535 x 65,535', 'mp4', overwritten(mp4, 'avc1', 28, u16(65_535, 65_535))],
        ['an MP4 whose data are elsewhere', 'mp4', overwritten(mp4, 'url ', 4, u32(0))],
        ['an MP4 with a script in its user data', 'mp4', bytesOf(mp4, box('udta', SCRIPT))],
        [
          'a QuickTime whose data are longer than the world',
          'quicktime',
          overwritten(mov, 'mdat', -4, u32(0xffffffff)),
        ],
      ],
      CLEAN,
    ),
  ];
}

function lyingElements(webm: Buffer, longWebm: Buffer): BadFile[] {
  const ebml = Buffer.from('1a45dfa3', 'hex');
  const segment = Buffer.from('18538067', 'hex');
  return [
    ...fated(LARGE, [['a WebM that says it lasts for years', 'webm', longWebm]]),
    ...fated(ANY, [
      ['the magic of a WebM alone', 'webm', ebml],
      [
        'a WebM header longer than the world',
        'webm',
        bytesOf(ebml, '\x01\xff\xff\xff\xff\xff\xff\xfe', webm.subarray(5)),
      ],
      [
        'a WebM of a document type that never ends',
        'webm',
        bytesOf(ebml, '\xff\x42\x82\x01\x00\xff\xff\xff\xff\xff\xff', randomBytes(5_000, 22)),
      ],
      [
        'a WebM of empty elements',
        'webm',
        bytesOf(ebml, '\x87\x42\x82\x84webm', segment, '\xff', Buffer.alloc(100_000, '\xec\x80', 'latin1')),
      ],
      ['random bytes behind the header of a WebM', 'webm', bytesOf(webm.subarray(0, 60), randomBytes(50_000, 23))],
    ]),
    ...fated(
      ANY,
      [['a WebM whose segment has no length', 'webm', overwritten(webm, segment, 4, Buffer.from([0x80]))]],
      CLEAN,
    ),
  ];
}

/** Cut at several points, and with bits turned over. */
const damaged = (videos: Record<Kind, Buffer>): BadFile[] =>
  (['mp4', 'webm', 'quicktime'] as const).flatMap((kind) => {
    const bytes = videos[kind];
    return [
      ...fated(
        ANY,
        SHARES.map((share): Row => [
          `${share * 100} % of a video in ${kind}`,
          kind,
          bytes.subarray(0, Math.floor(bytes.length * share)),
        ]),
      ),
      ...fated(
        ANY,
        [8, 64, 512].map((count): Row => [
          `a video in ${kind} with ${count} bits turned over`,
          kind,
          flipped(bytes, count, count),
        ]),
        CLEAN,
      ),
    ];
  });

function pretenders(mp4: Buffer): BadFile[] {
  const hls = playlist.hls('file:///etc/passwd');
  const concat = playlist.ffconcat('/etc/passwd');
  return [
    ...fated(LIE, [
      ['a playlist called MP4', 'mp4', bytesOf(hls)],
      ['a list of files called MP4', 'mp4', bytesOf(concat)],
      ['an MP4 called WebM', 'webm', mp4],
      ['an MP4 called QuickTime', 'quicktime', mp4],
      ['a page called MP4', 'mp4', bytesOf('<!doctype html><script>alert(1)</script>')],
    ]),
    ...fated(NO_VIDEO, [
      ['a playlist behind the first box of an MP4', 'mp4', bytesOf(ftyp('mp42'), hls)],
      ['a list of files behind the first box of an MP4', 'mp4', bytesOf(ftyp('mp42'), concat)],
    ]),
  ];
}
