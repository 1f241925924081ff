/**
 * What carries publications from whoever publishes to every node that has subscribers, and remembers the newest of them.
 *
 * Order and completeness: within a channel, offsets grow by one from publication to publication of an epoch; a node gets
 * them in that order, but may get one twice or miss some (a connection to the broker was cut). It can tell by the offset,
 * and read what is missing from the history.
 */

/** Where a reader of a channel stands. The epoch changes when a stream is lost, and offsets of another epoch mean nothing. */
export interface StreamPosition {
  offset: number;
  epoch: string;
}

/** Who is connected, as others may see it. */
export interface ClientInfo {
  user: string;
  client: string;
}

/**
 * The event may mean that subscribers lost the right to the channel. They are asked about again `before` they hear it,
 * because it carries what only some may read, or `after`, because it is how they learn what happened.
 */
export type RightsChange = 'before' | 'after';

export interface Publication {
  /** Zero in a channel without history. */
  offset: number;
  /** The JSON text of the publication's data; encoded once, whoever reads it. */
  data: string;
  /** Who published, when that was a client. */
  info?: ClientInfo;
  tags?: Record<string, string>;
  rights?: RightsChange;
  /** Subscribers that asked for it may be sent the difference to the publication before. */
  delta?: true;
}

/** How much of a channel is kept, and for how long after it came. */
export interface HistoryOptions {
  size: number;
  ttlMs: number;
}

export interface PublishOptions extends Omit<Publication, 'offset' | 'data'> {
  /** Without it nothing is kept, and the publication has no offset. */
  history?: HistoryOptions;
  /** Idempotency key: of several publications of one id in a channel, the first counts, at least within IDEMPOTENCY_TTL_MS. */
  id?: string;
  /** Of a state that is published as a whole: what is not newer than the last of this key in the channel is suppressed. */
  version?: { key: string; number: number };
  /**
   * Who may read what is published from here on. When it differs from that of the publications before, those leave the
   * history: what was said to few must not be recovered by many.
   */
  audience?: string;
}

export interface Published {
  /** Of the publication; of the first of its id when it is a duplicate; the newest when its version is too old. */
  position: StreamPosition;
  suppressed?: 'duplicate' | 'version';
}

export interface HistoryQuery {
  /** What came after this; left out, everything that is kept. */
  since?: StreamPosition;
  /** At most so many publications, the oldest first; `0` asks for the position alone. */
  limit: number;
  /** The newest first; with `since`, what came before it. */
  reverse?: boolean;
  /** The channel's, so that the position of one that nobody wrote to yet lives as long as its history would. */
  history: HistoryOptions;
}

export interface History {
  publications: Publication[];
  /** The newest position. */
  position: StreamPosition;
  /** Whether everything since the position asked for was kept. If not, `publications` is empty. A limit cuts, and changes nothing here. */
  complete: boolean;
}

/** What a broker tells its node. Calls come in the order of the channel, and none may throw. */
export interface BrokerEvents {
  onPublication(channel: string, publication: Publication, position: StreamPosition): void;
  onJoin(channel: string, info: ClientInfo): void;
  onLeave(channel: string, info: ClientInfo): void;
  /** Something that a node told all nodes, this one included. */
  onControl(message: string): void;
  /** Publications of the channels may have been missed: the connection was lost and is back. */
  onResume(channels: readonly string[]): void;
}

/**
 * How long a publication's id is remembered, unless more come than a broker keeps; Pub/Sub redelivers what is not acknowledged
 * for far less time in practice.
 */
export const IDEMPOTENCY_TTL_MS = 10 * 60_000;

/** Methods reject with an error when the broker cannot be reached within its deadline; nothing is queued for later. */
export interface Broker extends AsyncDisposable {
  /** Begins to tell; to be called once, before anything else. */
  start(events: BrokerEvents): Promise<void>;
  /** From its resolution on, publications of the channel arrive; one that does so before may arrive too. */
  subscribe(channel: string): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  /** Resolved: the publication is in the history (where there is one) and on its way to every node. */
  publish(channel: string, data: string, options: PublishOptions): Promise<Published>;
  publishJoin(channel: string, info: ClientInfo): Promise<void>;
  publishLeave(channel: string, info: ClientInfo): Promise<void>;
  history(channel: string, query: HistoryQuery): Promise<History>;
  removeHistory(channel: string): Promise<void>;
  /** Tells every node something, this one included. */
  control(message: string): Promise<void>;
}
