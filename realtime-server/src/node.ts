import { randomUUID } from 'node:crypto';
import { DISCONNECTS, type Disconnect, UNSUBSCRIBES } from '@playnite/contracts/realtime';
import type { Logger } from 'pino';
import type { Admission } from './admission.ts';
import { Cluster, type Counts, type Ending, type LocalNode, type Target } from './admin/cluster.ts';
import type { Authority } from './authority.ts';
import type { SharedVerdicts } from './authorize.ts';
import type { Broker, BrokerEvents, Publication, PublishOptions, Published, StreamPosition } from './broker/broker.ts';
import type { ChannelOptions, OptionsOf } from './channel-options.ts';
import { Client } from './client.ts';
import { Conflater } from './conflater.ts';
import { Hub } from './hub.ts';
import type { Limits } from './limits.ts';
import type { Metrics, Sample } from './metrics.ts';
import type { PresenceStore } from './presence/presence.ts';
import { Rights } from './rights.ts';
import type { Routed } from './routes.ts';
import type { EmulationRequest } from './transport/http-stream.ts';
import type { Transport, TransportEvents } from './transport/transport.ts';

/** How often connections are looked at for what is due: pings, pongs, tokens. */
const TICK_MS = 100;
/** How often channels on which nothing was heard are compared with the broker. */
const COMPARE_EVERY_MS = 1_000;
/** Clients are sent away in so many lots over the time that draining may take. */
const DRAIN_LOTS = 50;
/** Who has a command under way when it is its turn to go is waited for so long, though not longer than draining may take. */
const ANSWER_WITHIN_MS = 2_000;

export interface NodeOptions {
  broker: Broker;
  presence: PresenceStore;
  authority: Authority;
  /** Where there are several nodes. */
  verdicts?: SharedVerdicts;
  optionsOf: OptionsOf;
  limits: Limits;
  admission: Pick<Admission, 'admitUser' | 'releaseUser'>;
  metrics: Metrics;
  /** Epoch milliseconds. */
  now: () => number;
  log: Logger;
  /** What clients are told that they talk to. */
  version: string;
  /** Names the process in logs and to operators. */
  name: string;
}

/** One process of the live stream: its connections and channels, and what it has in common with the others. */
export class Node implements LocalNode, BrokerEvents, AsyncDisposable {
  readonly nodeId = randomUUID();
  readonly hub: Hub;
  readonly rights: Rights;
  readonly cluster: Cluster;
  readonly broker: Broker;
  readonly presence: PresenceStore;
  readonly authority: Authority;
  readonly optionsOf: OptionsOf;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly now: () => number;
  readonly log: Logger;
  readonly version: string;
  readonly #admission: NodeOptions['admission'];
  readonly #verdicts: NodeOptions['verdicts'];
  readonly #clients = new Set<Client>();
  /** Those whose commands come apart, by session. */
  readonly #sessions = new Map<string, Client>();
  /** Users that were counted against their limit, by connection. */
  readonly #admitted = new Map<Client, string>();
  readonly #conflater: Conflater;
  readonly #timers: NodeJS.Timeout[];
  /** Data of a publication of this turn, from which its age is told when the turn's are written. */
  #sampled: string | undefined;
  #isComparing = false;
  readonly #published = ({ suppressed }: Published): void => {
    if (suppressed) this.metrics.event('duplicate');
  };

  constructor(options: NodeOptions) {
    const { broker, limits, metrics, now, log, version, name } = options;
    this.broker = broker;
    this.presence = options.presence;
    this.authority = options.authority;
    this.optionsOf = options.optionsOf;
    this.limits = limits;
    this.metrics = metrics;
    this.now = now;
    this.log = log;
    this.version = version;
    this.#admission = options.admission;
    this.#verdicts = options.verdicts;
    this.#conflater = new Conflater(limits.conflateMs);
    this.rights = new Rights({ ...options, flush: () => this.hub.flush() });
    this.hub = new Hub({
      ...options,
      rights: this.rights,
      cache: (outcome) => metrics.historyRead(outcome === 'hit'),
      delivered: (count) => this.#delivered(count),
      lost: (channel) => {
        for (const [subscriber] of channel.subscribers)
          if (subscriber instanceof Client) subscriber.revoke(channel.name, UNSUBSCRIBES.insufficientState);
      },
    });
    this.cluster = new Cluster({ nodeId: this.nodeId, name, version, broker, now, log, local: this });
    this.#timers = [
      setInterval(() => this.#tick(), TICK_MS),
      setInterval(() => this.#compare(), COMPARE_EVERY_MS),
      setInterval(() => this.#renewPresence(), limits.presenceRenewEveryMs),
    ];
    metrics.sampleWith(() => this.#sample());
  }

  /** Begins to hear the broker. @throws {Error} when it cannot be reached */
  async start(): Promise<void> {
    await this.broker.start(this);
    this.cluster.start();
  }

  /** A client has connected. */
  connect(transport: Transport): TransportEvents {
    return new Client(transport, this);
  }

  enter(client: Client): void {
    this.#clients.add(client);
    if (client.session !== undefined) this.#sessions.set(client.session, client);
  }

  forget(client: Client): void {
    this.#clients.delete(client);
    if (client.session !== undefined) this.#sessions.delete(client.session);
    const user = this.#admitted.get(client);
    this.#admitted.delete(client);
    if (user !== undefined) this.#admission.releaseUser(user);
  }

  /** Counts a connection against its user's limit; false when that is reached. */
  admitUser(client: Client, user: string): boolean {
    if (user === '') return true;
    if (client.isClosed || !this.#admission.admitUser(user)) return false;
    this.#admitted.set(client, user);
    return true;
  }

  /**
   * Puts publications into their channels' streams, from where every node takes them.
   *
   * @throws {Error} when one could not be put there: nothing may be acknowledged. Those that could are not put there again
   */
  async publish(publications: readonly Routed[]): Promise<void> {
    const [first] = publications;
    // Most events concern one channel, and a promise of all is three more.
    if (first && publications.length === 1) await this.#publish(first);
    else await Promise.all(publications.map((each) => this.#publish(each)));
  }

  #publish(routed: Routed): Promise<void> {
    const { channel, state } = routed;
    const options = this.hub.get(channel)?.options ?? this.optionsOf(channel);
    if (!options) {
      this.log.error({ channel, code: 'unknown-channel' }, 'publication to a channel that there is not');
      return Promise.resolve();
    }
    if (!state) return this.#put(routed, options);
    return this.#conflater.publish(`${channel} ${state.key}`, state.number, () => this.#put(routed, options));
  }

  #put({ channel, publication, rights, audience, state }: Routed, options: ChannelOptions): Promise<void> {
    const put: PublishOptions = { id: publication.id };
    if (options.history) put.history = options.history;
    if (options.delta) put.delta = options.delta;
    if (rights) put.rights = rights;
    if (audience !== undefined) put.audience = audience;
    if (state) put.version = state;
    return this.broker.publish(channel, JSON.stringify(publication), put).then(this.#published);
  }

  /** @inheritdoc */
  onPublication(channel: string, publication: Publication, position: StreamPosition): void {
    this.#sampled ??= publication.data;
    this.hub.receive(channel, publication, position);
  }

  /** @inheritdoc */
  onJoin(channel: string, join: Parameters<BrokerEvents['onJoin']>[1]): void {
    this.hub.get(channel)?.announce({ join });
  }

  /** @inheritdoc */
  onLeave(channel: string, leave: Parameters<BrokerEvents['onLeave']>[1]): void {
    this.hub.get(channel)?.announce({ leave });
  }

  /** @inheritdoc */
  onControl(message: string): void {
    this.cluster.receive(message);
  }

  /** @inheritdoc */
  onResume(channels: readonly string[]): void {
    void this.hub.resume(channels);
  }

  /** @inheritdoc */
  disconnectUser(target: Target, disconnect: Ending, except: readonly string[] = []): void {
    for (const client of this.#of(target)) if (!except.includes(client.clientId)) client.disconnect(disconnect);
  }

  /** @inheritdoc */
  unsubscribeUser(target: Target, channel: string, unsubscribe: Ending): void {
    for (const client of this.#of(target))
      for (const name of channel === '' ? [...client.channels] : [channel]) client.revoke(name, unsubscribe);
  }

  /** @inheritdoc */
  subscribeUser(target: Target, channel: string): void {
    for (const client of this.#of(target)) client.subscribeByServer(channel);
  }

  /**
   * Has it asked again, on every node, whether a user may hear what it is subscribed to, or was.
   *
   * @throws {Error} when not all could be told: it is to be tried again
   */
  async recheck(user: string): Promise<void> {
    // First: a node that has been told must find nothing noted that is from before.
    await this.#verdicts?.forgetUser(user);
    await this.cluster.recheck(user);
  }

  /** @inheritdoc */
  recheckUser(user: string): void {
    this.rights.forgetUser(user);
    for (const client of this.#of({ user })) this.rights.recheck(client);
  }

  /** @inheritdoc */
  channels(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { name, subscribers } of this.hub) if (subscribers.size > 0) counts.set(name, subscribers.size);
    return counts;
  }

  /** @inheritdoc */
  counts(): Counts {
    let subscriptions = 0;
    for (const { subscribers } of this.hub) subscriptions += subscribers.size;
    return { clients: this.#clients.size, users: this.#userCount(), channels: this.hub.size, subscriptions };
  }

  /** @inheritdoc */
  emulate(session: string, data: Buffer): boolean {
    const client = this.#sessions.get(session);
    client?.onMessage(data);
    return client !== undefined;
  }

  /** Takes a command that came apart from its connection, which may be on another node. */
  emulateAnywhere({ node, session, data }: EmulationRequest): Promise<boolean> | boolean {
    return node === '' || node === this.nodeId
      ? this.emulate(session, data)
      : this.cluster.emulate(node, session, data);
  }

  get connections(): number {
    return this.#clients.size;
  }

  /** Sends every client away, in lots over the time, so that they do not all come back somewhere else at once. */
  async drain(withinMs: number, disconnect: Disconnect = DISCONNECTS.shutdown): Promise<void> {
    const clients = [...this.#clients];
    const lot = Math.max(1, Math.ceil(clients.length / DRAIN_LOTS));
    const answerWithinMs = Math.min(withinMs, ANSWER_WITHIN_MS);
    const going: Promise<void>[] = [];
    for (let at = 0; at < clients.length; at += lot) {
      for (const client of clients.slice(at, at + lot))
        going.push(client.disconnectWhenAnswered(disconnect, answerWithinMs));
      if (at + lot < clients.length) await new Promise((resolve) => setTimeout(resolve, withinMs / DRAIN_LOTS));
    }
    await Promise.all(going);
    // Who came while the others went.
    for (const client of this.#clients) client.disconnect(disconnect);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.rights[Symbol.dispose]();
    await this.drain(0);
    await this.cluster[Symbol.asyncDispose]();
    await this.presence[Symbol.asyncDispose]();
    await this.broker[Symbol.asyncDispose]();
  }

  *#of({ user, client, session }: Target): Generator<Client> {
    for (const each of this.#clients) {
      const isMeant =
        each.identity?.uid === user &&
        (client === undefined || each.clientId === client) &&
        (session === undefined || each.session === session);
      if (isMeant) yield each;
    }
  }

  #tick(): void {
    const now = this.now();
    for (const client of this.#clients) client.tick(now);
  }

  #compare(): void {
    if (this.#isComparing) return;
    this.#isComparing = true;
    void this.hub.compareQuiet().finally(() => (this.#isComparing = false));
  }

  #renewPresence(): void {
    for (const client of this.#clients) client.renewPresence();
  }

  #delivered(count: number): void {
    this.metrics.delivered(count);
    const at = this.#sampled === undefined ? undefined : AT.exec(this.#sampled.slice(0, AT_WITHIN))?.[1];
    this.#sampled = undefined;
    if (at !== undefined) this.metrics.latency((this.now() - Date.parse(at)) / 1000);
  }

  #userCount(): number {
    return new Set(Array.from(this.#clients, ({ identity }) => identity?.uid ?? '')).size;
  }

  #sample(): Sample {
    let [queuedBytesMax, queuedBytesSum] = [0, 0];
    for (const { queuedBytes } of this.#clients) {
      queuedBytesSum += queuedBytes;
      queuedBytesMax = Math.max(queuedBytesMax, queuedBytes);
    }
    const { users, channels, subscriptions } = this.counts();
    return { users, channels, subscriptions, queuedBytesMax, queuedBytesSum };
  }
}

/** Where the envelope of a publication says when its event was. */
const AT = /"at":"([^"]+)"/;
const AT_WITHIN = 300;
