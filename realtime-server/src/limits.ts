/** What one server and one connection may use; each is a parameter, so that a test can make it small. */
export interface Limits {
  /** Bytes of one WebSocket message from a client. */
  messageBytesMax: number;
  /** Channels of one connection, those that the server subscribed included. */
  channelsMax: number;
  /** Bytes waiting for one slow reader; at this many it is disconnected with `slow`, and recovers when it returns. */
  queueBytesMax: number;
  /** Connections that one server holds. */
  connectionsMax: number;
  /** Commands of one connection in a second. */
  commandsPerSecondMax: number;
  /** How long a connection may stay without a token. */
  authenticateWithinMs: number;
  /** How often the server pings, and how long it waits for the pong. */
  pingEveryMs: number;
  pongWithinMs: number;
  /** How long a connection may go on with an expired token while its client fetches a new one. */
  expiredGraceMs: number;
  /** How often each open subscription is asked about again, and each connection's token looked at again. */
  recheckEveryMs: number;
  reverifyEveryMs: number;
  /** Look-ups of each of the two that one server begins in a second for that. */
  recheckPerSecondMax: number;
  /** How long a publication waits for the look-ups that it depends on; who is not cleared by then is unsubscribed. */
  recheckWithinMs: number;
  /** Publications of one channel that wait so; at one more, who is not cleared is unsubscribed at once. */
  heldMax: number;
  /** Publications that a channel's history holds, and for how long. */
  historySize: number;
  historyTtlMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  messageBytesMax: 64 * 1024,
  channelsMax: 128,
  queueBytesMax: 1024 * 1024,
  connectionsMax: 15_000,
  commandsPerSecondMax: 100,
  authenticateWithinMs: 10_000,
  pingEveryMs: 25_000,
  pongWithinMs: 8_000,
  expiredGraceMs: 25_000,
  recheckEveryMs: 20_000,
  reverifyEveryMs: 30_000,
  recheckPerSecondMax: 500,
  recheckWithinMs: 2_000,
  heldMax: 1_000,
  historySize: 500,
  historyTtlMs: 5 * 60_000,
};
