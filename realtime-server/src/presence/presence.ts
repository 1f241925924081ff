import type { ClientInfo } from '../broker/broker.ts';

/** How long an entry lives that nobody renews: so long a client of a node that was killed is still shown. */
export const PRESENCE_TTL_MS = 60_000;
/** How often a node renews the entries of its clients. */
export const PRESENCE_RENEW_EVERY_MS = 25_000;

export interface PresenceStats {
  clients: number;
  users: number;
}

/** Who is subscribed to a channel, on every node. Methods reject when the store cannot be reached within its deadline. */
export interface PresenceStore extends AsyncDisposable {
  /** Enters a client, or renews its entry. */
  add(channel: string, info: ClientInfo): Promise<void>;
  remove(channel: string, info: ClientInfo): Promise<void>;
  /** By client id. */
  get(channel: string): Promise<Map<string, ClientInfo>>;
  stats(channel: string): Promise<PresenceStats>;
}
