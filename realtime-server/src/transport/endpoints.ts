/**
 * The paths on which clients connect: each in front of its transport asks whether the page may (403), whether there is
 * room (429, 503), and only then reads what the client has to say.
 */
import { type IncomingMessage, STATUS_CODES, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { Admission, Refusal } from '../admission.ts';
import { isOriginAllowed, preflightHeaders } from './cors.ts';
import { type Codecs, formatsOf } from './formats.ts';
import { type BodyLimits, type EmulationRequest, acceptHttpStream, answer, emulation } from './http-stream.ts';
import { acceptEventStream } from './sse.ts';
import type { Transport, TransportEvents } from './transport.ts';
import { webSocketAcceptor } from './websocket.ts';

export const WEBSOCKET_PATH = '/connection/websocket';
export const HTTP_STREAM_PATH = '/connection/http_stream';
export const SSE_PATH = '/connection/sse';
const EMULATION_PATH = '/emulation';

export interface ConnectionEndpointsOptions {
  limits: BodyLimits;
  /** Origins of web pages that may connect; empty allows any. A client without an origin is no web page. */
  allowedOrigins: readonly string[];
  admission: Pick<Admission, 'addressOf' | 'admit' | 'release'>;
  codecs: Codecs;
  /** A client has connected; what it says goes to what this gives. */
  connect: (transport: Transport) => TransportEvents;
  /** Hands a command to the connection it is for; resolves with whether there is such a session. */
  emulate: (request: EmulationRequest) => Promise<boolean> | boolean;
  log: Pick<Logger, 'error'>;
}

export interface ConnectionEndpoints extends Disposable {
  /** Answers what is on one of the paths; false leaves the request to others. */
  onRequest(request: IncomingMessage, response: ServerResponse): boolean;
  onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

const METHODS: ReadonlyMap<string, readonly string[]> = new Map([
  [HTTP_STREAM_PATH, ['POST']],
  [SSE_PATH, ['GET', 'POST']],
  [EMULATION_PATH, ['POST']],
]);

/** The transports behind their paths. Disposal takes nobody in any more, and cuts off who is still there. */
export function connectionEndpoints(options: ConnectionEndpointsOptions): ConnectionEndpoints {
  const { allowedOrigins, admission, codecs, log } = options;
  const formats = formatsOf(codecs);
  const open = new Set<{ cut(): void }>();
  let disposed = false;

  const admit = (address: string): Refusal | undefined => (disposed ? SHUTTING_DOWN : admission.admit(address));
  const acceptWebSocket = webSocketAcceptor({
    ...options,
    formats,
    onGone(accepted) {
      open.delete(accepted);
      admission.release(accepted.address);
    },
  });

  function onStream(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Sent behind another request of the connection, it would wait for an answer that may never end.
    if (!response.socket) {
      request.socket.destroy();
      return Promise.resolve();
    }
    const address = admission.addressOf(request);
    const refusal = admit(address);
    if (refusal) {
      answer(request, response, refusal.status, { 'retry-after': String(refusal.retryAfterSeconds) });
      return Promise.resolve();
    }
    const entry = { cut: () => void response.destroy() };
    open.add(entry);
    response.once('close', () => {
      open.delete(entry);
      admission.release(address);
    });
    const accept = path === SSE_PATH ? acceptEventStream : acceptHttpStream;
    return accept(request, response, address, { ...options, formats });
  }

  return {
    onRequest(request, response) {
      const path = pathOf(request);
      const methods = METHODS.get(path);
      if (!methods) return false;
      response.on('error', ignore);
      if (!isOriginAllowed(request, allowedOrigins)) answer(request, response, 403);
      else if (request.method === 'OPTIONS') answer(request, response, 204, preflightHeaders(request, methods));
      else if (!methods.includes(request.method ?? ''))
        answer(request, response, 405, { allow: [...methods, 'OPTIONS'].join(', ') });
      else {
        const served =
          path === EMULATION_PATH ? emulation(request, response, options) : onStream(path, request, response);
        served.catch((error: unknown) => {
          log.error({ err: error }, 'request could not be served');
          response.destroy();
        });
      }
      return true;
    },

    onUpgrade(request, socket, head) {
      // Also after the handshake, in which `ws` listens itself, nobody else may.
      socket.on('error', ignore);
      const path = pathOf(request);
      if (path !== WEBSOCKET_PATH) return refuse(socket, 404);
      if (!isOriginAllowed(request, allowedOrigins)) return refuse(socket, 403);
      const address = admission.addressOf(request);
      const refusal = admit(address);
      if (refusal) return refuse(socket, refusal.status, [`retry-after: ${refusal.retryAfterSeconds}`]);
      const accepted = acceptWebSocket(request, socket, head, address);
      if (accepted) open.add(accepted);
      else admission.release(address);
    },

    [Symbol.dispose]() {
      disposed = true;
      for (const connection of open) connection.cut();
    },
  };
}

/** What a client is told that comes while the server ends: there is another one, or will be. */
const SHUTTING_DOWN: Refusal = { status: 503, retryAfterSeconds: 1, reason: 'server full' };

const ignore = (): void => undefined;

const pathOf = ({ url = '' }: IncomingMessage): string => url.split('?')[0] ?? '';

function refuse(socket: Duplex, status: number, headers: readonly string[] = []): void {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    ...headers,
    'connection: close',
    'content-length: 0',
  ];
  socket.once('finish', () => socket.destroy()).end(`${lines.join('\r\n')}\r\n\r\n`);
}
