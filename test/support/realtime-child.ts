/**
 * A realtime server as a process of its own, for tests that kill it. Its settings come as JSON in the first argument, what
 * it is to do as messages of its parent; it stops on SIGTERM as main.ts does, and ends with its parent.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DISCONNECTS } from '@playnite/contracts/realtime';
import { pino } from 'pino';
import { needsLookUp } from '../../realtime-server/src/authorize.ts';
import { RedisBroker } from '../../realtime-server/src/broker/redis-broker.ts';
import { RedisPresence } from '../../realtime-server/src/presence/redis-presence.ts';
import { openRedis } from '../../realtime-server/src/redis.ts';
import { RedisVerdicts } from '../../realtime-server/src/redis-verdicts.ts';
import type { ChildAnswer, ChildCommand, ChildSettings, ChildStatus } from './realtime-process.ts';
import { serveRealtime } from './realtime.ts';

const settings = JSON.parse(process.argv[2] ?? '{}') as ChildSettings;
const { redis, presenceTtlMs, authorizeAfterMs = 0, drainMs = 1_000, limits = {}, admission = {} } = settings;

let unhandled = 0;
process.on('unhandledRejection', () => (unhandled += 1));

/** Look-ups by user and channel. */
const lookups = new Map<string, number>();
const connection = redis && (await openRedis({ url: redis.url, log: pino({ level: 'silent' }) }));
const { server, port } = await serveRealtime({
  ...(connection && redis
    ? {
        broker: new RedisBroker(connection, redis),
        verdicts: new RedisVerdicts(connection, { ...redis, needsLookUp }),
        presence: new RedisPresence(connection, {
          ...redis,
          ...(presenceTtlMs === undefined ? {} : { ttlMs: presenceTtlMs }),
        }),
      }
    : {}),
  limits,
  admission,
  authority: {
    authorize: async (identity, channel) => {
      if (!needsLookUp(identity, channel)) return 'open';
      const key = `${identity.uid} ${channel}`;
      lookups.set(key, (lookups.get(key) ?? 0) + 1);
      if (authorizeAfterMs > 0) await sleep(authorizeAfterMs);
      return 'allowed';
    },
  },
});

function status(): ChildStatus {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  const { clients, subscriptions, channels } = server.node.counts();
  const counts = [...lookups.values()];
  return {
    rss,
    heapUsed,
    clients,
    subscriptions,
    channels,
    unhandled,
    lookups: counts.reduce((sum, count) => sum + count, 0),
    lookupsMax: Math.max(0, ...counts),
  };
}

async function obey(command: ChildCommand): Promise<unknown> {
  switch (command.do) {
    case 'publish':
      return await server.publish(command.publications);
    case 'disconnect':
      return server.node.disconnectUser({ user: command.user }, DISCONNECTS.serverError);
    case 'presence':
      return [...(await server.node.presence.get(command.channel)).values()];
    case 'status':
      return status();
  }
}

const answer = (message: ChildAnswer) => {
  if (process.connected) process.send?.(message);
};
process.on('message', (command: ChildCommand) => {
  obey(command).then(
    (value) => answer({ id: command.id, value }),
    (error: unknown) => answer({ id: command.id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(1));

let isStopping = false;
process.on('SIGTERM', () => {
  if (isStopping) return;
  isStopping = true;
  void (async () => {
    server.setReady(false);
    await server.drain(drainMs);
    await server[Symbol.asyncDispose]();
    await connection?.[Symbol.asyncDispose]();
    process.exit(0);
  })();
});
answer({ id: 0, value: port });
