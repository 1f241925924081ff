/** What the live stream's server is built on, with nothing around it: a loop over `send` of `ws`. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { userChannel } from '@playnite/contracts/realtime';
import { type WebSocket, WebSocketServer } from 'ws';
import { type PeerServer, plainCommand, pushOf } from './words.ts';

export async function servePlain(): Promise<PeerServer> {
  const http = createServer();
  const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });
  const subscribers = new Map<string, Set<WebSocket>>();
  sockets.on('connection', (socket) => {
    const mine = new Set<string>();
    const join = (channel: string) => {
      mine.add(channel);
      const others = subscribers.get(channel);
      if (others) others.add(socket);
      else subscribers.set(channel, new Set([socket]));
    };
    socket.on('message', (data) => {
      // `ws` hands out one Buffer unless it is told otherwise.
      const { id, connect, subscribe } = plainCommand.parse(JSON.parse((data as Buffer).toString()));
      if (connect) join(userChannel(connect.token));
      if (subscribe) join(subscribe.channel);
      socket.send(`{"id":${id}}`);
    });
    socket.once('close', () => {
      for (const channel of mine) {
        subscribers.get(channel)?.delete(socket);
        if (subscribers.get(channel)?.size === 0) subscribers.delete(channel);
      }
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const address = http.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    publish(channel, publication) {
      const push = Buffer.from(pushOf(channel, publication));
      for (const socket of subscribers.get(channel) ?? []) socket.send(push, { binary: false });
    },
  };
}
