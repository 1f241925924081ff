/**
 * What the server counts, in Prometheus' text format. Counting is adding to a number: it happens for every delivery, the
 * export only when somebody asks. Each process has a registry of its own, and every series carries its node's name, so
 * that processes sharing a port, of which a scrape reaches any one, do not mix.
 */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Broker } from './broker/broker.ts';
import type { Calls, Health } from './health.ts';

/** What can be seen by looking, at the time of a scrape. */
export interface Sample {
  users: number;
  channels: number;
  subscriptions: number;
  /** Bytes that clients have not taken in yet: of the slowest one, and of all together. */
  queuedBytesMax: number;
  queuedBytesSum: number;
}

/** How a client that came back with a position was served. */
export type Recovery = 'recovered' | 'lost';

/** Seconds: what a user does not notice, up to what nobody waits for. */
const LATENCY_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Values of one label that get a series; what comes beyond, from a mistake or a mischief, is counted together. */
const LABEL_VALUES_MAX = 64;
const OTHER = 'other';
/** The event loop's delay is looked at this often, in milliseconds. */
const LOOP_RESOLUTION_MS = 10;
const NANOSECONDS = 1e9;
const MICROSECONDS = 1e6;
const NOTHING: Sample = { users: 0, channels: 0, subscriptions: 0, queuedBytesMax: 0, queuedBytesSum: 0 };

/** Counts by the value of one label. */
class Tally {
  readonly #counts = new Map<string, number>();

  add(value: string | number, count = 1): void {
    const key = String(value);
    const known = this.#counts.get(key);
    if (known !== undefined) this.#counts.set(key, known + count);
    else if (this.#counts.size < LABEL_VALUES_MAX) this.#counts.set(key, count);
    else this.#counts.set(OTHER, (this.#counts.get(OTHER) ?? 0) + count);
  }

  entries(): Iterable<[string, number]> {
    return this.#counts;
  }
}

/** The metrics of one process; its disposal ends the watch on the event loop. */
export class Metrics implements Disposable {
  readonly #registry = new Registry();
  readonly #loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  readonly #latency: Histogram;
  #utilization = performance.eventLoopUtilization();
  #sample: () => Sample = () => NOTHING;
  /** As of the scrape under way. */
  #sampled = NOTHING;

  readonly #opened = new Tally();
  readonly #closed = new Tally();
  readonly #commands = new Tally();
  readonly #disconnects = new Tally();
  readonly #unsubscribes = new Tally();
  readonly #errors = new Tally();
  readonly #recoveries = new Tally();
  readonly #verdicts = new Tally();
  readonly #brokerOperations = new Tally();
  readonly #brokerErrors = new Tally();
  readonly #adminRequests = new Tally();
  readonly #events = new Tally();
  #delivered = 0;
  #bytes = 0;
  #historyHits = 0;
  #historyMisses = 0;

  /** `node` names the process in every series. */
  constructor({ node }: { node: string }) {
    this.#registry.setDefaultLabels({ node });
    this.#loop.enable();
    this.#latency = new Histogram({
      name: 'realtime_publish_to_deliver_seconds',
      help: 'From the event to the write to the sockets, once for each publication and flush.',
      buckets: LATENCY_BUCKETS,
      registers: [this.#registry],
    });
    this.#exportConnections();
    this.#exportTraffic();
    this.#exportProcess();
  }

  /** Says how to look at what is held now; asked once for each scrape, so it may walk all connections. */
  sampleWith(sample: () => Sample): void {
    this.#sample = sample;
  }

  /** Exports what is known of the dependencies; to be called once. */
  exportHealth(health: Pick<Health, 'report'>): void {
    const help = 'Whether a dependency answers: 1, or 0 as long as something speaks against it.';
    this.#gauge('realtime_dependency_up', help, 'dependency', () => {
      const conditions = Object.entries(health.report().dependencies);
      return new Map(conditions.map(([name, condition]) => [name, condition === 'ok' ? 1 : 0]));
    });
  }

  /** A client's connection was opened. */
  opened(transport: string): void {
    this.#opened.add(transport);
  }

  /** It is gone; to be called once for each that was opened. */
  closed(transport: string): void {
    this.#closed.add(transport);
  }

  /** A client's command came. */
  command(method: string): void {
    this.#commands.add(method);
  }

  /** So many publications were written, each counted for every subscriber. */
  delivered(publications: number): void {
    this.#delivered += publications;
  }

  /** So many bytes were handed to sockets. */
  sent(bytes: number): void {
    this.#bytes += bytes;
  }

  /** How long a publication took from its event to the write; to be called once for each flush, not for each subscriber. */
  latency(seconds: number): void {
    // Clocks of two machines differ by a little: an event from the future was quick.
    if (Number.isFinite(seconds)) this.#latency.observe(Math.max(0, seconds));
  }

  /** The server ended a connection. */
  disconnected(code: number): void {
    this.#disconnects.add(code);
  }

  /** The server ended a subscription. */
  unsubscribed(code: number): void {
    this.#unsubscribes.add(code);
  }

  /** A command was answered with an error. */
  errored(code: number): void {
    this.#errors.add(code);
  }

  recovery(result: Recovery): void {
    this.#recoveries.add(result);
  }

  /** A history was read: from the node's own cache, or, a miss, from the broker. */
  historyRead(hit: boolean): void {
    if (hit) this.#historyHits += 1;
    else this.#historyMisses += 1;
  }

  /** Whether somebody may hear a channel was answered: from this node's memory, by what the nodes know, or by the authority. */
  verdict(from: 'memory' | 'nodes' | 'authority'): void {
    this.#verdicts.add(from);
  }

  /** The broker was asked for something. */
  brokerOperation(operation: string): void {
    this.#brokerOperations.add(operation);
  }

  /** It could not be had; to be called beside `brokerOperation`. */
  brokerError(operation: string): void {
    this.#brokerErrors.add(operation);
  }

  /** A request to the admin API was answered; `code` is the error's, 0 when there was none. */
  adminRequest(code: number): void {
    this.#adminRequests.add(code);
  }

  /** What became of an event from Pub/Sub; one is received and acknowledged, and a duplicate where it was known already. */
  event(what: 'received' | 'acknowledged' | 'duplicate' | 'rejected'): void {
    this.#events.add(what);
  }

  /** Of what `render` gives. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything, in Prometheus' text format. */
  render(): Promise<string> {
    this.#sampled = this.#sample();
    return this.#registry.metrics();
  }

  [Symbol.dispose](): void {
    this.#loop.disable();
  }

  #exportConnections(): void {
    const [opened, closed] = [this.#opened, this.#closed];
    this.#tally('realtime_connections_opened_total', 'Connections that were opened.', 'transport', opened);
    this.#gauge('realtime_connections', 'Connections open now.', 'transport', () => {
      const open = new Map(opened.entries());
      for (const [transport, count] of closed.entries()) open.set(transport, (open.get(transport) ?? 0) - count);
      return open;
    });
    this.#gauge('realtime_users', 'Users with a connection.', undefined, () => this.#sampled.users);
    this.#gauge('realtime_channels', 'Channels with a subscriber.', undefined, () => this.#sampled.channels);
    this.#gauge('realtime_subscriptions', 'Subscriptions open now.', undefined, () => this.#sampled.subscriptions);
    this.#gauge('realtime_queued_bytes', 'Bytes that clients have not taken in yet.', 'of', () => {
      const { queuedBytesMax, queuedBytesSum } = this.#sampled;
      return new Map([
        ['slowest', queuedBytesMax],
        ['all', queuedBytesSum],
      ]);
    });
  }

  #exportTraffic(): void {
    this.#tally('realtime_commands_total', 'Commands of clients.', 'method', this.#commands);
    this.#count('realtime_delivered_total', 'Publications written, for each subscriber.', () => this.#delivered);
    this.#count('realtime_sent_bytes_total', 'Bytes handed to sockets.', () => this.#bytes);
    this.#tally('realtime_disconnects_total', 'Connections the server ended.', 'code', this.#disconnects);
    this.#tally('realtime_unsubscribes_total', 'Subscriptions the server ended.', 'code', this.#unsubscribes);
    this.#tally('realtime_errors_total', 'Commands answered with an error.', 'code', this.#errors);
    this.#tally('realtime_recoveries_total', 'Clients that came back with a position.', 'result', this.#recoveries);
    this.#count('realtime_history_hits_total', 'Histories read from the cache.', () => this.#historyHits);
    this.#count('realtime_history_misses_total', 'Histories read from the broker.', () => this.#historyMisses);
    this.#tally('realtime_verdicts_total', 'Answers to who may hear a channel.', 'from', this.#verdicts);
    this.#tally('realtime_broker_operations_total', 'Calls to the broker.', 'operation', this.#brokerOperations);
    this.#tally('realtime_broker_errors_total', 'Calls to the broker that failed.', 'operation', this.#brokerErrors);
    this.#tally('realtime_admin_requests_total', 'Requests to the admin API, by error.', 'code', this.#adminRequests);
    this.#tally('realtime_events_total', 'Events from Pub/Sub.', 'what', this.#events);
  }

  /** Under the names that dashboards for Node.js know. */
  #exportProcess(): void {
    this.#gauge('nodejs_eventloop_lag_seconds', 'Delay of the event loop since the last scrape.', 'quantile', () => {
      const seconds = (nanoseconds: number) => (Number.isFinite(nanoseconds) ? nanoseconds / NANOSECONDS : 0);
      const lag = new Map([
        ['0.5', seconds(this.#loop.percentile(50))],
        ['0.99', seconds(this.#loop.percentile(99))],
        ['1', seconds(this.#loop.max)],
      ]);
      this.#loop.reset();
      return lag;
    });
    this.#gauge('nodejs_eventloop_utilization', 'Share of time busy since the last scrape.', undefined, () => {
      const since = this.#utilization;
      this.#utilization = performance.eventLoopUtilization();
      return performance.eventLoopUtilization(this.#utilization, since).utilization;
    });
    this.#gauge('process_memory_bytes', 'Memory of the process.', 'kind', () => {
      const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
      return new Map(Object.entries({ rss, heap_used: heapUsed, external, array_buffers: arrayBuffers }));
    });
    this.#count('process_cpu_seconds_total', 'Processor time used.', () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / MICROSECONDS;
    });
    this.#gauge('process_uptime_seconds', 'Time since the start.', undefined, () => process.uptime());
  }

  #tally(name: string, help: string, label: string, tally: Tally): void {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [value, count] of tally.entries()) this.inc({ [label]: value }, count);
      },
    });
  }

  #count(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  #gauge(name: string, help: string, label: string | undefined, read: () => number | Map<string, number>): void {
    new Gauge({
      name,
      help,
      labelNames: label ? [label] : [],
      registers: [this.#registry],
      collect() {
        const values = read();
        if (typeof values === 'number') this.set(values);
        else for (const [value, number] of values) this.set({ [label ?? OTHER]: value }, number);
      },
    });
  }
}

/**
 * A broker whose calls are counted, and whose failures count against its health. It hands out the promises of the one
 * within, so that nothing comes a turn later for being counted.
 */
export function countedBroker(
  broker: Broker,
  metrics: Pick<Metrics, 'brokerOperation' | 'brokerError'>,
  calls: Pick<Calls, 'failed'>,
): Broker {
  const counted = <Result>(operation: string, result: Promise<Result>): Promise<Result> => {
    metrics.brokerOperation(operation);
    // One that hangs fails by the broker's own deadline; to follow each would cost more than the count.
    result.catch(() => {
      metrics.brokerError(operation);
      calls.failed();
    });
    return result;
  };
  return {
    start: (events) => counted('start', broker.start(events)),
    subscribe: (channel) => counted('subscribe', broker.subscribe(channel)),
    unsubscribe: (channel) => counted('unsubscribe', broker.unsubscribe(channel)),
    publish: (channel, data, options) => counted('publish', broker.publish(channel, data, options)),
    publishJoin: (channel, info) => counted('publish_join', broker.publishJoin(channel, info)),
    publishLeave: (channel, info) => counted('publish_leave', broker.publishLeave(channel, info)),
    history: (channel, query) => counted('history', broker.history(channel, query)),
    removeHistory: (channel) => counted('remove_history', broker.removeHistory(channel)),
    control: (message) => counted('control', broker.control(message)),
    [Symbol.asyncDispose]: () => Promise.resolve(broker[Symbol.asyncDispose]()),
  };
}
