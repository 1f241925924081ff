import {
  IMAGE_BYTES_MAX,
  IMAGE_PIXELS_MAX,
  IMAGE_SIDE_MAX,
  type Rejection,
  type UploadTicket,
  VIDEO_BYTES_MAX,
  imageContentType,
  videoContentType,
} from '@playnite/contracts/documents';

/** What a ticket promises about its file. */
type Promised = Pick<UploadTicket, 'contentType' | 'size' | 'sha256'>;

const reject = (code: Rejection['code'], message: string): Rejection => ({ code, message });

/** Judges what the bucket says of the file, before a byte is read. */
export function checkObject(ticket: Promised, object: { size: number; contentType: string }): Rejection | undefined {
  const isImage = imageContentType.safeParse(ticket.contentType).success;
  if (!isImage && !videoContentType.safeParse(ticket.contentType).success) {
    return reject('unsupported-media', `Files of type ${ticket.contentType} cannot be published.`);
  }
  if (object.size !== ticket.size) {
    return reject('mismatch', `The ticket is for ${ticket.size} bytes, the file has ${object.size}.`);
  }
  if (object.contentType !== ticket.contentType) {
    return reject('mismatch', `The ticket is for ${ticket.contentType}, the file came as ${object.contentType}.`);
  }
  const most = isImage ? IMAGE_BYTES_MAX : VIDEO_BYTES_MAX;
  if (object.size > most) return reject('too-large', `Such a file may have ${most} bytes at the most.`);
  return undefined;
}

/** Other names under which the detector knows a type that is taken: an animated PNG is a PNG, and shown as a still one. */
const SAME_TYPES: Readonly<Record<string, string>> = { 'image/apng': 'image/png', 'video/x-m4v': 'video/mp4' };

/** Judges the bytes themselves: their hash, and the type that their content shows (undefined when it is none that is known). */
export function checkBytes(
  ticket: Promised,
  bytes: { sha256: string; sniffedType: string | undefined },
): Rejection | undefined {
  if (ticket.sha256 !== undefined && ticket.sha256 !== bytes.sha256) {
    return reject('mismatch', 'The file is not the one whose SHA-256 the ticket names.');
  }
  const type = SAME_TYPES[bytes.sniffedType ?? ''] ?? bytes.sniffedType;
  if (type !== ticket.contentType) {
    return reject('mismatch', `The file is not ${ticket.contentType}: it looks like ${type ?? 'nothing known'}.`);
  }
  return undefined;
}

/** Judges the size that an image's header claims, before anything is decoded. */
export function checkDimensions({ width, height }: { width: number; height: number }): Rejection | undefined {
  if (width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX || width * height > IMAGE_PIXELS_MAX) {
    return reject(
      'too-large',
      `The image has ${width} x ${height} pixels; ${IMAGE_PIXELS_MAX} in all and ${IMAGE_SIDE_MAX} a side is the most.`,
    );
  }
  return undefined;
}
