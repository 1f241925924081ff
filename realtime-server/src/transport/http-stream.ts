/**
 * HTTP streaming: a POST whose body is the first commands, answered with a stream of replies that does not end. What the
 * client says after that comes through the emulation endpoint, POST by POST, named by the session of its connect reply.
 * As Centrifugo's (centrifuge, handler_http_stream.go, emulation.go). Also what server-sent events share with it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { DISCONNECTS, type Disconnect } from '@playnite/contracts/realtime';
import type { Logger } from 'pino';
import { ProtocolError } from '../protocol/codec.ts';
import { corsHeaders } from './cors.ts';
import type { Codecs, Formats } from './formats.ts';
import type { Format, Transport, TransportEvents } from './transport.ts';

export interface BodyLimits {
  /** Bytes of one body. */
  messageBytesMax: number;
  /** How long it may take to arrive. */
  bodyWithinMs: number;
}

export interface StreamOptions {
  limits: BodyLimits;
  formats: Pick<Formats, 'streamJson' | 'streamProtobuf' | 'sseJson'>;
  connect: (transport: Transport) => TransportEvents;
  log: Pick<Logger, 'error'>;
}

/** A command of a client whose transport only goes one way. */
export interface EmulationRequest {
  session: string;
  node: string;
  /** The bytes of one message, as `TransportEvents.onMessage` takes them. */
  data: Buffer;
}

export interface EmulationOptions {
  limits: BodyLimits;
  codecs: Codecs;
  /** Hands a command to its connection; resolves with whether there is such a session. */
  emulate: (request: EmulationRequest) => Promise<boolean> | boolean;
  log: Pick<Logger, 'error'>;
}

/** The body cannot be had; the answer to give. */
class BodyError extends Error {
  readonly status: 400 | 408 | 413;

  constructor(status: BodyError['status']) {
    super(`status ${status}`);
    this.status = status;
  }
}

/** So that no proxy and no browser holds anything back, or keeps it. */
const STREAM_HEADERS = {
  'cache-control': 'private, no-cache, no-store, must-revalidate, max-age=0',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
  pragma: 'no-cache',
  expires: '0',
};
const PROTOBUF_TYPE = 'application/octet-stream';
/** How long a client may take to leave whose connection failed here. */
const FAILED_CLOSE_WITHIN_MS = 5_000;

const isProtobuf = ({ headers }: IncomingMessage): boolean =>
  headers['content-type']?.split(';')[0]?.trim() === PROTOBUF_TYPE;

/** Answers and ends; the connection too, when there is a body that has not come in whole. */
export function answer(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  const hasBody = 'transfer-encoding' in request.headers || Number(request.headers['content-length'] ?? 0) > 0;
  const rest: Record<string, string> = hasBody && !request.complete ? { connection: 'close' } : {};
  response.writeHead(status, { ...corsHeaders(request), 'content-length': '0', ...rest, ...headers }).end();
}

/** The whole body. @throws {BodyError} when it is too large, too slow, or breaks off */
async function readBody(request: IncomingMessage, { messageBytesMax, bodyWithinMs }: BodyLimits): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > messageBytesMax) throw new BodyError(413);
  const read = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const late = setTimeout(() => read.reject(new BodyError(408)), bodyWithinMs);
  request
    .on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > messageBytesMax) read.reject(new BodyError(413));
      else chunks.push(chunk);
    })
    .on('end', () => read.resolve(Buffer.concat(chunks)))
    .on('error', () => read.reject(new BodyError(400)))
    .on('close', () => read.reject(new BodyError(400)));
  try {
    return await read.promise;
  } finally {
    clearTimeout(late);
    request.removeAllListeners('data').removeAllListeners('end').removeAllListeners('close');
    chunks.length = 0;
  }
}

/** The first commands of a stream: the body. Undefined when there is none to be had, and that is answered. */
export async function firstMessage(
  request: IncomingMessage,
  response: ServerResponse,
  limits: BodyLimits,
): Promise<Buffer | undefined> {
  try {
    return await readBody(request, limits);
  } catch (error) {
    answer(request, response, error instanceof BodyError ? error.status : 400);
    return undefined;
  }
}

/** POST /connection/http_stream */
export async function acceptHttpStream(
  request: IncomingMessage,
  response: ServerResponse,
  address: string,
  options: StreamOptions,
): Promise<void> {
  const first = await firstMessage(request, response, options.limits);
  if (!first || response.destroyed) return;
  const binary = isProtobuf(request);
  response.writeHead(200, {
    ...corsHeaders(request),
    ...STREAM_HEADERS,
    'content-type': binary ? PROTOBUF_TYPE : 'application/json; charset=utf-8',
  });
  response.flushHeaders();
  const format = binary ? options.formats.streamProtobuf : options.formats.streamJson;
  openStream({ name: 'http_stream', response, format, address, first }, options);
}

/** Starts an event stream's answer. */
export function startEventStream(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, {
    ...corsHeaders(request),
    ...STREAM_HEADERS,
    'content-type': 'text/event-stream; charset=utf-8',
  });
  // A first byte, so that whatever stands between passes the headers on.
  response.write('\r\n');
}

interface Opening {
  name: 'http_stream' | 'sse';
  response: ServerResponse;
  format: Format;
  address: string;
  /** The first commands. */
  first: Buffer;
}

/** Makes a connection of an answer that has begun. */
export function openStream(opening: Opening, { connect, log }: StreamOptions): void {
  const transport = new StreamTransport(opening, log);
  try {
    transport.listen(connect(transport));
    transport.receive(opening.first);
  } catch (error) {
    log.error({ err: error }, 'connection could not be taken in');
    opening.response.destroy();
  }
}

class StreamTransport implements Transport {
  readonly name: 'http_stream' | 'sse';
  readonly format: Format;
  readonly address: string;
  readonly #response: ServerResponse;
  readonly #log: StreamOptions['log'];
  #events: TransportEvents | undefined;
  #cutOff: NodeJS.Timeout | undefined;
  #gone = false;

  constructor({ name, response, format, address }: Opening, log: StreamOptions['log']) {
    this.name = name;
    this.format = format;
    this.address = address;
    this.#response = response;
    this.#log = log;
    response.once('close', () => this.#onGone());
  }

  get emulated(): boolean {
    return true;
  }

  get queuedBytes(): number {
    return this.#response.writableLength;
  }

  listen(events: TransportEvents): void {
    this.#events = events;
  }

  write(frames: readonly Buffer[]): void {
    const response = this.#response;
    if (this.#cutOff || this.#gone || response.destroyed) return;
    response.cork();
    for (const frame of frames) response.write(frame);
    response.uncork();
  }

  close(disconnect: Disconnect, withinMs: number): void {
    if (this.#cutOff || this.#gone) return;
    const push = this.format.codec.encode({ push: { channel: '', disconnect } });
    this.write(this.format.frame([push]));
    this.#cutOff = setTimeout(() => this.#response.destroy(), withinMs);
    this.#response.end();
  }

  receive(message: Buffer): void {
    this.#tell((events) => events.onMessage(message));
  }

  #onGone(): void {
    clearTimeout(this.#cutOff);
    this.#gone = true;
    this.#tell((events) => events.onClosed());
  }

  #tell(what: (events: TransportEvents) => void): void {
    try {
      if (this.#events) what(this.#events);
    } catch (error) {
      this.#log.error({ err: error }, 'connection could not be served');
      this.close(DISCONNECTS.serverError, FAILED_CLOSE_WITHIN_MS);
    }
  }
}

/** POST /emulation: 204 when the session took it, 404 when there is none, 400 when it cannot be read. */
export async function emulation(
  request: IncomingMessage,
  response: ServerResponse,
  { limits, codecs, emulate, log }: EmulationOptions,
): Promise<void> {
  const body = await firstMessage(request, response, limits);
  if (!body) return;
  try {
    const command = (isProtobuf(request) ? codecs.protobuf : codecs.json).decodeEmulation(body);
    answer(request, response, (await emulate(command)) ? 204 : 404);
  } catch (error) {
    if (!(error instanceof ProtocolError)) log.error({ err: error }, 'command could not be handed on');
    answer(request, response, error instanceof ProtocolError ? 400 : 500);
  }
}
