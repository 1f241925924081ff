import { subscribe } from 'node:diagnostics_channel';
import { freemem, totalmem } from 'node:os';

/** While more of the machine's memory is free than this, an idle process is in nobody's way. */
const FREE_SHARE = 0.4;

/**
 * Ends this process when it has served no request for so long and memory is short; to be called while it serves its first.
 *
 * The functions emulator keeps a process for each function that ever ran, and one more for each time that it ran beside
 * itself: a hundred functions come to more memory than a laptop has. It starts another when it needs one, so an idle
 * process may go, as instances do in the cloud. What connects at the very moment of the end is lost; so the end follows
 * at once on a look for connections. A request that is broken off is never seen to end: then the process stays.
 */
export function retireWhenIdle(idleMs: number): void {
  let requests = 1;
  let timer: NodeJS.Timeout | undefined;
  const lookAgain = () => (timer = setTimeout(endUnlessNeeded, idleMs).unref());
  const endUnlessNeeded = () => {
    if (freemem() > FREE_SHARE * totalmem()) {
      lookAgain();
      return;
    }
    // Connections are taken in between the timers and this; each begins a request.
    setImmediate(() => {
      if (requests === 0) process.exit();
    });
  };
  subscribe('http.server.request.start', () => {
    requests += 1;
    clearTimeout(timer);
  });
  subscribe('http.server.response.finish', () => {
    requests -= 1;
    if (requests === 0) lookAgain();
  });
}
