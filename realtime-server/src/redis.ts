/**
 * The connections to Redis that a node's broker and presence share: one for commands, one for what is subscribed, or in a
 * cluster as many as it has masters.
 *
 * A call is answered, or rejected within its deadline; while Redis is away it is rejected at once. A rejected call may still
 * have been carried out. node-redis reconnects and subscribes again by itself, but does not notice a Redis that keeps its
 * connections and says nothing (stopped, or behind a network that lost its packets): that is what the probes are for.
 */
import { type RedisClientType, createClient, createCluster } from 'redis';
import type { Logger } from 'pino';
import type { Script } from './redis-script.ts';

export interface RedisOptions {
  /** `redis[s]://[[user][:password]@]host[:port][/database]`; of a cluster, any of its nodes. */
  url: string;
  cluster?: boolean;
  /** The certificate authority of a `rediss:` server, in PEM, when it is not a public one. */
  ca?: string;
  /** How long to wait for Redis at the start. */
  openWithinMs?: number;
  log: Pick<Logger, 'warn'>;
}

/** Past it a call is rejected. */
export const REDIS_DEADLINE_MS = 2_000;
const OPEN_WITHIN_MS_DEFAULT = 10_000;
const PROBE_EVERY_MS = 1_000;
/** Past this a silent connection is given up, also one that is still being set up. */
const SILENT_MAX_MS = 5_000;
const CONNECT_WITHIN_MS = 2_000;
const RECONNECT_FIRST_MS = 50;
const RECONNECT_MAX_MS = 1_000;
/** Commands that are under way at once; what is over it is rejected. */
const COMMANDS_MAX = 20_000;

/** Redis gave no answer within the deadline. What it was asked may still happen. */
class RedisDeadlineError extends Error {}

type Client = Pick<RedisClientType, 'isReady' | 'sendCommand' | 'destroy'> & { connect(): Promise<unknown> };
type OnMessage = (message: string, name: string) => void;

/** What a single Redis and a cluster have in common. */
interface Link {
  connect(): Promise<unknown>;
  send(key: string, command: string[]): Promise<unknown>;
  /** @throws {Error} when there is no connection now */
  subscribe(name: string, listener: OnMessage): Promise<void>;
  unsubscribe(name: string, listener: OnMessage): Promise<void>;
  /** The connections there are at the moment. */
  clients(): Client[];
  destroy(): void;
}

interface LinkEvents {
  onError: (error: unknown) => void;
  /** There is a new connection for commands, maybe to a Redis that began anew. */
  onConnect: () => void;
  /** A connection that may have carried subscriptions was lost and is back, its subscriptions too. */
  onBack: () => void;
}

interface Listener {
  onMessage(name: string, message: string): void;
  /** What was published to the names that are heard may have been missed. */
  onBack(): void;
}

/**
 * Connects to Redis.
 *
 * @throws {Error} when it cannot be reached within `openWithinMs`, ten seconds if left out
 */
export async function openRedis(options: RedisOptions): Promise<Redis> {
  const redis = new Redis(options);
  try {
    await redis.connect();
    return redis;
  } catch (error) {
    await redis[Symbol.asyncDispose]();
    throw error;
  }
}

export class Redis implements AsyncDisposable {
  readonly #link: Link;
  readonly #log: RedisOptions['log'];
  readonly #openWithinMs: number;
  /** Names that are to be heard, each with the attempt to subscribe that it was last wanted by. */
  readonly #wanted = new Map<string, symbol>();
  /** Names that Redis may still send although nobody wants them: giving them up has failed. */
  readonly #unwanted = new Set<string>();
  /** Scripts that Redis has run since it was connected to. */
  readonly #known = new Set<Script>();
  #listener: Listener | undefined;
  #prober: NodeJS.Timeout | undefined;
  #lastError: unknown;
  #closed = false;

  constructor(options: RedisOptions) {
    this.#log = options.log;
    this.#openWithinMs = options.openWithinMs ?? OPEN_WITHIN_MS_DEFAULT;
    const events: LinkEvents = {
      onError: (error) => this.#onError(error),
      onConnect: () => this.#known.clear(),
      onBack: () => this.#onBack(),
    };
    this.#link = options.cluster ? clusterLink(options, events) : singleLink(options, events);
  }

  /** @throws {Error} when Redis cannot be reached in time; its cause is what the last attempt failed with */
  async connect(): Promise<void> {
    try {
      await within(this.#openWithinMs, this.#link.connect());
    } catch (error) {
      throw new Error('redis cannot be reached', { cause: this.#lastError ?? error });
    }
    this.#prober = setInterval(() => this.#probe(), PROBE_EVERY_MS).unref();
  }

  /** Who is told what is heard; one at a time. */
  listen(listener: Listener): void {
    this.#listener = listener;
  }

  /** The names that were subscribed to. */
  heard(): string[] {
    return [...this.#wanted.keys()];
  }

  /** Runs a script at once and as a whole. Its keys must be in one slot. @throws {Error} within the deadline */
  async run(script: Script, keys: readonly [string, ...string[]], args: readonly string[]): Promise<unknown> {
    const [key] = keys;
    const given = [`${keys.length}`, ...keys, ...args];
    const withText = async () => {
      const reply = await this.send(key, ['EVAL', script.text, ...given]);
      this.#known.add(script);
      return reply;
    };
    // Found out by a failure alone, a script that is unknown would run behind those that were sent after it.
    if (!this.#known.has(script)) return await withText();
    try {
      return await this.send(key, ['EVALSHA', script.sha, ...given]);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await withText();
    }
  }

  /** Sends a command that concerns the key. @throws {Error} within the deadline */
  send(key: string, command: string[]): Promise<unknown> {
    return within(REDIS_DEADLINE_MS, this.#link.send(key, command));
  }

  /** From its resolution on, what is published to the name is heard. @throws {Error} within the deadline */
  async subscribe(name: string): Promise<void> {
    const attempt = Symbol(name);
    this.#wanted.set(name, attempt);
    this.#unwanted.delete(name);
    const subscribed = this.#link.subscribe(name, this.#hear);
    try {
      await within(REDIS_DEADLINE_MS, subscribed);
    } catch (error) {
      if (this.#wanted.get(name) === attempt) this.#wanted.delete(name);
      // Redis may carry it out later, for nobody.
      subscribed.then(() => this.#giveUp(name)).catch(() => {});
      throw error;
    }
  }

  /** From now on the name is not heard. @throws {Error} within the deadline; it is not heard all the same */
  async unsubscribe(name: string): Promise<void> {
    this.#wanted.delete(name);
    this.#unwanted.add(name);
    await within(REDIS_DEADLINE_MS, this.#link.unsubscribe(name, this.#hear));
    this.#unwanted.delete(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#prober);
    this.#link.destroy();
  }

  // One listener for all names: a connection drops a listener by its identity.
  readonly #hear: OnMessage = (message, name) => {
    if (!this.#wanted.has(name)) return;
    try {
      this.#listener?.onMessage(name, message);
    } catch (error) {
      // An error would reach the parser of the connection, and cost all that is under way on it.
      this.#onError(error);
    }
  };

  #onBack(): void {
    if (this.#closed) return;
    for (const name of this.#unwanted) this.#giveUp(name);
    this.#listener?.onBack();
  }

  #giveUp(name: string): void {
    if (!this.#wanted.has(name)) this.unsubscribe(name).catch((error: unknown) => this.#onError(error));
  }

  #onError(error: unknown): void {
    this.#lastError = error;
    if (!this.#closed) this.#log.warn({ err: error }, 'redis');
  }

  #probe(): void {
    for (const client of this.#link.clients()) {
      if (!client.isReady) continue;
      within(REDIS_DEADLINE_MS, client.sendCommand(['PING'])).catch((error: unknown) => {
        if (!(error instanceof RedisDeadlineError) || this.#closed || !client.isReady) return;
        this.#onError(error);
        client.destroy();
        client.connect().catch((failure: unknown) => this.#onError(failure));
      });
    }
  }
}

/** Options of every connection. */
function common({ ca, url }: RedisOptions) {
  const reconnectStrategy = (retries: number): number =>
    Math.min(RECONNECT_MAX_MS, RECONNECT_FIRST_MS * 2 ** retries) * (0.5 + Math.random() / 2);
  const timing = { connectTimeout: CONNECT_WITHIN_MS, socketTimeout: SILENT_MAX_MS, reconnectStrategy };
  const tls = url.startsWith('rediss:');
  return {
    socket: tls ? { ...timing, tls, ...(ca === undefined ? {} : { ca }) } : timing,
    disableOfflineQueue: true,
    commandsQueueMaxLength: COMMANDS_MAX,
    // Its timeout ends with the writing of a command; the deadlines here end with its answer.
    commandOptions: { timeout: 0 },
    maintNotifications: 'disabled' as const,
  };
}

function singleLink(options: RedisOptions, { onError, onConnect, onBack }: LinkEvents): Link {
  const commands = createClient({ url: options.url, ...common(options) });
  const subscriber = createClient({ url: options.url, ...common(options) });
  let connected = false;
  let missed = false;
  // Whoever is told will ask what was missed, so the other connection must be there too.
  const tellBack = () => {
    if (!missed || !commands.isReady || !subscriber.isReady) return;
    missed = false;
    onBack();
  };
  commands.on('error', onError).on('ready', () => {
    onConnect();
    tellBack();
  });
  subscriber.on('error', onError).on('ready', () => {
    missed ||= connected;
    connected = true;
    tellBack();
  });
  return {
    connect: () => Promise.all([commands.connect(), subscriber.connect()]),
    send: (_, command) => commands.sendCommand(command),
    subscribe: async (name, listener) => {
      if (!subscriber.isReady) throw new Error('redis is away');
      await subscriber.sSubscribe(name, listener);
    },
    unsubscribe: (name, listener) => subscriber.sUnsubscribe(name, listener),
    clients: () => [commands, subscriber],
    destroy: () => {
      for (const client of [commands, subscriber]) if (client.isOpen) client.destroy();
    },
  };
}

function clusterLink(options: RedisOptions, { onError, onConnect, onBack }: LinkEvents): Link {
  const { username, password } = new URL(options.url);
  const cluster = createCluster({
    rootNodes: [{ url: options.url }],
    // The nodes that are found through the first one get nothing from its URL.
    defaults: {
      ...common(options),
      ...(username && { username: decodeURIComponent(username) }),
      ...(password && { password: decodeURIComponent(password) }),
    },
  });
  // Which of a node's connections is ready is not told, so from the first loss on each is taken for the subscriber's.
  let lost = false;
  cluster
    .on('error', onError)
    .on('node-error', (error) => {
      lost = true;
      onError(error);
    })
    .on('node-disconnect', () => (lost = true))
    .on('sharded-channel-moved-error', onError)
    .on('node-ready', () => {
      onConnect();
      if (lost) onBack();
    });
  return {
    connect: () => cluster.connect(),
    send: (key, command) => cluster.sendCommand(key, false, command),
    subscribe: (name, listener) => cluster.sSubscribe(name, listener),
    unsubscribe: (name, listener) => cluster.sUnsubscribe(name, listener),
    clients: () =>
      cluster.masters
        .flatMap(({ client, pubSub }) => [client, pubSub?.client])
        .filter((client) => client !== undefined),
    destroy: () => {
      if (cluster.isOpen) cluster.destroy();
    },
  };
}

/** Rejects when the promise has not settled in time; what becomes of it later is of no interest. */
export async function within<Value>(ms: number, promise: Promise<Value>): Promise<Value> {
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      // The answer may have come while this process was busy: what is there to be read is read first.
      setImmediate(() => reject(new RedisDeadlineError(`redis did not answer within ${ms} ms`)));
    }, ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
