/** WebSocket frames by hand (RFC 6455, 5.2), so that a test can send what no library would. */
import { connect } from 'node:net';

/** Opcodes. */
export const CONTINUATION = 0x0;
export const TEXT = 0x1;
export const BINARY = 0x2;
export const CLOSE = 0x8;
export const PING = 0x9;
export const PONG = 0xa;

export interface FrameOptions {
  fin?: boolean;
  masked?: boolean;
  reserved?: number;
  /** What the header claims, when that is not the truth. */
  length?: number;
}

/** A frame as a client sends it, or, by its options, as none may. */
export function frame(opcode: number, payload: string | Buffer = '', options: FrameOptions = {}): Buffer {
  const { fin = true, masked = true, reserved = 0 } = options;
  const bytes = Buffer.from(payload);
  const length = options.length ?? bytes.length;
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  const maskBit = masked ? 0x80 : 0;
  const header = length <= 125 ? Buffer.from([first, maskBit | length]) : Buffer.alloc(length <= 0xffff ? 4 : 10);
  if (length > 125) {
    header[0] = first;
    header[1] = maskBit | (length <= 0xffff ? 126 : 127);
    if (length <= 0xffff) header.writeUInt16BE(length, 2);
    else header.writeBigUInt64BE(BigInt(length), 2);
  }
  if (!masked) return Buffer.concat([header, bytes]);
  const mask = Buffer.from([0x12, 0x34, 0x56, 0x78]);
  return Buffer.concat([header, mask, bytes.map((byte, index) => byte ^ (mask[index % 4] ?? 0))]);
}

const closePayload = (code: number, reason: string | Buffer): Buffer =>
  Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);

export const closeFrame = (code: number, reason: string | Buffer = '') => frame(CLOSE, closePayload(code, reason));

export interface Received {
  opcode: number;
  payload: Buffer;
}

/** What a client is to receive. */
export const answer = (opcode: number, payload: string | Buffer = ''): Received => ({
  opcode,
  payload: Buffer.from(payload),
});

export const closeAnswer = (code: number, reason = '') => answer(CLOSE, closePayload(code, reason));

/**
 * A client without any manners: it sends bytes, and keeps the frames that come. Its socket ends with the server's.
 *
 * @param headers further lines of its request
 */
export async function rawClient(port: number, query = '', headers: readonly string[] = []) {
  const socket = connect(port, '127.0.0.1');
  const received: Received[] = [];
  const waiting: (() => void)[] = [];
  let bytes = Buffer.alloc(0);
  let head = '';
  let isClosed = false;
  socket.on('error', () => undefined);
  socket.on('close', () => {
    isClosed = true;
    for (const wake of waiting.splice(0)) wake();
  });
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    const headEnd = bytes.indexOf('\r\n\r\n');
    if (head === '' && headEnd >= 0) {
      head = bytes.subarray(0, headEnd).toString();
      bytes = bytes.subarray(headEnd + 4);
    }
    for (let next = head === '' ? undefined : parse(bytes); next; next = parse(bytes)) {
      received.push(next.frame);
      bytes = bytes.subarray(next.size);
    }
    for (const wake of waiting.splice(0)) wake();
  });
  const until = async (condition: () => boolean) => {
    while (!condition() && !isClosed) await new Promise<void>((resolve) => void waiting.push(resolve));
  };
  socket.write(
    [
      `GET /connection/websocket${query} HTTP/1.1`,
      'Host: server',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ...headers,
      '\r\n',
    ].join('\r\n'),
  );
  await until(() => head !== '');
  if (!head.includes('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')) throw new Error(`No WebSocket: ${head}`);
  /** The next frame; undefined when the connection ended before. */
  const next = async (): Promise<Received | undefined> => {
    await until(() => received.length > 0);
    return received.shift();
  };
  /** The code of the close frame, which must be what comes next; undefined when there is none. */
  const closeCode = async (): Promise<number | undefined> => {
    const last = await next();
    if (last?.opcode !== CLOSE) return undefined;
    return last.payload.length === 0 ? 1005 : last.payload.readUInt16BE(0);
  };
  const ended = async (): Promise<void> => {
    socket.end();
    await until(() => false);
  };
  /** Sends each piece in a turn of its own, as far as the server listens. */
  const sendPieces = async (pieces: readonly Buffer[]): Promise<void> => {
    socket.setNoDelay();
    for (const piece of pieces) {
      if (!socket.writable) return;
      socket.write(piece);
      await new Promise((resolve) => void setImmediate(resolve));
    }
  };
  const send = (...frames: Buffer[]) => void socket.write(Buffer.concat(frames));
  return { socket, head, send, sendPieces, next, closeCode, ended };
}

function parse(bytes: Buffer): { frame: Received; size: number } | undefined {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return undefined;
  const short = second & 0x7f;
  const headerBytes = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < headerBytes) return undefined;
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (bytes.length < headerBytes + length) return undefined;
  // Servers send whole messages, without reserved bits or masks.
  if ((first & 0xf0) !== 0x80 || second >= 0x80)
    throw new Error(`No frame of a server: ${bytes.toString('hex', 0, 2)}`);
  const payload = bytes.subarray(headerBytes, headerBytes + length);
  return { frame: { opcode: first & 0x0f, payload }, size: headerBytes + length };
}
