/** What the environment says. Every variable stands here, with what it means and what holds without it. */
import { hostname } from 'node:os';
import { z } from 'zod';

/** Shorter ones can be guessed by trying. */
const ADMIN_KEY_LENGTH_MIN = 16;
/** Rotation needs two; more are a mistake. */
const ADMIN_KEYS_MAX = 16;
const WORKERS_MAX = 64;
/** What Cloud Run gives a container between SIGTERM and SIGKILL is 10 s; what drains longer is killed amid it. */
const DRAIN_MS_MAX = 300_000;

const positive = z.coerce.number().int().min(1);
const isTrue = z.enum(['true', 'false']).transform((word) => word === 'true');
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean),
);

const environment = z.object({
  HOST: z.string().default('0.0.0.0'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(8000),
  GCLOUD_PROJECT: z.string({ error: 'must be set' }),
  FIRESTORE_EMULATOR_HOST: z.string().optional(),
  /** Names this deployment's subscription to the live topic: two deployments each hear everything. */
  LIVE_SUBSCRIPTION: z.string().min(3).default('realtime-server'),
  /** Origins of web pages that may connect, separated by commas; empty allows any. Apps send none and are let in. */
  ALLOWED_ORIGINS: list.default([]),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  /** Names this node in logs, metrics and to the others. Among several WORKERS, each adds its process id. */
  NODE_NAME: z.string().min(1).max(128).optional(),
  /** redis://… or rediss://… (TLS). Without it history, presence and publications stay within this one process. */
  REDIS_URL: z.url({ protocol: /^rediss?$/, error: 'must be a redis:// or rediss:// address' }).optional(),
  /** The address is of one node of a Redis Cluster. */
  REDIS_CLUSTER: isTrue.default(false),
  /** Before all keys and channels in Redis: deployments that share one are apart. */
  REDIS_PREFIX: z
    .string()
    .max(64)
    .regex(/^[^{}]+$/, 'has no braces: they have a meaning in a Redis Cluster')
    .default('playnite'),
  /** Keys of the admin API, separated by commas; several while one is replaced by another. Without any there is no API. */
  ADMIN_API_KEYS: list
    .pipe(
      z
        .array(z.string().min(ADMIN_KEY_LENGTH_MIN, `each key needs ${ADMIN_KEY_LENGTH_MIN} characters or more`))
        .max(ADMIN_KEYS_MAX),
    )
    .default([]),
  /** Proxies in front that each add an address to X-Forwarded-For; 0 believes the socket alone. Cloud Run is 1. */
  TRUST_PROXY_HOPS: z.coerce.number().int().min(0).max(16).default(0),
  /** Connections of one process, of one address, and of one user. */
  CONNECTIONS_MAX: positive.default(15_000),
  CONNECTIONS_PER_ADDRESS_MAX: positive.default(1_000),
  CONNECTIONS_PER_USER_MAX: positive.default(32),
  /** Processes that share the port, one for each core at the most. */
  WORKERS: positive.max(WORKERS_MAX).default(1),
  /** How long clients are sent away over when the server stops, so that they do not all come back at once. */
  DRAIN_MS: z.coerce.number().int().min(0).max(DRAIN_MS_MAX).default(5_000),
});

export interface Config {
  host: string;
  port: number;
  projectId: string;
  /** Of Firestore's REST API. */
  firestoreOrigin: string;
  liveSubscription: string;
  allowedOrigins: readonly string[];
  logLevel: z.infer<typeof environment>['LOG_LEVEL'];
  nodeName: string;
  /** Undefined: the broker and the presence of one process, in memory. */
  redis: { url: string; cluster: boolean; prefix: string } | undefined;
  /** None: there is no admin API. */
  adminApiKeys: readonly string[];
  /** Who may read /metrics: whoever has an admin key, anybody, or nobody. */
  metrics: 'with-key' | 'open' | 'closed';
  trustProxyHops: number;
  connectionsMax: number;
  connectionsPerAddressMax: number;
  connectionsPerUserMax: number;
  workers: number;
  drainMs: number;
}

/**
 * Reads the process environment once. /metrics tells numbers only, but how many are connected is nobody else's business:
 * it asks for an admin key where there is one, and without one is there in a demo project alone.
 *
 * @throws {Error} in words for whoever deploys: what is missing, malformed or contradictory, all of it at once. An
 *   emulator outside a demo project is refused, since emulators accept forged tokens
 */
export function readConfig(env: Record<string, string | undefined>): Config {
  // Deployment tools set what they have no value for to the empty string.
  const result = environment.safeParse(Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')));
  if (!result.success) {
    const faults = result.error.issues.map(({ path, message }) => `${String(path[0])}: ${message}`);
    throw new Error(`the environment is not right: ${faults.join('; ')}`);
  }
  const parsed = result.data;
  const faults = contradictions(parsed, env);
  if (faults.length > 0) throw new Error(`${faults.join('; ')}: refusing to start`);
  const isDemo = parsed.GCLOUD_PROJECT.startsWith('demo-');
  return {
    host: parsed.HOST,
    port: parsed.PORT,
    projectId: parsed.GCLOUD_PROJECT,
    firestoreOrigin: parsed.FIRESTORE_EMULATOR_HOST
      ? `http://${parsed.FIRESTORE_EMULATOR_HOST}`
      : 'https://firestore.googleapis.com',
    liveSubscription: parsed.LIVE_SUBSCRIPTION,
    allowedOrigins: parsed.ALLOWED_ORIGINS,
    logLevel: parsed.LOG_LEVEL,
    nodeName:
      parsed.NODE_NAME && parsed.WORKERS === 1 ? parsed.NODE_NAME : `${parsed.NODE_NAME ?? hostname()}-${process.pid}`,
    redis: parsed.REDIS_URL
      ? { url: parsed.REDIS_URL, cluster: parsed.REDIS_CLUSTER, prefix: parsed.REDIS_PREFIX }
      : undefined,
    adminApiKeys: parsed.ADMIN_API_KEYS,
    metrics: parsed.ADMIN_API_KEYS.length > 0 ? 'with-key' : isDemo ? 'open' : 'closed',
    trustProxyHops: parsed.TRUST_PROXY_HOPS,
    connectionsMax: parsed.CONNECTIONS_MAX,
    connectionsPerAddressMax: parsed.CONNECTIONS_PER_ADDRESS_MAX,
    connectionsPerUserMax: parsed.CONNECTIONS_PER_USER_MAX,
    workers: parsed.WORKERS,
    drainMs: parsed.DRAIN_MS,
  };
}

/** What is well-formed by itself, but not together. */
function contradictions(
  parsed: z.infer<typeof environment>,
  env: Record<string, string | undefined>,
): readonly string[] {
  const faults: string[] = [];
  const emulator = Object.keys(env).find((name) => name.endsWith('_EMULATOR_HOST') && env[name]);
  if (emulator && !parsed.GCLOUD_PROJECT.startsWith('demo-')) {
    faults.push(`${emulator} is set, but ${parsed.GCLOUD_PROJECT} is not a demo- project`);
  }
  if (parsed.WORKERS > 1 && !parsed.REDIS_URL) {
    faults.push(`WORKERS is ${parsed.WORKERS}, but without REDIS_URL processes do not hear of each other`);
  }
  if (parsed.REDIS_CLUSTER && !parsed.REDIS_URL) faults.push('REDIS_CLUSTER is true, but REDIS_URL is not set');
  if (parsed.CONNECTIONS_PER_USER_MAX > parsed.CONNECTIONS_MAX) {
    faults.push('CONNECTIONS_PER_USER_MAX is more than CONNECTIONS_MAX');
  }
  return faults;
}
