/** A corpus of hostile files, all made here: the same ones each time, and none of them downloaded. */
import sharp, { type Sharp } from 'sharp';
import {
  ANY,
  BROKEN,
  type BadFile,
  CLEAN,
  IMAGES,
  LIE,
  NOT_TAKEN,
  PHP,
  type Pictures,
  type Row,
  SCRIPT,
  fated,
} from './bad-file.ts';
import { animations, bombs, bombsForTheSniffer, brokenStructures } from './bad-structures.ts';
import { badVideos } from './bad-videos.ts';
import { GIF_THAT_IS_JAVASCRIPT, HTML_PAGE, PLAIN_TEXT, SVG_WITH_SCRIPT, photo } from './files.ts';
import {
  EXIF_PREFIX,
  type PngChunk,
  box,
  bytesOf,
  compressedChunk,
  flipped,
  gifOf,
  jpegSegment,
  jpegWith,
  le,
  overwritten,
  pngWith,
  randomBytes,
  tiffOf,
  u16,
  u32,
} from './surgery.ts';

export type { BadFile } from './bad-file.ts';

/** The whole corpus, about 330 files; needs ffmpeg for its videos. */
export async function badFiles(): Promise<BadFile[]> {
  const picture = sharp(await photo({ variant: 7_100_000, width: 320, height: 240 }));
  const [jpeg, png, webp, gif, avif] = await Promise.all(
    IMAGES.map((kind) => picture.clone().toFormat(kind).toBuffer()),
  );
  if (!jpeg || !png || !webp || !gif || !avif) throw new Error('sharp made no pictures');
  const pictures = { jpeg, png, webp, gif, avif };
  return [
    ...bombs(pictures),
    ...polyglots(pictures),
    ...cutShort(pictures),
    ...flips(pictures),
    ...mislabelled(pictures),
    ...brokenStructures(pictures),
    ...animations(pictures),
    ...hiddenData(pictures),
    ...tangledData(pictures),
    ...(await oddButHonest(picture)),
    ...notTaken(pictures),
    ...bombsForTheSniffer(),
    ...(await badVideos()),
  ];
}

/** Files that are two things at once. */
function polyglots({ jpeg, png, webp, gif, avif }: Pictures): BadFile[] {
  const zip = bytesOf('PK\x03\x04\x14', Buffer.alloc(21), le(4, 1), 'a', 'x', 'PK\x05\x06', Buffer.alloc(18));
  const text = (data: string): PngChunk => ({ type: 'tEXt', data: bytesOf(data) });
  return [
    ...fated(
      [],
      [
        ['a JPEG with a web page behind its end', 'jpeg', Buffer.concat([jpeg, HTML_PAGE])],
        ['a JPEG with a web page in a comment', 'jpeg', jpegWith(jpeg, jpegSegment(0xfe, HTML_PAGE))],
        ['a JPEG with a ZIP behind its end', 'jpeg', Buffer.concat([jpeg, zip])],
        ['a JPEG with PHP in its EXIF', 'jpeg', jpegWith(jpeg, exif(makeOf(PHP)))],
        [
          'a GIF with a script in a comment',
          'gif',
          gifOf(9, 9, { extensions: bytesOf('\x21\xfe', String.fromCharCode(SCRIPT.length), SCRIPT, '\0') }),
        ],
        ['a GIF with a JAR behind its end', 'gif', Buffer.concat([gif, zip])],
        ['a PNG with PHP in its text', 'png', pngWith(png, text(`Comment\0${PHP}`))],
        ['a PNG with a PDF in its text', 'png', pngWith(png, text('%PDF-1.7\0\n1 0 obj <</OpenAction 2 0 R>> endobj'))],
        ['a PNG with a web page behind its end', 'png', Buffer.concat([png, HTML_PAGE])],
        ['a WebP with a script behind its end', 'webp', bytesOf(webp, SCRIPT)],
        ['an AVIF with PHP in a free box', 'avif', Buffer.concat([avif, box('free', PHP)])],
      ],
      CLEAN,
    ),
    ...fated(LIE, [
      ['a web page that starts like a bitmap', 'jpeg', bytesOf('BM', HTML_PAGE)],
      ['a PDF with a PNG in it', 'png', bytesOf('%PDF-1.7\n', png)],
      ['a ZIP with a JPEG in it', 'jpeg', Buffer.concat([zip, jpeg])],
      ['PHP in front of a JPEG', 'jpeg', bytesOf(PHP, jpeg)],
    ]),
    ...fated(BROKEN, [['a script that starts like a GIF', 'gif', GIF_THAT_IS_JAVASCRIPT]]),
  ];
}

const SHARES = [0.25, 0.5, 0.75, 0.95] as const;

/** Files that break off, from the first bytes to the last. */
const cutShort = (pictures: Pictures): BadFile[] =>
  IMAGES.flatMap((kind) => {
    const bytes = pictures[kind];
    const first = (length: number): Row => [
      `the first ${length} bytes of the ${kind}`,
      kind,
      bytes.subarray(0, length),
    ];
    return [
      ...fated(
        ['mismatch', 'corrupt-media', 'unsupported-media'],
        [first(1), first(4), first(12), first(33), first(100)],
      ),
      ...fated(
        BROKEN,
        SHARES.map((share): Row => [
          `${share * 100} % of the ${kind}`,
          kind,
          bytes.subarray(0, Math.floor(bytes.length * share)),
        ]),
      ),
      ...fated(BROKEN, [[`the ${kind} without its last byte`, kind, bytes.subarray(0, -1)]], CLEAN),
    ];
  });

const FLIPS = [1, 8, 64, 512] as const;

/** Files with some bits turned over. */
const flips = (pictures: Pictures): BadFile[] =>
  IMAGES.flatMap((kind) =>
    FLIPS.flatMap((count) =>
      [1, 2].flatMap((seed) =>
        fated(
          ANY,
          [
            [
              `the ${kind} with ${count} bits turned over (${seed})`,
              kind,
              flipped(pictures[kind], count, seed * 1000 + count),
            ],
          ],
          CLEAN,
        ),
      ),
    ),
  );

/** Each format called each other. */
const mislabelled = (pictures: Pictures): BadFile[] =>
  IMAGES.flatMap((real) =>
    IMAGES.filter((claimed) => claimed !== real).flatMap((claimed) =>
      fated(LIE, [[`the ${real} called ${claimed}`, claimed, pictures[real]]]),
    ),
  );

const MAKE = 0x010f;
const EXIF_DIRECTORY = 0x8769;
const GPS_DIRECTORY = 0x8825;
const exif = (tiff: Buffer): Buffer => jpegSegment(0xe1, EXIF_PREFIX, tiff);
const makeOf = (text: string): Buffer =>
  tiffOf([{ tag: MAKE, type: 2, count: text.length + 1, value: bytesOf(text, '\0') }]);
const pointer = (tag: number, to: number) => ({ tag, type: 4, count: 1, value: le(4, to) });

/** A directory of so many pointers to itself; libexif follows each of them again wherever it comes to. */
const directoryTrap = (count: number, tags: readonly number[]): Buffer =>
  tiffOf(Array.from({ length: count }, (_, at) => pointer(tags[at % tags.length] ?? 0, 8)));

/** Directories that lead back to themselves: harmless to ignore, right to refuse. */
const tangledData = ({ jpeg }: Pictures): BadFile[] =>
  fated(
    BROKEN,
    [
      ['a JPEG whose EXIF directory follows itself', 'jpeg', jpegWith(jpeg, exif(tiffOf([], 8)))],
      [
        'a JPEG whose EXIF directory contains itself',
        'jpeg',
        jpegWith(jpeg, exif(tiffOf([pointer(EXIF_DIRECTORY, 8)]))),
      ],
      [
        'a JPEG whose EXIF directory contains itself often',
        'jpeg',
        jpegWith(jpeg, exif(directoryTrap(1_000, [EXIF_DIRECTORY]))),
      ],
      [
        'a JPEG whose EXIF directories contain one another',
        'jpeg',
        jpegWith(jpeg, exif(directoryTrap(200, [EXIF_DIRECTORY, GPS_DIRECTORY]))),
      ],
    ],
    CLEAN,
  );

/** Absurd metadata around a picture that is well. */
function hiddenData({ jpeg, png, webp }: Pictures): BadFile[] {
  const xmp = `<x:xmpmeta xmlns:x="adobe:ns:meta/">${SCRIPT}</x:xmpmeta>`;
  const north = Buffer.concat([le(2, 1), le(2, 1), le(2, 2), le(4, 2), le(4, 0x4e), le(4, 0)]);
  const place = Buffer.concat([tiffOf([pointer(GPS_DIRECTORY, 26)]), north]);
  const profile = (...data: (Buffer | string)[]) => jpegSegment(0xe2, 'ICC_PROFILE\0', ...data);
  return fated(
    [],
    [
      ['a JPEG with its place', 'jpeg', jpegWith(jpeg, exif(place))],
      ['a JPEG with 60 kB of EXIF', 'jpeg', jpegWith(jpeg, exif(makeOf(SCRIPT.repeat(2_400))))],
      [
        'a JPEG whose EXIF points behind its end',
        'jpeg',
        jpegWith(jpeg, exif(tiffOf([pointer(EXIF_DIRECTORY, 0xfffffff0)]))),
      ],
      [
        'a JPEG whose EXIF value has 2^32-1 parts',
        'jpeg',
        jpegWith(jpeg, exif(tiffOf([{ tag: MAKE, type: 2, count: 0xffffffff, value: le(4, 8) }]))),
      ],
      [
        'a JPEG that is turned by 65,535',
        'jpeg',
        jpegWith(jpeg, exif(tiffOf([{ tag: 0x0112, type: 3, count: 1, value: le(4, 0xffff) }]))),
      ],
      [
        'a JPEG with twenty EXIF blocks',
        'jpeg',
        jpegWith(jpeg, ...Array.from({ length: 20 }, () => exif(makeOf(PHP)))),
      ],
      [
        'a JPEG with a script in its XMP',
        'jpeg',
        jpegWith(jpeg, jpegSegment(0xe1, 'http://ns.adobe.com/xap/1.0/\0', xmp)),
      ],
      [
        'a JPEG with PHP in its IPTC',
        'jpeg',
        jpegWith(
          jpeg,
          jpegSegment(
            0xed,
            'Photoshop 3.0\x008BIM\x04\x04\0\0',
            u32(PHP.length + 5),
            '\x1c\x02\x78',
            u16(PHP.length),
            PHP,
          ),
        ),
      ],
      [
        'a JPEG with 1,000 comments',
        'jpeg',
        jpegWith(jpeg, ...Array.from({ length: 1_000 }, () => jpegSegment(0xfe, SCRIPT))),
      ],
      ['a JPEG with a random colour profile', 'jpeg', jpegWith(jpeg, profile('\x01\x01', randomBytes(3_000, 7)))],
      [
        'a JPEG with one of 255 parts of a colour profile',
        'jpeg',
        jpegWith(jpeg, profile('\x01\xff', randomBytes(3_000, 8))),
      ],
      [
        'a PNG with a script in its XMP',
        'png',
        pngWith(png, { type: 'iTXt', data: bytesOf('XML:com.adobe.xmp\0\0\0\0\0', xmp) }),
      ],
      ['a PNG with PHP in its EXIF', 'png', pngWith(png, { type: 'eXIf', data: makeOf(PHP) })],
      [
        'a PNG with a random colour profile',
        'png',
        pngWith(png, compressedChunk('iCCP', 'icc\0\0', randomBytes(3_000, 9))),
      ],
      [
        'a PNG with 1,000 texts',
        'png',
        pngWith(
          png,
          ...Array.from({ length: 1_000 }, (_, at) => ({ type: 'tEXt', data: bytesOf(`k${at}\0${SCRIPT}`) })),
        ),
      ],
      [
        'a WebP with a script in a chunk of its own',
        'webp',
        bytesOf(
          'RIFF',
          le(4, webp.length + 8 + SCRIPT.length + 1 - 8),
          webp.subarray(8),
          'XSS ',
          le(4, SCRIPT.length),
          SCRIPT,
          '\0',
        ),
      ],
    ],
    CLEAN,
  );
}

/** Rare kinds of well-formed pictures. */
async function oddButHonest(picture: Sharp): Promise<BadFile[]> {
  const grey = picture.clone().toColourspace('b-w');
  const spelled = Buffer.from(`${SCRIPT}${PHP}`.padEnd(64 * 64 * 3, PHP), 'latin1');
  const rows: [string, string, Sharp][] = [
    ['a JPEG in CMYK', 'jpeg', picture.clone().toColourspace('cmyk').jpeg()],
    ['a grey JPEG', 'jpeg', grey.clone().jpeg()],
    ['a progressive JPEG', 'jpeg', picture.clone().jpeg({ progressive: true })],
    ['a PNG of 16 bits a channel', 'png', picture.clone().toColourspace('rgb16').png()],
    ['a grey PNG with transparency', 'png', grey.clone().ensureAlpha(0.5).png()],
    ['an interlaced PNG', 'png', picture.clone().png({ progressive: true })],
    ['a PNG of 256 colours', 'png', picture.clone().png({ palette: true })],
    [
      'a PNG whose pixels spell a script',
      'png',
      sharp(spelled, { raw: { width: 64, height: 64, channels: 3 } }).png({ compressionLevel: 0 }),
    ],
    ['a PNG of one pixel', 'png', picture.clone().resize(1, 1).png()],
    ['a JPEG of 8,000 x 1 pixels', 'jpeg', picture.clone().resize(8_000, 1, { fit: 'fill' }).jpeg()],
    ['a lossless WebP with transparency', 'webp', picture.clone().ensureAlpha(0).webp({ lossless: true })],
    ['an AVIF of 10 bits a channel', 'avif', picture.clone().avif({ bitdepth: 10 })],
  ];
  return (
    await Promise.all(rows.map(async ([name, kind, image]) => fated([], [[name, kind, await image.toBuffer()]], CLEAN)))
  ).flat();
}

/** Honest files of kinds that are not taken, and what is no picture at all: each under its own name and under another. */
function notTaken({ png, avif }: Pictures): BadFile[] {
  const lol = Array.from({ length: 9 }, (_, at) => `<!ENTITY l${at + 1} "${`&l${at};`.repeat(10)}">`).join('');
  const uses = Array.from(
    { length: 30 },
    (_, at) => `<g id="g${at + 1}">${`<use href="#g${at}"/>`.repeat(10)}</g>`,
  ).join('');
  const svg = (content: string) => `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">${content}</svg>`;
  const tiff = tiffOf(
    [
      [256, 9],
      [257, 9],
      [258, 8],
      [259, 1],
      [262, 1],
      [273, 8],
      [279, 81],
    ].map(([tag = 0, value = 0]) => pointer(tag, value)),
  );
  const rows: [name: string, type: string, bytes: Buffer][] = [
    ['an SVG with a script', 'svg+xml', SVG_WITH_SCRIPT],
    ['an SVG of nested uses', 'svg+xml', bytesOf(svg(`<g id="g0"/>${uses}<use href="#g30"/>`))],
    ['an SVG that loads a file', 'svg+xml', bytesOf(svg('<image href="file:///etc/passwd" width="9" height="9"/>'))],
    [
      'an XML entity bomb',
      'svg+xml',
      bytesOf(`<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY l0 "lol">${lol}]>`, svg('<text>&l9;</text>')),
    ],
    ['a web page', 'x-html', HTML_PAGE],
    ['plain text', 'x-text', PLAIN_TEXT],
    [
      'a script for ImageMagick',
      'x-mvg',
      bytesOf('push graphic-context\nfill \'url(https://example.com/"|ls "-la)\'\npop graphic-context'),
    ],
    ['a PostScript program', 'x-eps', bytesOf('%!PS-Adobe-3.0 EPSF-3.0\n(%pipe%id) (w) file quit\n')],
    ['a TIFF', 'tiff', Buffer.concat([tiff, Buffer.alloc(81)])],
    [
      'a bitmap',
      'bmp',
      bytesOf(
        'BM',
        le(4, 58),
        le(4, 0),
        le(4, 54),
        le(4, 40),
        le(4, 1),
        le(4, 1),
        le(2, 1),
        le(2, 24),
        Buffer.alloc(28),
      ),
    ],
    ['a HEIC', 'heic', overwritten(avif, 'ftyp', 4, bytesOf('heic'))],
    [
      'a Photoshop file',
      'vnd.adobe.photoshop',
      bytesOf('8BPS\0\x01', Buffer.alloc(6), u16(3), u32(30_000, 30_000), u16(8, 3), Buffer.alloc(14)),
    ],
    ['an icon', 'x-icon', bytesOf('\0\0\x01\0\x01\0\0\0\0\0\x01\0\x20\0', le(4, png.length), le(4, 22), png)],
    ['a JPEG XL', 'jxl', bytesOf('\xff\x0a', randomBytes(400, 10))],
    ['a JPEG 2000', 'jp2', bytesOf('\0\0\0\x0cjP  \r\n\x87\n', box('ftyp', 'jp2 \0\0\0\0jp2 '), randomBytes(400, 11))],
    ['a pixmap that says 60,000 x 60,000', 'x-portable-pixmap', bytesOf('P6\n60000 60000\n255\n')],
    ['a picture of libvips itself', 'x-vips', bytesOf('\xb6\xa6\xf2\x08', Buffer.alloc(60, 0xff))],
  ];
  return rows.flatMap(([name, type, bytes]) => [
    ...fated(NOT_TAKEN, [[name, type, bytes]]),
    ...fated(LIE, [
      [`${name} called PNG`, 'png', bytes],
      [`${name} called JPEG`, 'jpeg', bytes],
    ]),
  ]);
}
