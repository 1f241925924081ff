/**
 * Makes handshakes with a server, one every so many milliseconds, in a process that does nothing else. Arguments: where, and
 * how often. Told to stop, says how long each took in milliseconds, and with which status others were refused.
 */
import { WebSocket } from 'ws';

const [, , endpoint = '', everyMs = ''] = process.argv;
const tookMs: number[] = [];
const refused: string[] = [];

setInterval(() => {
  const startedAt = performance.now();
  const socket = new WebSocket(endpoint);
  socket.once('open', () => {
    tookMs.push(performance.now() - startedAt);
    socket.terminate();
  });
  socket.on('error', ({ message }) => refused.push(/\d{3}$/.exec(message)?.[0] ?? message));
}, Number(everyMs));

process.once('message', () => {
  process.send?.({ tookMs, refused });
  process.disconnect();
});
process.once('disconnect', () => process.exit());
