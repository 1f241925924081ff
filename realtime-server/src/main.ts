/**
 * The realtime server as a process: reads the environment, puts the parts together, stops on SIGTERM. With WORKERS above
 * one, this process only starts so many others, which share the port, and ends with them.
 */
import cluster from 'node:cluster';
import { PubSub } from '@google-cloud/pubsub';
import { initializeApp } from 'firebase-admin/app';
import { getAuth } from 'firebase-admin/auth';
import { getFirestore } from 'firebase-admin/firestore';
import { DISCONNECTS, userChannel } from '@playnite/contracts/realtime';
import { pino } from 'pino';
import { DEFAULT_ADMISSION_LIMITS } from './admission.ts';
import { firebaseAuthenticate, firebaseStandings } from './authenticate.ts';
import { firestoreAuthorize, needsLookUp } from './authorize.ts';
import { MemoryBroker } from './broker/memory-broker.ts';
import { RedisBroker } from './broker/redis-broker.ts';
import { platformChannels } from './channel-options.ts';
import { type Config, readConfig } from './config.ts';
import { Health } from './health.ts';
import { ingestLiveEvents } from './ingest.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { MemoryPresence } from './presence/memory-presence.ts';
import { RedisPresence } from './presence/redis-presence.ts';
import { openRedis } from './redis.ts';
import { RedisVerdicts } from './redis-verdicts.ts';
import { VERSION, createRealtimeServer } from './server.ts';
import { followSuspensions } from './suspensions.ts';
import { keepWorkers } from './workers.ts';

const config = readConfig(process.env);
const log = pino({ level: config.logLevel, base: { node: config.nodeName } });

// A library that forgets a promise is not worth everybody's connection.
process.on('unhandledRejection', (reason) => log.error({ err: String(reason) }, 'unhandled rejection'));

/** Where publications, presence and, for several nodes, verdicts are kept, and what closes them. */
async function openStores({ redis }: Config) {
  if (!redis) return { broker: new MemoryBroker(), presence: new MemoryPresence(), close: async () => undefined };
  const connection = await openRedis({ ...redis, log });
  return {
    broker: new RedisBroker(connection, redis),
    presence: new RedisPresence(connection, redis),
    verdicts: new RedisVerdicts(connection, { ...redis, needsLookUp }),
    close: () => connection[Symbol.asyncDispose](),
  };
}

async function serve(): Promise<void> {
  const app = initializeApp({ projectId: config.projectId });
  const auth = getAuth(app);
  const stores = await openStores(config);
  const health = new Health();
  // Whoever is shut out at the start has no connection yet.
  let shutOut: (uid: string) => void = () => undefined;
  const suspensions = await followSuspensions(getFirestore(app), { onSuspended: (uid) => shutOut(uid), log });
  const server = createRealtimeServer({
    broker: stores.broker,
    presence: stores.presence,
    ...(stores.verdicts ? { verdicts: stores.verdicts } : {}),
    authority: {
      authenticate: firebaseAuthenticate(auth, (uid) => suspensions.has(uid)),
      authorize: firestoreAuthorize({ origin: config.firestoreOrigin, projectId: config.projectId }),
      standings: firebaseStandings(auth),
      ownChannels: ({ uid }) => [userChannel(uid)],
    },
    health,
    optionsOf: platformChannels,
    limits: DEFAULT_LIMITS,
    admission: {
      ...DEFAULT_ADMISSION_LIMITS,
      connectionsMax: config.connectionsMax,
      perAddressMax: config.connectionsPerAddressMax,
      perUserMax: config.connectionsPerUserMax,
      trustProxyHops: config.trustProxyHops,
    },
    allowedOrigins: config.allowedOrigins,
    admin: { keys: config.adminApiKeys, metrics: config.metrics },
    now: Date.now,
    log,
    version: VERSION,
    name: config.nodeName,
  });
  shutOut = (uid) => server.node.disconnectUser({ user: uid }, DISCONNECTS.forced);
  const port = await server.listen(config.host, config.port);
  const ingestion = await ingestLiveEvents(new PubSub({ projectId: config.projectId }), {
    subscriptionName: config.liveSubscription,
    publish: (routed) => server.publish(routed),
    recheck: (uid) => server.node.recheck(uid),
    metrics: server.node.metrics,
    calls: health.of('events'),
    log,
  });
  server.setReady(true);
  log.info({ host: config.host, port, redis: config.redis !== undefined }, 'ready');

  onStop(async () => {
    server.setReady(false);
    // What has been taken is published; what comes now is for the next one.
    await ingestion[Symbol.asyncDispose]();
    await server.drain(config.drainMs);
    await server[Symbol.asyncDispose]();
    suspensions[Symbol.dispose]();
    await stores.close();
  });
}

function onStop(stop: () => Promise<void>): void {
  let stopping = false;
  const begin = async (signal: NodeJS.Signals) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    await stop();
    // The Pub/Sub client keeps idle channels that would hold the process.
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void begin(signal));
}

if (config.workers > 1 && cluster.isPrimary) keepWorkers(config.workers, log);
else await serve();
