/**
 * The wire format of Protocol Buffers (https://protobuf.dev/programming-guides/encoding/), as far as the client protocol
 * uses it: varints and length-delimited fields. Written by hand, because what clients send is to be refused where a
 * library is lenient (lengths over 32 bits, strings that are not UTF-8), and what they are sent must cost little.
 */
import { isUtf8 } from 'node:buffer';
import { ProtocolError } from './codec.ts';

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

const VARINT_BYTES_MAX = 10;
/** A tenth byte has room for the last of 64 bits. */
const TENTH_BYTE_MAX = 1;
const TAG_MAX = 0xffff_ffff;

/** One field of a message; what it carries is asked for by the type that it should have. */
export class Field {
  readonly number: number;
  readonly #varint: Varint | undefined;
  readonly #bytes: Buffer | undefined;

  constructor(number: number, value: Varint | Buffer | undefined) {
    this.number = number;
    this.#bytes = Buffer.isBuffer(value) ? value : undefined;
    this.#varint = Buffer.isBuffer(value) ? undefined : value;
  }

  /** An unsigned number of up to 64 bits; over 2^53 it is near the one that was sent. @throws {ProtocolError} */
  get uint(): number {
    return this.#checkedVarint.value;
  }

  /** @throws {ProtocolError} when it is not a number */
  get int32(): number {
    return this.#checkedVarint.low32;
  }

  /** @throws {ProtocolError} when it is not a number */
  get flag(): boolean {
    return this.uint !== 0;
  }

  /** A view, not a copy. @throws {ProtocolError} when the field is not length-delimited */
  get bytes(): Buffer {
    if (!this.#bytes) throw new ProtocolError(`field ${this.number} has the wrong type`);
    return this.#bytes;
  }

  /** @throws {ProtocolError} when it is not a string in UTF-8 */
  get text(): string {
    const { bytes } = this;
    if (!isUtf8(bytes)) throw new ProtocolError(`field ${this.number} is not UTF-8`);
    return bytes.toString();
  }

  get #checkedVarint(): Varint {
    if (!this.#varint) throw new ProtocolError(`field ${this.number} has the wrong type`);
    return this.#varint;
  }
}

interface Varint {
  value: number;
  /** Its lower half as a signed number. */
  low32: number;
}

/** Reads what stands one behind the other in some bytes. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get ended(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** A varint's number of bytes, as a view. @throws {ProtocolError} when there are not as many */
  delimited(): Buffer {
    return this.#take(this.#varint().value);
  }

  /** @throws {ProtocolError} when it is cut off, or has a type that the protocol never had */
  field(): Field {
    const tag = this.#varint().value;
    const number = Math.floor(tag / 8);
    if (number === 0 || tag > TAG_MAX) throw new ProtocolError('no field has such a number');
    switch (tag % 8) {
      case VARINT:
        return new Field(number, this.#varint());
      case LENGTH_DELIMITED:
        return new Field(number, this.delimited());
      case FIXED64:
        this.#take(8);
        return new Field(number, undefined);
      case FIXED32:
        this.#take(4);
        return new Field(number, undefined);
      default:
        throw new ProtocolError(`field ${number} has no known type`);
    }
  }

  #take(length: number): Buffer {
    const from = this.#at;
    if (length > this.#bytes.length - from) throw new ProtocolError('cut off');
    this.#at += length;
    return this.#bytes.subarray(from, this.#at);
  }

  #varint(): Varint {
    let value = 0;
    let low32 = 0;
    for (let index = 0; index < VARINT_BYTES_MAX; index++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new ProtocolError('cut off');
      if (index === VARINT_BYTES_MAX - 1 && byte > TENTH_BYTE_MAX) break;
      value += (byte & 0x7f) * 2 ** (7 * index);
      if (index < 5) low32 |= (byte & 0x7f) << (7 * index);
      if (byte < 0x80) return { value, low32 };
    }
    throw new ProtocolError('a number has more than 64 bits');
  }
}

/** The fields of a message, in the order in which they stand. @throws {ProtocolError} while it goes, when one is malformed */
export function* fieldsOf(message: Buffer): Generator<Field, void, void> {
  for (const reader = new WireReader(message); !reader.ended;) yield reader.field();
}

/** Kept from message to message; what a larger one needed is given back. */
const SCRATCH_BYTES_KEPT = 65_536;

/**
 * Writes messages from their end to their beginning: the length of a part is then known when the turn comes to write it.
 * So what is to stand first is written last, and a part's fields before its head. Default values are left out.
 */
export class BackwardWriter {
  #scratch = Buffer.allocUnsafe(SCRATCH_BYTES_KEPT);
  #at = SCRATCH_BYTES_KEPT;

  /** A mark for `part`: where what is written next ends. It is a distance from the end, so that it survives growth. */
  get mark(): number {
    return this.#scratch.length - this.#at;
  }

  /** Makes one field of what was written since the mark. */
  part(field: number, mark: number): void {
    this.length(mark);
    this.#varint(field * 8 + LENGTH_DELIMITED);
  }

  /** Puts its length before what was written since the mark. */
  length(mark: number): void {
    this.#varint(this.mark - mark);
  }

  uint(field: number, value: number | undefined): void {
    if (!value) return;
    this.#varint(value);
    this.#varint(field * 8 + VARINT);
  }

  flag(field: number, value: boolean | undefined): void {
    this.uint(field, value ? 1 : 0);
  }

  text(field: number, value: string | undefined): void {
    if (!value) return;
    const length = Buffer.byteLength(value);
    this.#reserve(length);
    this.#at -= length;
    // As many bytes as characters: it is ASCII, and Latin-1 is written faster.
    this.#scratch.write(value, this.#at, length, length === value.length ? 'latin1' : 'utf8');
    this.#varint(length);
    this.#varint(field * 8 + LENGTH_DELIMITED);
  }

  bytes(field: number, value: Uint8Array): void {
    if (value.length === 0) return;
    this.#reserve(value.length);
    this.#at -= value.length;
    this.#scratch.set(value, this.#at);
    this.#varint(value.length);
    this.#varint(field * 8 + LENGTH_DELIMITED);
  }

  /** Forgets what is left of a message that could not be written to its end. */
  begin(): void {
    this.#at = this.#scratch.length;
  }

  /** What was written, as a copy. */
  finish(): Buffer {
    const written = Buffer.from(this.#scratch.subarray(this.#at));
    if (this.#scratch.length > SCRATCH_BYTES_KEPT) this.#scratch = Buffer.allocUnsafe(SCRATCH_BYTES_KEPT);
    return written;
  }

  #varint(value: number): void {
    let length = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
    this.#reserve(length);
    this.#at -= length;
    let at = this.#at;
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#scratch[at++] = (rest % 0x80) + 0x80;
    this.#scratch[at] = rest;
  }

  #reserve(length: number): void {
    if (length <= this.#at) return;
    const written = this.#scratch.subarray(this.#at);
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#scratch.length, written.length + length));
    this.#at = larger.length - written.length;
    larger.set(written, this.#at);
    this.#scratch = larger;
  }
}
