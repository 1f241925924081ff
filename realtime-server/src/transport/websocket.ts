/**
 * WebSocket (RFC 6455). `ws` makes the handshake, reads, and ends connections; what is sent goes to the socket under it,
 * as frames that are made once for all who get them.
 *
 * Both write to one socket, and never into one another: `ws` itself sends only control frames here, each handed to the
 * socket whole and at once (its sender queues only behind a compressed message or a Blob, and there are none), and what
 * this file writes are whole frames. Nothing is written once a close frame was: whoever sent it, `ws` is no longer OPEN.
 *
 * At 15,000 connections a kilobyte of each is 15 MB: listeners are shared, and find their connection by `this`.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { DISCONNECTS, type Disconnect } from '@playnite/contracts/realtime';
import type { Logger } from 'pino';
import { WebSocket, WebSocketServer } from 'ws';
import type { Formats } from './formats.ts';
import type { Format, Transport, TransportEvents } from './transport.ts';

/** A connection that was taken in. */
export interface Accepted {
  readonly address: string;
  /** Ends the connection at once, without a word. */
  cut(): void;
}

export interface WebSocketOptions {
  limits: { messageBytesMax: number };
  formats: Pick<Formats, 'websocketJson' | 'websocketProtobuf'>;
  connect: (transport: Transport) => TransportEvents;
  /** The connection is gone; comes once for each that `accept` gave. */
  onGone: (accepted: Accepted) => void;
  log: Pick<Logger, 'error'>;
}

/** The subprotocols of the client protocol, the first that a client offers being taken. */
const PROTOBUF_SUBPROTOCOL = 'centrifuge-protobuf';
const SUBPROTOCOLS: ReadonlySet<string> = new Set([PROTOBUF_SUBPROTOCOL, 'centrifuge-json']);
/** A message in more pieces than this ends the connection with 1008; no client sends any. */
const FRAGMENTS_MAX = 1_024;
/** Pings and pongs of a client in a second; at one more it is told that these are too many. */
const CONTROL_FRAMES_PER_SECOND_MAX = 100;
/** A ping is not answered while more waits for the client to read it: the answer would only wait too. */
const PONG_BACKLOG_BYTES_MAX = 64 * 1024;
/** How long a client that broke the protocol may take to leave. */
const VIOLATION_CLOSE_WITHIN_MS = 5_000;

/** Turns an upgrade request into a connection, or answers why not: undefined then, and the socket ends by itself. */
export type AcceptWebSocket = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  address: string,
) => Accepted | undefined;

/** What `ws` makes for a connection, with the way to what is made of it here. */
class Peer extends WebSocket {
  transport: WebSocketTransport | undefined;
}

/** Prepares to accept; nothing is opened before a request comes. */
export function webSocketAcceptor(options: WebSocketOptions): AcceptWebSocket {
  const { formats, connect, log } = options;
  const serverOptions = {
    noServer: true,
    WebSocket: Peer,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: options.limits.messageBytesMax,
    maxFragments: FRAGMENTS_MAX,
    // A closure for each connection, and no bound on how often.
    autoPong: false,
    closeTimeout: VIOLATION_CLOSE_WITHIN_MS,
    handleProtocols: (offered: Set<string>) => [...offered].find((name) => SUBPROTOCOLS.has(name)) ?? false,
  };
  const server = new WebSocketServer<typeof Peer>(serverOptions);

  return (request, socket, head, address) => {
    let accepted: WebSocketTransport | undefined;
    // Calls back before it returns, or not at all.
    server.handleUpgrade(request, socket, head, (peer) => {
      const isProtobuf = peer.protocol === PROTOBUF_SUBPROTOCOL || asksForProtobuf(request.url ?? '');
      const format = isProtobuf ? formats.websocketProtobuf : formats.websocketJson;
      accepted = new WebSocketTransport(peer, socket, format, address, options);
    });
    try {
      accepted?.listen(connect);
    } catch (error) {
      log.error({ err: error }, 'connection could not be taken in');
      accepted?.cut();
    }
    return accepted;
  };
}

/** Clients that cannot choose a subprotocol say it in the query, in either of two ways. */
function asksForProtobuf(url: string): boolean {
  const query = new URLSearchParams(url.split('?')[1] ?? '');
  return query.get('format') === 'protobuf' || query.get('cf_protocol') === 'protobuf';
}

class WebSocketTransport implements Transport, Accepted {
  readonly format: Format;
  readonly address: string;
  readonly #peer: Peer;
  readonly #socket: Duplex;
  readonly #options: WebSocketOptions;
  #events: TransportEvents | undefined;
  /** Ends a connection whose peer does not. */
  #cutOff: NodeJS.Timeout | undefined;
  /** Nothing that the client says counts any more. */
  #deaf = false;
  #controlFrames = 0;
  #countedFrom = 0;

  constructor(peer: Peer, socket: Duplex, format: Format, address: string, options: WebSocketOptions) {
    this.format = format;
    this.address = address;
    this.#peer = peer;
    this.#socket = socket;
    this.#options = options;
    peer.transport = this;
    peer.on('message', onMessage).on('ping', onPing).on('pong', onPong).on('error', onError).on('close', onClose);
  }

  // Not fields: they are the same for all.
  get name(): 'websocket' {
    return 'websocket';
  }

  get emulated(): boolean {
    return false;
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  listen(connect: WebSocketOptions['connect']): void {
    this.#events = connect(this);
  }

  write(frames: readonly Buffer[]): void {
    const socket = this.#socket;
    if (this.#peer.readyState !== WebSocket.OPEN || !socket.writable) return;
    const [first] = frames;
    if (first === undefined) return;
    if (frames.length === 1) {
      socket.write(first);
      return;
    }
    // One writev for all: copying them into one buffer was no cheaper at 1 kB, and two and a half times as dear at 64 kB.
    socket.cork();
    for (const frame of frames) socket.write(frame);
    socket.uncork();
  }

  close({ code, reason }: Disconnect, withinMs: number): void {
    this.#deaf = true;
    if (this.#cutOff || this.#peer.readyState === WebSocket.CLOSED) return;
    this.#cutOff = setTimeout(() => this.cut(), withinMs);
    this.#peer.close(code, reason);
  }

  cut(): void {
    this.#deaf = true;
    this.#peer.terminate();
  }

  receive(message: Buffer, isBinary: boolean): void {
    if (this.#deaf) return;
    // Centrifugo does not look; but only text was checked to be UTF-8.
    if (isBinary !== (this.format.codec.name === 'protobuf')) {
      this.violated(DISCONNECTS.badRequest);
      return;
    }
    this.#tell((events) => events.onMessage(message));
  }

  receivePing(payload: Buffer): void {
    this.countControlFrame();
    if (this.#deaf || this.#peer.readyState !== WebSocket.OPEN || this.queuedBytes > PONG_BACKLOG_BYTES_MAX) return;
    this.#peer.pong(payload);
  }

  countControlFrame(): void {
    if (this.#deaf) return;
    const now = Date.now();
    if (Math.abs(now - this.#countedFrom) >= 1000) {
      this.#countedFrom = now;
      this.#controlFrames = 0;
    }
    this.#controlFrames += 1;
    if (this.#controlFrames > CONTROL_FRAMES_PER_SECOND_MAX) this.violated(DISCONNECTS.tooManyRequests);
  }

  violated(disconnect: Disconnect): void {
    if (this.#deaf) return;
    this.#deaf = true;
    this.#tell((events) => events.onViolation(disconnect));
  }

  gone(): void {
    clearTimeout(this.#cutOff);
    this.#deaf = true;
    this.#peer.transport = undefined;
    this.#tell((events) => events.onClosed());
    this.#options.onGone(this);
  }

  #tell(what: (events: TransportEvents) => void): void {
    try {
      if (this.#events) what(this.#events);
    } catch (error) {
      this.#options.log.error({ err: error }, 'connection could not be served');
      this.close(DISCONNECTS.serverError, VIOLATION_CLOSE_WITHIN_MS);
    }
  }
}

function onMessage(this: WebSocket, data: Buffer | ArrayBuffer | Buffer[], isBinary: boolean): void {
  if (this instanceof Peer && Buffer.isBuffer(data)) this.transport?.receive(data, isBinary);
}

function onPing(this: WebSocket, payload: Buffer): void {
  if (this instanceof Peer) this.transport?.receivePing(payload);
}

function onPong(this: WebSocket): void {
  if (this instanceof Peer) this.transport?.countControlFrame();
}

/** `ws` has sent the close code that says what was wrong; what a close frame of ours would say comes too late. */
function onError(this: WebSocket): void {
  if (this instanceof Peer) this.transport?.violated(DISCONNECTS.badRequest);
}

function onClose(this: WebSocket): void {
  if (this instanceof Peer) this.transport?.gone();
}
