import { PRESENCE_RENEW_EVERY_MS } from './presence/presence.ts';

/** What one server and one connection may use; each is a parameter, so that a test can make it small. */
export interface Limits {
  /** Bytes of one WebSocket message from a client. */
  messageBytesMax: number;
  /** Channels of one connection, those that the server subscribed included. */
  channelsMax: number;
  /** Bytes waiting for one slow reader; at this many it is disconnected with `slow`, and recovers when it returns. */
  queueBytesMax: number;
  /** Commands of one connection in a second. */
  commandsPerSecondMax: number;
  /** How long a connection may stay without a token. */
  authenticateWithinMs: number;
  /** How often the server pings, and how long it waits for the pong. */
  pingEveryMs: number;
  pongWithinMs: number;
  /** How long a connection may go on with an expired token while its client fetches a new one. */
  expiredGraceMs: number;
  /** How often each open subscription is asked about again, and the account behind each connection looked at again. */
  recheckEveryMs: number;
  reverifyEveryMs: number;
  /** Look-ups about subscriptions that one server begins in a second for that. */
  recheckPerSecondMax: number;
  /** How long a publication waits for the look-ups that it depends on; who is not cleared by then is unsubscribed. */
  recheckWithinMs: number;
  /** Publications of one channel that wait so; at one more, who is not cleared is unsubscribed at once. */
  heldMax: number;
  /** How long the body of a request may take to arrive. */
  bodyWithinMs: number;
  /** Of a channel that carries states as a whole, one goes out in this time, the newest. */
  conflateMs: number;
  /** How often a node renews its clients' presence; less than half of how long the store keeps an entry. */
  presenceRenewEveryMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  messageBytesMax: 64 * 1024,
  channelsMax: 128,
  queueBytesMax: 1024 * 1024,
  commandsPerSecondMax: 100,
  authenticateWithinMs: 10_000,
  pingEveryMs: 25_000,
  pongWithinMs: 8_000,
  expiredGraceMs: 25_000,
  recheckEveryMs: 20_000,
  reverifyEveryMs: 4_000,
  recheckPerSecondMax: 500,
  recheckWithinMs: 2_000,
  heldMax: 1_000,
  bodyWithinMs: 8_000,
  conflateMs: 250,
  presenceRenewEveryMs: PRESENCE_RENEW_EVERY_MS,
};
