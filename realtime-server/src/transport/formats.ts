/**
 * What each transport puts around encoded messages. A frame is complete: header, messages and delimiters in one buffer,
 * made once and written to any number of sockets as it is.
 *
 *   WebSocket          one unmasked server frame (RFC 6455, 5.2): JSON messages one on a line, protobuf ones as they are
 *   HTTP streaming     JSON messages each ended by a line feed, protobuf ones as they are
 *   Server-sent events one event a message
 */
import type { Codec } from '../protocol/codec.ts';
import { FRAME_BYTES_MAX, type Format } from './transport.ts';

export interface Codecs {
  json: Codec;
  protobuf: Codec;
}

/** Every way in which this server sends; one object of each serves all its connections. */
export interface Formats {
  websocketJson: Format;
  websocketProtobuf: Format;
  streamJson: Format;
  streamProtobuf: Format;
  sseJson: Format;
}

/** FIN set, with the opcode of a text and of a binary message. */
const FINAL_TEXT = 0x81;
const FINAL_BINARY = 0x82;
/** Payload lengths up to this stand in the second byte itself; up to the other in 16 bits behind it, then in 64. */
const SHORT_PAYLOAD_MAX = 125;
const MEDIUM_PAYLOAD_MAX = 0xffff;
const MEDIUM_PAYLOAD = 126;
const LONG_PAYLOAD = 127;
const UINT32 = 2 ** 32;

const NOTHING = Buffer.alloc(0);
const LINE_FEED = Buffer.from('\n');

interface Layout {
  /** Around each message of a frame. */
  before: Buffer;
  after: Buffer;
  /** Between two messages of a frame. */
  between: Buffer;
  /** The first byte of a WebSocket frame; left out where frames have no header. */
  firstByte?: number;
}

/** The formats of a pair of encodings. */
export function formatsOf({ json, protobuf }: Codecs): Formats {
  const plain = { before: NOTHING, after: NOTHING, between: NOTHING };
  return {
    websocketJson: new Framing(json, { ...plain, between: LINE_FEED, firstByte: FINAL_TEXT }),
    websocketProtobuf: new Framing(protobuf, { ...plain, firstByte: FINAL_BINARY }),
    streamJson: new Framing(json, { ...plain, after: LINE_FEED }),
    streamProtobuf: new Framing(protobuf, plain),
    sseJson: new Framing(json, { ...plain, before: Buffer.from('data: '), after: Buffer.from('\n\n') }),
  };
}

class Framing implements Format {
  readonly codec: Codec;
  readonly #layout: Layout;
  /** What a message takes in a frame beside its own bytes. */
  readonly #aroundBytes: number;

  constructor(codec: Codec, layout: Layout) {
    this.codec = codec;
    this.#layout = layout;
    this.#aroundBytes = layout.before.length + layout.after.length + layout.between.length;
  }

  frame(messages: readonly Buffer[]): Buffer[] {
    const frames: Buffer[] = [];
    let from = 0;
    let bytes = 0;
    for (const [index, message] of messages.entries()) {
      const added = message.length + this.#aroundBytes;
      // The last message of a frame has nothing between it and the next.
      if (index > from && bytes + added - this.#layout.between.length > FRAME_BYTES_MAX) {
        frames.push(this.#frameOf(messages, from, index));
        from = index;
        bytes = 0;
      }
      bytes += added;
    }
    if (from < messages.length) frames.push(this.#frameOf(messages, from, messages.length));
    return frames;
  }

  /** One frame of the messages from one index up to another. */
  #frameOf(messages: readonly Buffer[], from: number, to: number): Buffer {
    const { before, after, between, firstByte } = this.#layout;
    let payloadBytes = (to - from) * this.#aroundBytes - between.length;
    for (let index = from; index < to; index += 1) payloadBytes += messages[index]?.length ?? 0;
    const headerBytes = firstByte === undefined ? 0 : headerBytesOf(payloadBytes);
    const frame = Buffer.allocUnsafe(headerBytes + payloadBytes);
    if (firstByte !== undefined) writeHeader(frame, firstByte, payloadBytes);
    let at = headerBytes;
    for (let index = from; index < to; index += 1) {
      const message = messages[index] ?? NOTHING;
      if (index > from) at = put(frame, between, at);
      at = put(frame, before, at);
      at = put(frame, message, at);
      at = put(frame, after, at);
    }
    return frame;
  }
}

function put(frame: Buffer, bytes: Buffer, at: number): number {
  if (bytes.length > 0) frame.set(bytes, at);
  return at + bytes.length;
}

const headerBytesOf = (payloadBytes: number): number =>
  payloadBytes <= SHORT_PAYLOAD_MAX ? 2 : payloadBytes <= MEDIUM_PAYLOAD_MAX ? 4 : 10;

function writeHeader(frame: Buffer, firstByte: number, payloadBytes: number): void {
  frame[0] = firstByte;
  if (payloadBytes <= SHORT_PAYLOAD_MAX) {
    frame[1] = payloadBytes;
  } else if (payloadBytes <= MEDIUM_PAYLOAD_MAX) {
    frame[1] = MEDIUM_PAYLOAD;
    frame.writeUInt16BE(payloadBytes, 2);
  } else {
    frame[1] = LONG_PAYLOAD;
    frame.writeUInt32BE(Math.floor(payloadBytes / UINT32), 2);
    frame.writeUInt32BE(payloadBytes % UINT32, 6);
  }
}
