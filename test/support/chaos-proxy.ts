/** A TCP proxy that does to connections what networks do: resets, ends, swallows or delays them. */
import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';

/** `reset` is an RST to both sides, `end` a FIN; `blackHole` keeps both sides open and passes nothing on any more. */
export type Cut = 'reset' | 'end' | 'blackHole';
export const CUTS: readonly Cut[] = ['reset', 'end', 'blackHole'];

/** One connection through the proxy. */
export interface Link {
  /** The port on the other side. */
  readonly target: number;
  cut(how: Cut): void;
  /** From now on each chunk takes so much longer, in both directions; their order stays. */
  delay(ms: number): void;
}

export interface ChaosProxy extends AsyncDisposable {
  port: number;
  /** Connections that pass something on. */
  links(): Link[];
  /** Whether who connects is let through; refused connections are reset. */
  setOpen(open: boolean): void;
}

/** A black hole ends by itself after this long, so that a test's end is not kept waiting by it. */
const BLACK_HOLE_MAX_MS = 30_000;

/** Starts a proxy; `target` says for each connection to which port of this machine it goes. */
export async function startProxy(target: () => number): Promise<ChaosProxy> {
  const links = new Set<Link>();
  const sockets = new Set<Socket>();
  const timers = new Set<NodeJS.Timeout>();
  let isOpen = true;

  const later = (ms: number, work: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, ms);
    timers.add(timer);
  };

  function own(socket: Socket): void {
    sockets.add(socket);
    socket.setNoDelay(true).on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  }

  function link(near: Socket, far: Socket, port: number): void {
    let delayMs = 0;
    let isHole = false;
    const pass = (from: Socket, to: Socket) => {
      // Until this time nothing may go that comes now: what came before it waits until then.
      let busyUntil = 0;
      const waiting: (() => void)[] = [];
      from.on('data', (chunk: Buffer) => {
        const write = () => {
          if (isHole || to.destroyed || to.writableEnded) return;
          if (to.write(chunk)) return;
          from.pause();
          to.once('drain', () => from.resume());
        };
        if (delayMs === 0 && waiting.length === 0) {
          write();
          return;
        }
        busyUntil = Math.max(busyUntil, performance.now() + delayMs);
        waiting.push(write);
        // Whichever timer comes first, the oldest chunk goes.
        later(Math.max(0, busyUntil - performance.now()), () => waiting.shift()?.());
      });
      from.on('end', () => {
        if (!isHole) to.end();
      });
      from.on('close', () => {
        links.delete(self);
        if (!isHole) to.destroy();
      });
    };
    const self: Link = {
      target: port,
      cut(how) {
        links.delete(self);
        if (how === 'reset') for (const each of [near, far]) each.resetAndDestroy();
        else if (how === 'end') for (const each of [near, far]) each.end();
        else {
          isHole = true;
          later(BLACK_HOLE_MAX_MS, () => [near, far].forEach((each) => each.destroy()));
        }
      },
      delay(ms) {
        delayMs = ms;
      },
    };
    links.add(self);
    pass(near, far);
    pass(far, near);
  }

  const server = createServer((near) => {
    own(near);
    if (!isOpen) {
      near.resetAndDestroy();
      return;
    }
    const port = target();
    const far = connect(port, '127.0.0.1');
    own(far);
    link(near, far, port);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();

  return {
    port: typeof address === 'object' && address ? address.port : 0,
    links: () => [...links],
    setOpen(open) {
      isOpen = open;
    },
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearTimeout(timer);
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
