/**
 * Centrifugo's codes, with Centrifugo's meanings (centrifugal/centrifuge, errors.go, disconnect.go, unsubscribe.go): the
 * stock clients act on them. The ones that this server sends.
 */
export const ERRORS = {
  internal: { code: 100, message: 'internal server error', temporary: true },
  unauthorized: { code: 101, message: 'unauthorized' },
  unknownChannel: { code: 102, message: 'unknown channel' },
  permissionDenied: { code: 103, message: 'permission denied' },
  methodNotFound: { code: 104, message: 'method not found' },
  alreadySubscribed: { code: 105, message: 'already subscribed' },
  limitExceeded: { code: 106, message: 'limit exceeded' },
  badRequest: { code: 107, message: 'bad request' },
  notAvailable: { code: 108, message: 'not available' },
  tokenExpired: { code: 109, message: 'token expired' },
  tooManyRequests: { code: 111, message: 'too many requests', temporary: true },
  unrecoverablePosition: { code: 112, message: 'unrecoverable position' },
} as const;

export interface Disconnect {
  code: number;
  reason: string;
}

/** Below 3500 a client reconnects by itself; from 3500 on it does not. */
export const DISCONNECTS = {
  shutdown: { code: 3001, reason: 'shutdown' },
  serverError: { code: 3004, reason: 'internal server error' },
  expired: { code: 3005, reason: 'connection expired' },
  slow: { code: 3008, reason: 'slow' },
  /** A channel that the server subscribed the client to went on without it: on its return it learns what it missed. */
  insufficientState: { code: 3010, reason: 'insufficient state' },
  noPong: { code: 3012, reason: 'no pong' },
  tooManyRequests: { code: 3013, reason: 'too many requests' },
  invalidToken: { code: 3500, reason: 'invalid token' },
  badRequest: { code: 3501, reason: 'bad request' },
  stale: { code: 3502, reason: 'stale' },
  /** The account is shut out. */
  forced: { code: 3503, reason: 'force disconnect' },
  connectionLimit: { code: 3504, reason: 'connection limit' },
} as const satisfies Record<string, Disconnect>;

export interface Unsubscribe {
  code: number;
  reason: string;
}

/** How the server ends one subscription. Below 2500 a client does not subscribe again by itself; from 2500 on it does. */
export const UNSUBSCRIBES = {
  permissionDenied: { code: 2000, reason: 'permission denied' },
  /** Whether the channel may still be heard could not be found out: the client asks, and recovers what it missed. */
  insufficientState: { code: 2500, reason: 'insufficient state' },
} as const satisfies Record<string, Unsubscribe>;

export type ErrorReply = (typeof ERRORS)[keyof typeof ERRORS];
