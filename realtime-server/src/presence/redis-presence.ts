import { z } from 'zod';
import type { ClientInfo } from '../broker/broker.ts';
import type { Redis } from '../redis.ts';
import { keyBase, script } from '../redis-script.ts';
import { PRESENCE_TTL_MS, type PresenceStats, type PresenceStore } from './presence.ts';

interface RedisPresenceOptions {
  /** Nodes that share a prefix share their presence. Without braces. */
  prefix: string;
  /** In milliseconds; the nodes' clocks may differ by less than what PRESENCE_TTL_MS has in reserve. */
  now?: () => number;
  /** How long an entry lives that nobody renews; PRESENCE_TTL_MS if left out. */
  ttlMs?: number;
}

/**
 * KEYS of all scripts: `clients`, a hash from client to user; `expiry`, a sorted set of clients by when their entries end;
 * `users`, a hash from user to the number of clients. ARGV[1] is now. What has expired leaves before anything is read.
 */
const EXPIRE = `
local clients, expiry, users = KEYS[1], KEYS[2], KEYS[3]
local function leave(client)
  local user = redis.call('HGET', clients, client)
  if not user then return end
  redis.call('HDEL', clients, client)
  redis.call('ZREM', expiry, client)
  if redis.call('HINCRBY', users, user, -1) <= 0 then redis.call('HDEL', users, user) end
end
for _, client in ipairs(redis.call('ZRANGEBYSCORE', expiry, '-inf', ARGV[1])) do leave(client) end`;

const ADD = script(`${EXPIRE}
local client, user, ttl = ARGV[2], ARGV[3], ARGV[4]
if redis.call('HGET', clients, client) ~= user then
  leave(client)
  redis.call('HSET', clients, client, user)
  redis.call('HINCRBY', users, user, 1)
end
redis.call('ZADD', expiry, ARGV[1] + ttl, client)
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ttl) end
return 0`);

const REMOVE = script(`${EXPIRE}
leave(ARGV[2])
return 0`);

const GET = script(`${EXPIRE}
local reply = {}
for _, each in ipairs(redis.call('HGETALL', clients)) do reply[#reply + 1] = each end
return reply`);

const STATS = script(`${EXPIRE}
return { redis.call('HLEN', clients), redis.call('HLEN', users) }`);

const getReply = z.array(z.string());
const statsReply = z.tuple([z.number(), z.number()]);

/** The presence of many nodes. Whoever is not renewed for `ttlMs`, as the clients of a node that died, is gone. */
export class RedisPresence implements PresenceStore {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #now: () => number;
  readonly #ttlMs: number;

  constructor(redis: Redis, { prefix, now = Date.now, ttlMs = PRESENCE_TTL_MS }: RedisPresenceOptions) {
    if (/[{}]/.test(prefix)) throw new Error(`no prefix: ${prefix}`);
    this.#redis = redis;
    this.#prefix = prefix;
    this.#now = now;
    this.#ttlMs = ttlMs;
  }

  async add(channel: string, { client, user }: ClientInfo): Promise<void> {
    await this.#redis.run(ADD, this.#keys(channel), [`${this.#now()}`, client, user, `${this.#ttlMs}`]);
  }

  async remove(channel: string, { client }: ClientInfo): Promise<void> {
    await this.#redis.run(REMOVE, this.#keys(channel), [`${this.#now()}`, client]);
  }

  async get(channel: string): Promise<Map<string, ClientInfo>> {
    const flat = getReply.parse(await this.#redis.run(GET, this.#keys(channel), [`${this.#now()}`]));
    const present = new Map<string, ClientInfo>();
    for (let index = 0; index < flat.length; index += 2) {
      const [client = '', user = ''] = flat.slice(index, index + 2);
      present.set(client, { client, user });
    }
    return present;
  }

  async stats(channel: string): Promise<PresenceStats> {
    const reply = await this.#redis.run(STATS, this.#keys(channel), [`${this.#now()}`]);
    const [clients, users] = statsReply.parse(reply);
    return { clients, users };
  }

  /** The connection is its owner's to close, and the entries of this node's clients end by themselves. */
  async [Symbol.asyncDispose](): Promise<void> {}

  #keys(channel: string): [string, string, string] {
    const base = keyBase(this.#prefix, channel);
    return [`${base}:clients`, `${base}:expiry`, `${base}:users`];
  }
}
