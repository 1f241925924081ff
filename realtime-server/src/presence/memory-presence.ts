import type { ClientInfo } from '../broker/broker.ts';
import type { PresenceStats, PresenceStore } from './presence.ts';

interface Present {
  clients: Map<string, ClientInfo>;
  /** Clients of each user. */
  users: Map<string, number>;
}

/** The presence of a single node. Entries do not expire: who is here leaves through `remove`, or with the process. */
export class MemoryPresence implements PresenceStore {
  readonly #channels = new Map<string, Present>();

  async add(channel: string, info: ClientInfo): Promise<void> {
    this.#drop(channel, info.client);
    const present = this.#channels.get(channel) ?? { clients: new Map(), users: new Map() };
    this.#channels.set(channel, present);
    present.clients.set(info.client, info);
    present.users.set(info.user, (present.users.get(info.user) ?? 0) + 1);
  }

  async remove(channel: string, { client }: ClientInfo): Promise<void> {
    this.#drop(channel, client);
  }

  async get(channel: string): Promise<Map<string, ClientInfo>> {
    return new Map(this.#channels.get(channel)?.clients);
  }

  async stats(channel: string): Promise<PresenceStats> {
    const present = this.#channels.get(channel);
    return { clients: present?.clients.size ?? 0, users: present?.users.size ?? 0 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#channels.clear();
  }

  #drop(channel: string, client: string): void {
    const present = this.#channels.get(channel);
    const entered = present?.clients.get(client);
    if (!present || !entered) return;
    present.clients.delete(client);
    const others = (present.users.get(entered.user) ?? 0) - 1;
    if (others > 0) present.users.set(entered.user, others);
    else present.users.delete(entered.user);
    if (present.clients.size === 0) this.#channels.delete(channel);
  }
}
