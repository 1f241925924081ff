/** The realtime server as a process: reads the environment, puts the parts together, stops on SIGTERM. */
import { PubSub } from '@google-cloud/pubsub';
import { initializeApp } from 'firebase-admin/app';
import { getAuth } from 'firebase-admin/auth';
import { pino } from 'pino';
import { firebaseAuthenticate } from './authenticate.ts';
import { firestoreAuthorize } from './authorize.ts';
import { MemoryBroker } from './broker/memory-broker.ts';
import { readConfig } from './config.ts';
import { ingestLiveEvents } from './ingest.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { createRealtimeServer } from './server.ts';

const config = readConfig(process.env);
const log = pino({ level: config.logLevel });
const now = Date.now;

const server = createRealtimeServer({
  broker: new MemoryBroker(DEFAULT_LIMITS, now),
  authenticate: firebaseAuthenticate(getAuth(initializeApp({ projectId: config.projectId }))),
  authorize: firestoreAuthorize({ origin: config.firestoreOrigin, projectId: config.projectId }),
  limits: DEFAULT_LIMITS,
  allowedOrigins: config.allowedOrigins,
  now,
  log,
  version: '0.1.0',
});

const port = await server.listen(config.host, config.port);
const ingestion = await ingestLiveEvents(new PubSub({ projectId: config.projectId }), {
  subscriptionName: config.liveSubscription,
  publish: (routed) => server.publish(routed),
  log,
});
server.setReady(true);
log.info({ host: config.host, port }, 'ready');

let stopping = false;
async function stop(signal: NodeJS.Signals): Promise<void> {
  if (stopping) return;
  stopping = true;
  log.info({ signal }, 'stopping');
  await server[Symbol.asyncDispose]();
  await ingestion[Symbol.asyncDispose]();
  // The Pub/Sub client keeps idle channels that would hold the process.
  process.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop(signal));
