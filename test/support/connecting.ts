/** A server of nothing but the endpoints on which clients connect, and the requests that arrive there. */
import { once } from 'node:events';
import { type IncomingHttpHeaders, createServer, request } from 'node:http';
import {
  Admission,
  type AdmissionLimits,
  DEFAULT_ADMISSION_LIMITS,
  DEFAULT_SERVER_LIMITS,
  SERVER_OPTIONS,
  hardenServer,
} from '../../realtime-server/src/admission.ts';
import type { Command } from '../../realtime-server/src/protocol/messages.ts';
import { jsonCodec } from '../../realtime-server/src/protocol/json.ts';
import { protobufCodec } from '../../realtime-server/src/protocol/protobuf.ts';
import { connectionEndpoints } from '../../realtime-server/src/transport/endpoints.ts';
import type { Transport, TransportEvents } from '../../realtime-server/src/transport/transport.ts';

export const MESSAGE_BYTES_MAX = 4_096;
/** The only web page that may connect. */
export const PAGE = 'https://playnite.example';
const BODY_WITHIN_MS = 300;
/** An RPC of this method makes the server fail. */
export const FAILING_METHOD = 'fail';

export interface Connected {
  transport: Transport;
  heard: string[];
  closed: boolean;
}

export const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
};

/** A server on which every client may connect, and whose RPCs say what they were told. */
export async function startEndpoints(limits: Partial<AdmissionLimits> = {}, refuses = false) {
  const connected: Connected[] = [];
  const errors: unknown[] = [];
  const sessions = new Map<string, (message: Buffer) => void>();
  const admission = new Admission({ ...DEFAULT_ADMISSION_LIMITS, ...limits }, () => performance.now());

  function connect(transport: Transport): TransportEvents {
    if (refuses) throw new Error('nobody can connect');
    const connection: Connected = { transport, heard: [], closed: false };
    connected.push(connection);
    const { format } = transport;
    const session = `session-${connected.length}`;
    const emulated = transport.emulated ? { session, node: 'node' } : {};
    const reply = (message: Parameters<typeof format.codec.encode>[0]) =>
      transport.write(format.frame([format.codec.encode(message)]));
    const obey = ({ id, connect: asked, rpc }: Command) => {
      if (asked) reply({ id, connect: { client: session, version: '0', ping: 25, pong: true, ...emulated } });
      if (rpc?.method === FAILING_METHOD) throw new Error('failed as asked');
      if (rpc) reply({ id, rpc: { data: rpc.data } });
    };
    const onMessage = (message: Buffer) => {
      connection.heard.push(message.toString());
      format.codec.decode(message).forEach(obey);
    };
    sessions.set(session, onMessage);
    return {
      onMessage,
      onViolation: (disconnect) => transport.close(disconnect, 100),
      onClosed: () => {
        connection.closed = true;
        sessions.delete(session);
      },
    };
  }

  const endpoints = connectionEndpoints({
    limits: { messageBytesMax: MESSAGE_BYTES_MAX, bodyWithinMs: BODY_WITHIN_MS },
    allowedOrigins: [PAGE],
    admission,
    codecs: { json: jsonCodec, protobuf: protobufCodec },
    connect,
    emulate({ session, data }) {
      sessions.get(session)?.(data);
      return sessions.has(session);
    },
    log: { error: (error: unknown) => void errors.push(error) },
  });
  const server = createServer(SERVER_OPTIONS, (asked, response) => {
    if (!endpoints.onRequest(asked, response)) response.writeHead(418).end();
  });
  server.on('upgrade', (...upgrade) => endpoints.onUpgrade(...upgrade));
  hardenServer(server, DEFAULT_SERVER_LIMITS);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;

  async function stop(): Promise<void> {
    endpoints[Symbol.dispose]();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await until(() => admission.connections === 0);
  }

  return { port, endpoints, admission, connected, errors, stop };
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  /** What has come so far. */
  body: string;
  ended: boolean;
  abort: () => void;
}

export interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** Leaves the body unfinished. */
  unfinished?: boolean;
}

/** The answer as soon as it begins. */
export async function ask(
  port: number,
  path: string,
  { method = 'POST', headers = {}, body = '', unfinished = false }: Asked,
): Promise<Answer> {
  const answer = Promise.withResolvers<Answer>();
  const sent = request({ port, host: '127.0.0.1', path, method, headers, agent: false }, (response) => {
    const so: Answer = {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: '',
      ended: false,
      abort: () => void sent.destroy(),
    };
    response.on('data', (chunk: Buffer) => void (so.body += chunk.toString('latin1')));
    response.on('close', () => void (so.ended = true));
    response.on('error', () => undefined);
    answer.resolve(so);
  });
  sent.on('error', answer.reject);
  sent.write(body);
  if (!unfinished) sent.end();
  return answer.promise;
}
