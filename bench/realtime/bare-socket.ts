/**
 * A WebSocket client that does next to nothing, so that it is the server that is measured: it takes frames apart, counts
 * what is in them, and looks at the contents only where it is told to.
 */
import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import type { Peer } from './words.ts';

const NEWLINE = 10;
const [TEXT_FRAME, CLOSE_FRAME] = [0x81, 0x88];
const HEADER_BYTES = 2;
/** With a length of two bytes. */
const SHORT_HEADER_BYTES = 4;
const [SHORT_MAX, TWO_BYTES] = [125, 126];
/** One buffer for all sockets: a read is worked off before the next begins. */
const READ_BYTES = 256 * 1024;
const readBuffer = Buffer.allocUnsafe(READ_BYTES);

/** How the clients of a peer begin. */
interface Dialect {
  path: string;
  /** Messages that come before the client has said anything. */
  greetings: number;
  /** Each is answered by one message. */
  commands(name: string, channels: readonly string[]): string[];
  /** A frame may hold several messages, each on a line. */
  linesInFrames: boolean;
}

const centrifugo: Dialect = {
  path: '/connection/websocket',
  greetings: 0,
  commands: (name, channels) => [
    `{"id":1,"connect":{"token":"${name}"}}`,
    ...channels.map((channel, index) => `{"id":${index + 2},"subscribe":{"channel":"${channel}"}}`),
  ],
  linesInFrames: true,
};

const DIALECTS: Record<Peer, Dialect> = {
  ours: centrifugo,
  plain: centrifugo,
  bun: centrifugo,
  'socket.io': {
    path: '/socket.io/?EIO=4&transport=websocket',
    greetings: 1,
    commands: (name, channels) => [
      `40{"token":"${name}"}`,
      ...channels.map((channel, index) => `42${index}["subscribe","${channel}"]`),
    ],
    linesInFrames: false,
  },
};

/** A text frame from a client, masked with zeros, which leaves it as it is. */
function maskedFrame(text: string): Buffer {
  if (text.length > SHORT_MAX) throw new Error(`command too long: ${text}`);
  return Buffer.concat([Buffer.from([TEXT_FRAME, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}

/**
 * Length of a line where all are of one length, which saves looking for their ends; zero where that is not known. Frames
 * that it does not fit are searched.
 */
export interface LineLength {
  bytes: number;
}

export interface BareSocket {
  /** Messages that came since the subscriptions were answered. */
  received: number;
  destroy(): void;
}

/** What the sockets of a receiver share. */
export interface Shared {
  peer: Peer;
  lineLength: LineLength;
  onReceived: (messages: number) => void;
  /** A server that hangs up, or says what no server may. */
  onFailure: (error: Error) => void;
}

/** Cuts what comes into frames, wherever the network cuts it. */
class Frames {
  readonly #shared: Shared;
  readonly #onFrame: (messages: number, payload: Buffer | undefined) => void;
  readonly #linesInFrames: boolean;
  readonly #header = Buffer.alloc(HEADER_BYTES + 8);
  #headerBytes = 0;
  #headerNeeds = HEADER_BYTES;
  #payloadLeft = 0;
  /** Messages of the frame that is being read, when its length tells; otherwise the line ends so far. */
  #messages = 0;
  #search = false;
  #endsInLine = false;
  /** Payload of the frame, when it is to be kept. */
  #parts: Buffer[] | undefined;
  keepPayload = true;

  constructor(shared: Shared, onFrame: (messages: number, payload: Buffer | undefined) => void) {
    this.#shared = shared;
    this.#onFrame = onFrame;
    this.#linesInFrames = DIALECTS[shared.peer].linesInFrames;
  }

  read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#payloadLeft === 0 && this.#headerBytes === 0 && !this.keepPayload) at = this.#countWhole(bytes, at);
      if (at === bytes.length) return;
      if (this.#payloadLeft === 0) {
        this.#header[this.#headerBytes] = bytes[at] ?? 0;
        this.#headerBytes += 1;
        at += 1;
        this.#readHeader();
      } else {
        const taken = Math.min(this.#payloadLeft, bytes.length - at);
        this.#payloadLeft -= taken;
        if (this.#search || this.#parts) this.#readPayload(bytes.subarray(at, at + taken));
        at += taken;
        if (this.#payloadLeft === 0) this.#endFrame();
      }
    }
  }

  /** Counts frames that lie whole in the bytes, as nearly all do, and returns where they end. Others are taken slowly. */
  #countWhole(bytes: Buffer, from: number): number {
    let messages = 0;
    let at = from;
    while (at + SHORT_HEADER_BYTES <= bytes.length && bytes[at] === TEXT_FRAME) {
      const short = bytes[at + 1] ?? 0;
      if (short > TWO_BYTES) break;
      const length = short === TWO_BYTES ? ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0) : short;
      const end = at + (short === TWO_BYTES ? SHORT_HEADER_BYTES : HEADER_BYTES) + length;
      const inFrame = this.#linesInFrames ? linesIn(length, this.#shared.lineLength) : 1;
      if (length === 0 || inFrame === 0 || end > bytes.length) break;
      messages += inFrame;
      at = end;
    }
    if (messages > 0) this.#onFrame(messages, undefined);
    return at;
  }

  #readHeader(): void {
    const short = this.#header[1] ?? 0;
    if (this.#headerBytes === HEADER_BYTES) {
      if (this.#header[0] === CLOSE_FRAME) throw new Error('the server hung up');
      if (this.#header[0] !== TEXT_FRAME) throw new Error(`unexpected frame ${this.#header[0]}`);
      this.#headerNeeds = HEADER_BYTES + (short <= SHORT_MAX ? 0 : short === TWO_BYTES ? 2 : 8);
    }
    if (this.#headerBytes < this.#headerNeeds || this.#headerBytes < HEADER_BYTES) return;
    const length =
      short <= SHORT_MAX
        ? short
        : short === TWO_BYTES
          ? this.#header.readUInt16BE(HEADER_BYTES)
          : Number(this.#header.readBigUInt64BE(HEADER_BYTES));
    this.#headerBytes = 0;
    this.#headerNeeds = HEADER_BYTES;
    if (length === 0) throw new Error('empty frame');
    this.#payloadLeft = length;
    this.#parts = this.keepPayload ? [] : undefined;
    this.#messages = this.#linesInFrames ? linesIn(length, this.#shared.lineLength) : 1;
    this.#search = this.#messages === 0;
  }

  #readPayload(payload: Buffer): void {
    // The read buffer is written over by the next read.
    this.#parts?.push(Buffer.from(payload));
    if (!this.#search) return;
    for (let end = payload.indexOf(NEWLINE); end !== -1; end = payload.indexOf(NEWLINE, end + 1)) this.#messages += 1;
    this.#endsInLine = payload.at(-1) !== NEWLINE;
  }

  #endFrame(): void {
    if (this.#search && this.#endsInLine) this.#messages += 1;
    this.#onFrame(this.#messages, this.#parts && Buffer.concat(this.#parts));
  }
}

/** Lines in a frame of so many bytes, with or without an end to the last; 0 when it cannot be told from that. */
function linesIn(frameBytes: number, { bytes }: LineLength): number {
  if (bytes === 0) return 0;
  const over = frameBytes % (bytes + 1);
  if (over === 0) return frameBytes / (bytes + 1);
  return over === bytes ? (frameBytes + 1) / (bytes + 1) : 0;
}

/**
 * Connects, subscribes to the channels, and resolves when all is answered. `onFrame` gets the text of every frame that
 * comes from then on.
 * @throws {Error} when it is refused
 */
export async function subscribe(
  port: number,
  name: string,
  channels: readonly string[],
  shared: Shared,
  onFrame?: (text: string) => void,
): Promise<BareSocket> {
  const dialect = DIALECTS[shared.peer];
  const commands = dialect.commands(name, channels);
  const subscribed = Promise.withResolvers<void>();
  let unasked = dialect.greetings;
  let answersDue = dialect.greetings + commands.length;
  let head: string | undefined = '';

  const bare: BareSocket = { received: 0, destroy: () => void socket.destroy() };
  const sendNext = () => {
    const command = commands.shift();
    if (command !== undefined) socket.write(maskedFrame(command));
  };
  const frames = new Frames(shared, (messages, payload) => {
    if (answersDue > 0) {
      const answer = payload?.toString() ?? '';
      if (messages !== 1 || answer.includes('"error"')) throw new Error(`${name} got: ${answer}`);
      answersDue -= 1;
      if (unasked > 0) unasked -= 1;
      if (answersDue === 0) {
        frames.keepPayload = onFrame !== undefined;
        subscribed.resolve();
      } else sendNext();
      return;
    }
    bare.received += messages;
    if (payload) onFrame?.(payload.toString());
    shared.onReceived(messages);
  });
  const onBytes = (bytes: Buffer) => {
    if (head === undefined) return frames.read(bytes);
    head += bytes.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    if (!head.startsWith('HTTP/1.1 101')) throw new Error(`refused: ${head}`);
    const rest = Buffer.from(head.slice(end + 4), 'latin1');
    head = undefined;
    if (unasked === 0) sendNext();
    frames.read(rest);
  };
  const fail = (error: unknown) => {
    const failure = error instanceof Error ? error : new Error(String(error));
    subscribed.reject(failure);
    shared.onFailure(failure);
  };
  const socket: Socket = connect({
    port,
    host: '127.0.0.1',
    onread: {
      buffer: readBuffer,
      callback(bytes) {
        try {
          onBytes(readBuffer.subarray(0, bytes));
        } catch (error) {
          fail(error);
        }
        return true;
      },
    },
  });
  socket.on('error', fail);
  socket.on('end', () => fail(new Error('the server ended a connection')));
  await once(socket, 'connect');
  socket.write(
    `GET ${dialect.path} HTTP/1.1\r\nhost: bench\r\nupgrade: websocket\r\nconnection: upgrade\r\n` +
      `sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
  );
  await subscribed.promise;
  return bare;
}
