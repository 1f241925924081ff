/**
 * Who may connect at all. The newest is refused, so that nobody can push others out: over a limit of the server or of an
 * address before anything is read (503, 429), over a user's limit once the token says who it is (disconnect 3504).
 *
 * An IPv6 subscriber owns 2^64 addresses, so a /64 counts as one address.
 */
import type { Server, ServerOptions } from 'node:http';
import { isIP, isIPv4 } from 'node:net';

export interface AdmissionLimits {
  /** Connections that this server holds. */
  connectionsMax: number;
  /** Those of one user, and of one address. */
  perUserMax: number;
  perAddressMax: number;
  /** Connections that may come in a second, and how many may come at once after a quiet time. */
  handshakesPerSecond: number;
  handshakesBurst: number;
  /** The same for one address. */
  handshakesPerAddressPerSecond: number;
  handshakesPerAddressBurst: number;
  /** Proxies in front that each add the address they see to X-Forwarded-For; 1 on Cloud Run, 0 believes no header. */
  trustProxyHops: number;
}

export const DEFAULT_ADMISSION_LIMITS: AdmissionLimits = {
  connectionsMax: 15_000,
  perUserMax: 64,
  perAddressMax: 4_000,
  handshakesPerSecond: 1_000,
  handshakesBurst: 5_000,
  handshakesPerAddressPerSecond: 100,
  handshakesPerAddressBurst: 1_000,
  trustProxyHops: 0,
};

/** How a connection that is not wanted now is answered. */
export interface Refusal {
  status: 429 | 503;
  retryAfterSeconds: number;
  reason: 'server full' | 'server busy' | 'address full' | 'address busy';
}

/** What is to be known of a request to find out where it comes from. */
interface Origin {
  headers: NodeJS.Dict<string | string[]>;
  socket: { remoteAddress?: string | undefined };
}

interface Address {
  connections: number;
  rate: TokenBucket;
}

/** Whoever finds a limit of connections reached may find a place this much later. */
const FULL_RETRY_SECONDS = 10;
/** Entries looked at on each handshake to be forgotten; more than the one that it can add, so that idle ones never pile up. */
const SWEPT_PER_HANDSHAKE = 4;
/** The first four groups of an IPv6 address are the network. */
const NETWORK_GROUPS = 4;
const IPV6_GROUPS = 8;
const MAPPED_IPV4 = '::ffff:';

/** Programs of this machine, such as a proxy on it or a load test, are not many people behind one address. */
const isLoopback = (address: string): boolean => address.startsWith('127.') || address === networkOf('::1');

/** Counts connections; every `admit` that refuses nothing is to be followed by one `release`. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #now: () => number;
  readonly #handshakes: TokenBucket;
  readonly #addresses = new Map<string, Address>();
  readonly #users = new Map<string, number>();
  #sweep = this.#addresses.entries();
  #connections = 0;

  /** @param now milliseconds of any clock */
  constructor(limits: AdmissionLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#handshakes = new TokenBucket(limits.handshakesPerSecond, limits.handshakesBurst);
  }

  get connections(): number {
    return this.#connections;
  }

  /** Addresses and users that something is kept of. */
  get kept(): { addresses: number; users: number } {
    return { addresses: this.#addresses.size, users: this.#users.size };
  }

  /** Where a request comes from, as it is counted: an IPv4 address, or the /64 of an IPv6 one. */
  addressOf({ headers, socket }: Origin): string {
    const direct = socket.remoteAddress ?? '';
    const { trustProxyHops } = this.#limits;
    if (trustProxyHops === 0) return networkOf(direct);
    const forwarded = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
    const seen = forwarded.at(-trustProxyHops)?.trim() ?? '';
    return networkOf(isIP(seen) === 0 ? direct : seen);
  }

  /** Takes a connection in, or says why not. */
  admit(address: string): Refusal | undefined {
    const now = this.#now();
    this.#forgetIdle(now);
    const { connectionsMax, perAddressMax, handshakesPerAddressPerSecond, handshakesPerAddressBurst } = this.#limits;
    if (this.#connections >= connectionsMax) {
      return { status: 503, retryAfterSeconds: FULL_RETRY_SECONDS, reason: 'server full' };
    }
    const busyMs = this.#handshakes.waitMs(now);
    if (busyMs > 0) return { status: 503, retryAfterSeconds: inSeconds(busyMs), reason: 'server busy' };
    const entry = this.#addresses.get(address) ?? {
      connections: 0,
      rate: new TokenBucket(handshakesPerAddressPerSecond, handshakesPerAddressBurst),
    };
    const isLocal = isLoopback(address);
    if (entry.connections >= perAddressMax && !isLocal) {
      return { status: 429, retryAfterSeconds: FULL_RETRY_SECONDS, reason: 'address full' };
    }
    // An address over its rate takes nothing of the server's, so that it keeps nobody else out.
    const addressBusyMs = entry.rate.waitMs(now);
    if (addressBusyMs > 0 && !isLocal)
      return { status: 429, retryAfterSeconds: inSeconds(addressBusyMs), reason: 'address busy' };
    entry.rate.take(now);
    this.#handshakes.take(now);
    entry.connections += 1;
    this.#connections += 1;
    this.#addresses.set(address, entry);
    return undefined;
  }

  /** A connection that was admitted is gone. */
  release(address: string): void {
    const entry = this.#addresses.get(address);
    if (!entry || entry.connections === 0) return;
    this.#connections -= 1;
    entry.connections -= 1;
    if (isIdle(entry, this.#now())) this.#addresses.delete(address);
  }

  /** Whether the user may have one more connection; if so it counts, until `releaseUser`. */
  admitUser(user: string): boolean {
    const connections = this.#users.get(user) ?? 0;
    if (connections >= this.#limits.perUserMax) return false;
    this.#users.set(user, connections + 1);
    return true;
  }

  releaseUser(user: string): void {
    const connections = this.#users.get(user) ?? 0;
    if (connections > 1) this.#users.set(user, connections - 1);
    else this.#users.delete(user);
  }

  /** An address without connections is remembered until its rate is as if it had never come. */
  #forgetIdle(now: number): void {
    for (let looked = 0; looked < SWEPT_PER_HANDSHAKE; looked += 1) {
      const next = this.#sweep.next();
      if (next.done) {
        this.#sweep = this.#addresses.entries();
        return;
      }
      const [address, entry] = next.value;
      if (isIdle(entry, now)) this.#addresses.delete(address);
    }
  }
}

const isIdle = ({ connections, rate }: Address, now: number): boolean => connections === 0 && rate.isFull(now);

/** A token bucket kept as one number: when it will be full again (the generic cell rate algorithm, ITU-T I.371). */
class TokenBucket {
  readonly #everyMs: number;
  readonly #burstMs: number;
  #fullAt = -Infinity;

  constructor(perSecond: number, burst: number) {
    this.#everyMs = 1000 / perSecond;
    this.#burstMs = burst * this.#everyMs;
  }

  /** How long until a token is there; zero when one is. */
  waitMs(now: number): number {
    return this.isFull(now) ? 0 : Math.max(0, this.#fullAt - now + this.#everyMs - this.#burstMs);
  }

  take(now: number): void {
    this.#fullAt = (this.isFull(now) ? now : this.#fullAt) + this.#everyMs;
  }

  /** Also when it would be full only after more than a whole filling: the clock was set back. */
  isFull(now: number): boolean {
    return this.#fullAt <= now || this.#fullAt > now + this.#burstMs + this.#everyMs;
  }
}

const inSeconds = (milliseconds: number): number => Math.max(1, Math.ceil(milliseconds / 1000));

function networkOf(address: string): string {
  const plain = address.toLowerCase().startsWith(MAPPED_IPV4) ? address.slice(MAPPED_IPV4.length) : address;
  if (isIPv4(plain) || isIP(address) === 0) return plain;
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  while (tail !== undefined && groups.length + after.length < IPV6_GROUPS) groups.push('0');
  const network = [...groups, ...after].slice(0, NETWORK_GROUPS);
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}

export interface ServerLimits {
  /** How long a request may take to arrive, from the first byte of its connection to the last of its body. */
  requestWithinMs: number;
  /** Open sockets, those included that have not asked for anything yet; beyond it new ones are closed unheard. */
  socketsMax: number;
}

export const DEFAULT_SERVER_LIMITS: ServerLimits = { requestWithinMs: 8_000, socketsMax: 20_000 };

/** Header bytes and lines of one request; a token in the URL of an event stream is what takes most. */
const HEADER_BYTES_MAX = 16 * 1024;
const HEADER_LINES_MAX = 64;
/** How often late requests are looked for: one is cut off at most so much later. */
const LATE_CHECK_EVERY_MS = 1_000;
const KEEP_ALIVE_MS = 5_000;

/** What can be said of an HTTP server only when it is made. */
export const SERVER_OPTIONS = {
  maxHeaderSize: HEADER_BYTES_MAX,
  connectionsCheckingInterval: LATE_CHECK_EVERY_MS,
  noDelay: true,
  // What asks for HTTP/2 on the way is answered in HTTP/1.1.
  shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
} as const satisfies ServerOptions;

/**
 * Bounds what a peer costs that never comes to ask for anything: one that sends nothing, or byte by byte, is closed after
 * `requestWithinMs`. Node counts from the connection on (node_http_parser.cc, `last_message_start_`), and forgets a
 * socket that became a WebSocket. The server is to be made with SERVER_OPTIONS.
 */
export function hardenServer(server: Server, { requestWithinMs, socketsMax }: ServerLimits): void {
  server.headersTimeout = requestWithinMs;
  server.requestTimeout = requestWithinMs;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxHeadersCount = HEADER_LINES_MAX;
  server.maxConnections = socketsMax;
}
