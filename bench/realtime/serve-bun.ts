/** Bun's own WebSocket server and its topics, native code; run by Bun, which has its types for itself. */
import { userChannel } from '@playnite/contracts/realtime';
import { type PeerServer, plainCommand, pushOf } from './words.ts';

interface BunSocket {
  subscribe(topic: string): void;
  send(message: string): number;
}

declare const Bun: {
  serve(options: {
    hostname: string;
    port: number;
    development: boolean;
    fetch(request: Request, server: { upgrade(request: Request): boolean }): Response | undefined;
    websocket: {
      idleTimeout: number;
      sendPings: boolean;
      perMessageDeflate: boolean;
      backpressureLimit: number;
      message(socket: BunSocket, message: string): void;
    };
  }): { port: number; publish(topic: string, message: string): number };
};

/** Beyond it Bun drops what it publishes; far more than a window of publications. */
const BACKPRESSURE_BYTES_MAX = 64 * 1024 * 1024;

export function serveBun(): PeerServer {
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    development: false,
    fetch: (request, bun) => (bun.upgrade(request) ? undefined : new Response('not found', { status: 404 })),
    websocket: {
      idleTimeout: 0,
      sendPings: false,
      perMessageDeflate: false,
      backpressureLimit: BACKPRESSURE_BYTES_MAX,
      message(socket, message) {
        const { id, connect, subscribe } = plainCommand.parse(JSON.parse(message));
        if (connect) socket.subscribe(userChannel(connect.token));
        if (subscribe) socket.subscribe(subscribe.channel);
        socket.send(`{"id":${id}}`);
      },
    },
  });
  return {
    port: server.port,
    publish: (channel, publication) => void server.publish(channel, pushOf(channel, publication)),
  };
}
