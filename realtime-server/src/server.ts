import { type Server, createServer } from 'node:http';
import { DISCONNECTS } from '@playnite/contracts/realtime';
import type { Logger } from 'pino';
import { WebSocketServer } from 'ws';
import type { Authenticate } from './authenticate.ts';
import type { Authorize } from './authorize.ts';
import type { MemoryBroker } from './broker/memory-broker.ts';
import { Client } from './client.ts';
import { Hub } from './hub.ts';
import type { Limits } from './limits.ts';
import { publicationPush } from './protocol.ts';
import { Rights } from './rights.ts';
import type { Routed } from './routes.ts';

export const WEBSOCKET_PATH = '/connection/websocket';
/** How often the broker forgets what is past its time. */
const SWEEP_EVERY_MS = 60_000;
/** Clients are told to come back over this time when the server stops, so that they do not all come at once. */
const DRAIN_MAX_MS = 8_000;

export interface RealtimeServerOptions {
  broker: MemoryBroker;
  authenticate: Authenticate;
  authorize: Authorize;
  limits: Limits;
  /** Origins of web pages that may connect; empty allows any. A client without an origin is no web page. */
  allowedOrigins: readonly string[];
  /** Epoch milliseconds. */
  now: () => number;
  log: Logger;
  version: string;
}

/** What a connection sees of the server that holds it. */
export interface Node extends Omit<RealtimeServerOptions, 'allowedOrigins' | 'authorize'> {
  hub: Hub;
  rights: Rights;
  forget(client: Client): void;
}

export interface RealtimeServer extends AsyncDisposable {
  /** Takes publications into the broker and hands them to the subscribers of this node. */
  publish(publications: readonly Routed[]): void;
  /** Starts to answer; resolves with the port. */
  listen(host: string, port: number): Promise<number>;
  /** Says on `/ready` whether events arrive. */
  setReady(ready: boolean): void;
}

/** A node of the live stream; it opens nothing until `listen`, and ends with its disposal. */
export function createRealtimeServer(options: RealtimeServerOptions): RealtimeServer {
  const { broker, limits, log } = options;
  const clients = new Set<Client>();
  const hub = new Hub();
  const rights = new Rights(options);
  const node: Node = { ...options, hub, rights, forget: (client) => void clients.delete(client) };
  let ready = false;

  const http: Server = createServer((request, response) => {
    const answer = (status: number, body: Record<string, unknown>) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    switch (request.url) {
      case '/health':
        return answer(200, { connections: clients.size, channels: hub.channelCount });
      case '/ready':
        return answer(ready ? 200 : 503, { ready });
      default:
        return answer(404, { error: 'not found' });
    }
  });
  http.headersTimeout = limits.authenticateWithinMs;

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytesMax,
    perMessageDeflate: false,
  });
  http.on('upgrade', (request, socket, head) => {
    const refuse = (status: string) =>
      socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    const { origin } = request.headers;
    const { pathname } = new URL(request.url ?? '', 'http://server');
    socket.on('error', (error) => log.debug({ err: error.message }, 'handshake failed'));
    if (pathname !== WEBSOCKET_PATH) refuse('404 Not Found');
    else if (origin && options.allowedOrigins.length > 0 && !options.allowedOrigins.includes(origin))
      refuse('403 Forbidden');
    else if (!ready || clients.size >= limits.connectionsMax) refuse('503 Service Unavailable');
    else sockets.handleUpgrade(request, socket, head, (webSocket) => void clients.add(new Client(webSocket, node)));
  });
  const sweeper = setInterval(() => broker.sweep(), SWEEP_EVERY_MS);

  return {
    publish(publications) {
      for (const { channel, publication, rights: change } of publications) {
        rights.inTurn(channel, change, () => {
          const published = broker.publish(channel, publication.id, JSON.stringify(publication));
          if (published) hub.broadcast(channel, publicationPush(channel, published));
        });
      }
    },

    async listen(host, port) {
      const listening = Promise.withResolvers<void>();
      http.once('error', listening.reject).listen(port, host, listening.resolve);
      await listening.promise;
      const address = http.address();
      return typeof address === 'object' && address ? address.port : port;
    },

    setReady(now) {
      ready = now;
    },

    async [Symbol.asyncDispose]() {
      ready = false;
      clearInterval(sweeper);
      rights[Symbol.dispose]();
      for (const client of clients) client.disconnect(DISCONNECTS.shutdown);
      const closed = new Promise<void>((resolve) => void http.close(() => resolve()));
      http.closeIdleConnections();
      const late = setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
        http.closeAllConnections();
      }, DRAIN_MAX_MS);
      await closed;
      clearTimeout(late);
    },
  };
}
