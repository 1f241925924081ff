/** Who a client is, and what it may hear: what the server asks, whoever answers. */

/** Whom a token speaks for. */
export interface Identity {
  /** Empty for somebody who did not say. */
  uid: string;
  /** Of the token, epoch milliseconds; Infinity for one that does not expire. */
  expiresAt: number;
  /** The token itself: what the user may read is asked in the user's name. */
  token: string;
  /** When the user signed in, epoch milliseconds; a later revocation makes the token invalid. */
  signedInAt: number;
  /** The role that the token claims. */
  role?: string;
  /** The account has that role no longer; the rules would believe the token until it expires. */
  demoted: boolean;
}

/** `barred`: the token is good, but the account is shut out. */
export type Verdict = Identity | 'expired' | 'invalid' | 'barred';
/** @throws {Error} when it cannot be found out now */
export type Authenticate = (token: string) => Promise<Verdict>;

/** `open`: every user may, whatever changes; there is no need to ask again. */
export type Permission = 'allowed' | 'open' | 'denied' | 'unknown-channel';
/** @throws {Error} when it cannot be found out now */
export type Authorize = (identity: Identity, channel: string) => Promise<Permission>;

/** How an account stands now. One that is gone or disabled has no standing. */
export interface Standing {
  role?: string;
  /** Tokens of sign-ins before this are revoked; epoch milliseconds. */
  signedInSince: number;
}

/** Accounts whose standing is asked about in one call: what Firebase Auth answers at once. */
export const ACCOUNTS_AT_ONCE = 100;

export interface Authority {
  authenticate: Authenticate;
  authorize: Authorize;
  /** The standing of at most ACCOUNTS_AT_ONCE accounts; absent where accounts do not change. */
  standings?: (uids: readonly string[]) => Promise<ReadonlyMap<string, Standing>>;
  /** The channels that the server subscribes a user to on connecting. */
  ownChannels: (identity: Identity) => readonly string[];
}
