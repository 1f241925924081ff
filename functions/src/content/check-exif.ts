import type { Rejection } from '@playnite/contracts/documents';

/** Tags whose value is the place of another directory: Exif, GPS, interoperability (Exif 3.0, 4.6.3). */
const POINTERS: ReadonlySet<number> = new Set([0x8769, 0x8825, 0xa005]);
/** Two images, and Exif, GPS and interoperability of each. */
const DIRECTORIES_MAX = 8;
/** Entries looked at in one file; a camera writes a hundred, and only a trap makes anybody look at so many. */
const ENTRIES_MAX = 1_000_000;
const HEADERS = [Buffer.from('II*\0', 'latin1'), Buffer.from('MM\0*', 'latin1')];

/**
 * Judges the EXIF directories of an image by themselves, before libvips has seen it: libexif follows a directory again from
 * each place that points to it, and six kilobytes of directories that point to one another hold it for two minutes, which no
 * deadline of sharp's ends.
 *
 * Looks at whatever starts like a TIFF structure, wherever it stands, so no container has to be understood.
 */
export function checkExif(bytes: Buffer): Rejection | undefined {
  const budget = { entries: ENTRIES_MAX };
  for (const header of HEADERS) {
    for (let at = bytes.indexOf(header); at !== -1; at = bytes.indexOf(header, at + 1)) {
      if (isTangled(bytes.subarray(at), budget)) {
        return { code: 'corrupt-media', message: 'The EXIF directories of the image lead back to one another.' };
      }
    }
  }
  return undefined;
}

/** Whether some directory of a TIFF structure can be come to in two ways, or there is more in it than any camera writes. */
function isTangled(tiff: Buffer, budget: { entries: number }): boolean {
  const little = tiff[0] === 0x49;
  const u16 = (at: number): number => (little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const u32 = (at: number): number => (little ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at));
  if (tiff.length < 8) return false;
  const seen = new Set<number>();
  const waiting = [u32(4)];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    // Each directory costs at least one, so that many empty ones come to an end too.
    budget.entries -= 1;
    if (budget.entries < 0) return true;
    if (at === 0 || at + 2 > tiff.length) continue;
    if (seen.has(at) || seen.size === DIRECTORIES_MAX) return true;
    seen.add(at);
    const end = at + 2 + u16(at) * 12;
    budget.entries -= u16(at);
    if (budget.entries < 0) return true;
    for (let entry = at + 2; entry < end && entry + 12 <= tiff.length; entry += 12) {
      if (POINTERS.has(u16(entry))) waiting.push(u32(entry + 8));
    }
    if (end + 4 <= tiff.length) waiting.push(u32(end));
  }
  return false;
}
