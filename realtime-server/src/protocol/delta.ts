/**
 * Differences between publications, in the Fossil delta format (https://fossil-scm.org/home/doc/trunk/www/delta_format.wiki):
 * the length of the result, then copies from the text before (`length@offset,`) and insertions (`length:bytes`), then a
 * checksum; numbers have the format's own 64 digits.
 *
 * Clients get a difference as bytes or, in JSON, as a string, and a string cannot carry part of a character. The format
 * works on bytes, and between `é` (C3 A9) and `è` (C3 A8) it would copy C3 and insert A8. So copies are cut back to whole
 * characters here, as Centrifugo does since centrifugal/centrifuge#630.
 */
import { isUtf8 } from 'node:buffer';
import { createDelta } from 'fossil-delta';

/** Differences of larger texts are not looked for: the search is work for each byte, and more where a text repeats itself. */
export const DELTA_BYTES_MAX = 16_384;

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~';
const DIGIT_OF = new Map(Array.from(DIGITS, (digit, value) => [digit.charCodeAt(0), value]));
const COPY = '@'.charCodeAt(0);
const INSERTION = ':'.charCodeAt(0);

/**
 * What leads from one text to the other, as a Fossil delta over their UTF-8; it is valid UTF-8 itself.
 * @returns nothing when sending it would not be shorter than sending the text, or a text is over DELTA_BYTES_MAX
 */
export function differenceOf(before: string, after: string): Uint8Array | undefined {
  if (before.length > DELTA_BYTES_MAX || after.length > DELTA_BYTES_MAX) return undefined;
  const source = Buffer.from(before);
  const target = Buffer.from(after);
  if (source.length > DELTA_BYTES_MAX || target.length > DELTA_BYTES_MAX) return undefined;
  const found = Buffer.from(createDelta<Uint8Array>(source, target));
  const delta = isUtf8(found) ? found : cutToCharacters(found, target);
  return delta.length < target.length ? delta : undefined;
}

/** The same difference with every copy beginning and ending where a character of `target` does; insertions fill the rest. */
function cutToCharacters(delta: Buffer, target: Buffer): Buffer {
  const head = delta.indexOf('\n') + 1;
  const parts = [delta.subarray(0, head)];
  let inserted = 0;
  let reached = 0;
  let at = head;
  const insertUpTo = (end: number) => {
    if (end > inserted) parts.push(Buffer.from(`${digits(end - inserted)}:`), target.subarray(inserted, end));
    inserted = end;
  };
  for (;;) {
    const [length, afterLength] = numberAt(delta, at);
    const kind = delta[afterLength];
    if (kind === INSERTION) {
      reached += length;
      at = afterLength + 1 + length;
    } else if (kind === COPY) {
      const [offset, afterOffset] = numberAt(delta, afterLength + 1);
      const [start, end] = [characterFrom(target, reached), characterBefore(target, reached + length)];
      if (end > start) {
        insertUpTo(start);
        parts.push(Buffer.from(`${digits(end - start)}@${digits(offset + start - reached)},`));
        inserted = end;
      }
      reached += length;
      at = afterOffset + 1;
    } else {
      insertUpTo(target.length);
      return Buffer.concat([...parts, delta.subarray(at)]);
    }
  }
}

/** Whether a byte is not the first one of its character. */
const continues = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

function characterFrom(text: Buffer, from: number): number {
  let at = from;
  while (continues(text[at])) at++;
  return at;
}

function characterBefore(text: Buffer, end: number): number {
  let at = end;
  while (continues(text[at])) at--;
  return at;
}

function numberAt(delta: Buffer, from: number): [value: number, end: number] {
  let value = 0;
  let at = from;
  for (let digit = DIGIT_OF.get(delta[at] ?? 0); digit !== undefined; digit = DIGIT_OF.get(delta[at] ?? 0)) {
    value = value * DIGITS.length + digit;
    at++;
  }
  return [value, at];
}

function digits(value: number): string {
  const rest = Math.floor(value / DIGITS.length);
  return (rest > 0 ? digits(rest) : '') + DIGITS.charAt(value % DIGITS.length);
}
