import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { Logger } from 'pino';
import { Admission, type AdmissionLimits, DEFAULT_SERVER_LIMITS, SERVER_OPTIONS, hardenServer } from './admission.ts';
import { API_PREFIX, createAdminApi } from './admin/api.ts';
import type { Authority } from './authority.ts';
import type { SharedVerdicts } from './authorize.ts';
import type { Broker } from './broker/broker.ts';
import type { OptionsOf } from './channel-options.ts';
import { Health, followedAuthority } from './health.ts';
import type { Limits } from './limits.ts';
import { Metrics, countedBroker } from './metrics.ts';
import { Node } from './node.ts';
import type { PresenceStore } from './presence/presence.ts';
import { jsonCodec } from './protocol/json.ts';
import { protobufCodec } from './protocol/protobuf.ts';
import type { Routed } from './routes.ts';
import { HTTP_STREAM_PATH, SSE_PATH, connectionEndpoints } from './transport/endpoints.ts';

/** What clients and operators are told that they talk to. */
export const VERSION = '0.2.0';
/** After the last client was told to go, its connection may stay open so long. */
const CLOSE_WITHIN_MS = 2_000;

export interface RealtimeServerOptions {
  broker: Broker;
  presence: PresenceStore;
  authority: Authority;
  /** What the nodes found out about rights, where there are several. */
  verdicts?: SharedVerdicts;
  /** Is told of the broker's and the authority's answers, and tells on `/health`; left out, the server has its own. */
  health?: Health;
  optionsOf: OptionsOf;
  limits: Limits;
  admission: AdmissionLimits;
  /** Origins of web pages that may connect; empty allows any. A client without an origin is no web page. */
  allowedOrigins: readonly string[];
  /** Whether clients may come over HTTP where WebSockets are blocked. */
  httpStream?: boolean;
  sse?: boolean;
  admin: {
    /** None: there is no admin API. */
    keys: readonly string[];
    metrics: 'with-key' | 'open' | 'closed';
    publishesDelta?: (channel: string) => boolean;
  };
  /** Epoch milliseconds. */
  now: () => number;
  log: Logger;
  version: string;
  name: string;
}

export interface RealtimeServer extends AsyncDisposable {
  readonly node: Node;
  /**
   * Puts publications into the broker, from where every node hands them to its subscribers.
   *
   * @throws {Error} when one is not there: it is to be published again
   */
  publish(publications: readonly Routed[]): Promise<void>;
  /** Starts to answer; resolves with the port. */
  listen(host: string, port: number): Promise<number>;
  /** Says on `/ready` whether clients are welcome. */
  setReady(ready: boolean): void;
  /** Takes nobody in any more, and sends everybody away over the time. */
  drain(withinMs: number): Promise<void>;
}

/**
 * Connections that the kernel holds until they are taken; it may allow fewer (net.core.somaxconn, 4,096 on Linux). Node's own
 * 511 are full when a herd comes back, and whoever is dropped there tries again after a second, then after two.
 */
const BACKLOG = 4_096;

/** A node of the live stream with its HTTP server; it opens nothing until `listen`, and ends with its disposal. */
export function createRealtimeServer(options: RealtimeServerOptions): RealtimeServer {
  const { limits, log, admin, health = new Health() } = options;
  const admission = new Admission(options.admission, options.now);
  const metrics = new Metrics({ node: options.name });
  metrics.exportHealth(health);
  const broker = countedBroker(options.broker, metrics, health.of('broker'));
  const authority = followedAuthority(options.authority, health.of('authority'));
  const node = new Node({ ...options, broker, authority, admission, metrics });
  let ready = false;

  const closedPaths = [
    ...(options.httpStream === false ? [HTTP_STREAM_PATH] : []),
    ...(options.sse === false ? [SSE_PATH] : []),
  ];
  const endpoints = connectionEndpoints({
    limits,
    allowedOrigins: options.allowedOrigins,
    admission: {
      addressOf: (request) => admission.addressOf(request),
      admit: (address) =>
        ready ? admission.admit(address) : { status: 503, retryAfterSeconds: 1, reason: 'server full' },
      release: (address) => admission.release(address),
    },
    codecs: { json: jsonCodec, protobuf: protobufCodec },
    connect: (transport) => node.connect(transport),
    emulate: (request) => node.emulateAnywhere(request),
    log,
  });
  const { cluster } = node;
  const api = createAdminApi({ ...options, ...admin, broker, cluster, metrics }, admin.keys);

  async function answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const json = (status: number, body: Record<string, unknown>) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const mayScrape = admin.metrics === 'open' || (admin.metrics === 'with-key' && api.authorized(request.headers));
    // Degraded is no failure: who restarts the process for it mends no dependency, and throws all its clients out.
    if (path === '/health') json(200, { ...health.report(), connections: node.connections, channels: node.hub.size });
    else if (path === '/ready') json(ready ? 200 : 503, { ready });
    else if (path.startsWith(API_PREFIX)) await api.handle(request, response);
    else if (path === '/metrics' && mayScrape)
      response.writeHead(200, { 'content-type': metrics.contentType }).end(await metrics.render());
    else if (path === '/metrics' && admin.metrics === 'with-key') json(401, { error: 'unauthorized' });
    else json(404, { error: 'not found' });
  }

  const http: Server = createServer(SERVER_OPTIONS, (request, response) => {
    const path = request.url?.split('?')[0] ?? '';
    if (!closedPaths.includes(path) && endpoints.onRequest(request, response)) return;
    answer(request, response, path).catch((error: unknown) => {
      log.error({ err: String(error), path }, 'request could not be answered');
      response.destroy();
    });
  });
  hardenServer(http, DEFAULT_SERVER_LIMITS);
  http.on('upgrade', (request, socket, head) => endpoints.onUpgrade(request, socket, head));

  return {
    node,
    publish(publications) {
      // Nobody hears of a channel without subscribers, and who left it may come back.
      for (const { channel, rights } of publications) if (rights) node.rights.forget(channel);
      return node.publish(publications);
    },

    async listen(host, port) {
      await node.start();
      const listening = Promise.withResolvers<void>();
      http.once('error', listening.reject).listen({ port, host, backlog: BACKLOG }, listening.resolve);
      await listening.promise;
      const address = http.address();
      return typeof address === 'object' && address ? address.port : port;
    },

    setReady(now) {
      ready = now;
    },

    async drain(withinMs) {
      ready = false;
      await node.drain(withinMs);
    },

    async [Symbol.asyncDispose]() {
      ready = false;
      await node.drain(0);
      const closed = new Promise<void>((resolve) => void http.close(() => resolve()));
      http.closeIdleConnections();
      const late = setTimeout(() => {
        endpoints[Symbol.dispose]();
        http.closeAllConnections();
      }, CLOSE_WITHIN_MS);
      await closed;
      clearTimeout(late);
      endpoints[Symbol.dispose]();
      await node[Symbol.asyncDispose]();
      metrics[Symbol.dispose]();
    },
  };
}
