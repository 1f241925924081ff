/** Socket.IO with WebSocket alone, a channel being a room. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { userChannel } from '@playnite/contracts/realtime';
import { Server } from 'socket.io';
import { z } from 'zod';
import type { PeerServer } from './words.ts';

/** Longer than any measurement: bare sockets answer no ping. */
const PING_EVERY_MS = 3_600_000;

const auth = z.object({ token: z.string() });
const answer = z.custom<() => void>((value) => typeof value === 'function');

export async function serveSocketIo(): Promise<PeerServer> {
  const http = createServer();
  const io = new Server(http, { transports: ['websocket'], pingInterval: PING_EVERY_MS, serveClient: false });
  io.on('connection', (socket) => {
    void socket.join(userChannel(auth.parse(socket.handshake.auth).token));
    socket.on('subscribe', (channel: unknown, done: unknown) => {
      void socket.join(z.string().parse(channel));
      answer.parse(done)();
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const address = http.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    publish: (channel, publication) => void io.to(channel).emit('publication', publication),
  };
}
