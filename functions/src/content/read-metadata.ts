/** A camera's name may have this many characters. */
const CAMERA_LENGTH_MAX = 80;
/** The year of the first photograph: whatever says it is older does not know. */
const YEAR_MIN = 1826;
/** A camera's clock may run ahead, or stand in a zone that it does not name. */
const AHEAD_MS_MAX = 24 * 60 * 60 * 1000;

/** Nothing but these is ever read: above all not the place. */
const TAGS = ['Make', 'Model', 'DateTimeOriginal', 'OffsetTimeOriginal'];
const READ_ONLY_THOSE = {
  pick: TAGS,
  reviveValues: false,
  tiff: true,
  exif: true,
  gps: false,
  ifd1: false,
  interop: false,
  makerNote: false,
  userComment: false,
  xmp: false,
  icc: false,
  iptc: false,
} as const;

/**
 * Reads from an image's EXIF data when and by which camera it was taken, and nothing else.
 *
 * `capturedAt` takes a time without a zone for UTC; EXIF times mostly have none. What is absent, absurd or unreadable is left
 * out. Never throws: metadata is not worth an upload.
 */
export async function readMetadata(bytes: Buffer): Promise<{ capturedAt?: Date; camera?: string }> {
  const [{ default: sharp }, { default: exifr }] = await Promise.all([import('sharp'), import('exifr')]);
  try {
    // sharp finds the EXIF block in every format that is taken; exifr alone does not know WebP.
    const { exif } = await sharp(bytes, { limitInputPixels: false }).metadata();
    if (!exif) return {};
    const tags: unknown = await exifr.parse(withoutPrefix(exif), READ_ONLY_THOSE);
    if (typeof tags !== 'object' || tags === null) return {};
    const read = (name: string): string => clean(Object.entries(tags).find(([key]) => key === name)?.[1]);
    const capturedAt = parseTime(read('DateTimeOriginal'), read('OffsetTimeOriginal'));
    const camera = nameCamera(read('Make'), read('Model'));
    return { ...(capturedAt && { capturedAt }), ...(camera && { camera }) };
  } catch {
    return {};
  }
}

/** In JPEG and WebP the TIFF structure may stand behind the word "Exif" and two zeros. */
const withoutPrefix = (exif: Buffer): Buffer =>
  exif.subarray(0, 6).toString('latin1') === 'Exif\0\0' ? exif.subarray(6) : exif;

/** Text that cannot hurt where it is shown: no control or format characters, one line, of bounded length. */
function clean(value: unknown): string {
  if (typeof value !== 'string') return '';
  const line = value
    .slice(0, CAMERA_LENGTH_MAX * 4)
    .normalize('NFC')
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim();
  return Array.from(line).slice(0, CAMERA_LENGTH_MAX).join('').trim();
}

/** Many makers say their name in the model again. */
function nameCamera(make: string, model: string): string {
  const repeated = model.toLowerCase().startsWith(make.toLowerCase());
  return clean(repeated ? model : `${make} ${model}`);
}

/** EXIF times are `YYYY:MM:DD hh:mm:ss`, offsets `+hh:mm`. */
function parseTime(time: string, offset: string): Date | undefined {
  const local = /^(\d{4}):(\d{2}):(\d{2}) (\d{2}):(\d{2}):(\d{2})$/.exec(time);
  if (!local) return undefined;
  const iso = `${local.slice(1, 4).join('-')}T${local.slice(4).join(':')}`;
  const asUtc = new Date(`${iso}Z`);
  // Not every 30th of February is refused by the parser; it would come back as a day in March.
  if (Number.isNaN(asUtc.getTime()) || asUtc.toISOString().slice(0, iso.length) !== iso) return undefined;
  const zone = /^([+-])(0\d|1[0-4]):([0-5]\d)$/.exec(offset);
  const aheadMinutes = zone ? Number(`${zone[1]}1`) * (Number(zone[2]) * 60 + Number(zone[3])) : 0;
  const moment = new Date(asUtc.getTime() - aheadMinutes * 60_000);
  const absurd = moment.getUTCFullYear() < YEAR_MIN || moment.getTime() > Date.now() + AHEAD_MS_MAX;
  return absurd ? undefined : moment;
}
