import { createServer } from 'node:net';
import { StartError } from './start-error.ts';

/** All parts listen here only. */
export const HOST = '127.0.0.1';

/** Where each part listens when nothing else is asked for: the emulator suite's own defaults, and Centrifugo's port. */
export const DEFAULT_PORTS = {
  auth: 9099,
  firestore: 8080,
  storage: 9199,
  functions: 5001,
  pubsub: 8085,
  tasks: 9499,
  eventarc: 9299,
  realtime: 8000,
  hub: 4400,
  logging: 4500,
  firestoreWebsocket: 9150,
} as const;

export type Part = keyof typeof DEFAULT_PORTS;
export type Ports = Record<Part, number>;

/** The default ports, all moved by `offset`. */
export const offsetPorts = (offset: number): Ports => mapPorts((_, port) => port + offset);

function mapPorts(map: (part: Part, port: number) => number): Ports {
  const entries = Object.entries(DEFAULT_PORTS).map(([part, port]) => [part, map(part as Part, port)]);
  return Object.fromEntries(entries) as Ports;
}

/** Opens a port and closes it again; 0 asks for any. */
async function tryPort(port: number): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer();
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject).listen({ port, host: HOST, exclusive: true }, listening.resolve);
  await listening.promise;
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  return { port: address.port, close: () => new Promise((resolve) => void server.close(() => resolve())) };
}

/** Ports that are free now; held open together while they are chosen, so that no two are the same. */
export async function freePorts(): Promise<Ports> {
  const held = await Promise.all(Object.keys(DEFAULT_PORTS).map(() => tryPort(0)));
  await Promise.all(held.map((each) => each.close()));
  let next = 0;
  return mapPorts(() => held[next++]?.port ?? 0);
}

/** @throws {StartError} `port-taken`, naming the port, who wants it and what to do */
export async function assertFree(ports: Ports): Promise<void> {
  for (const [part, port] of Object.entries(ports)) {
    try {
      await (await tryPort(port)).close();
    } catch (cause) {
      throw new StartError(
        'port-taken',
        `Port ${port}, which ${part} needs, is taken (is the platform running already?). ` +
          'Stop what uses it, or move all ports: npm start -- --port-offset 100',
        cause,
      );
    }
  }
}
