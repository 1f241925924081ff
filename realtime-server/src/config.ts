import { z } from 'zod';

const environment = z.object({
  HOST: z.string().default('0.0.0.0'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(8000),
  GCLOUD_PROJECT: z.string().min(1),
  FIRESTORE_EMULATOR_HOST: z.string().optional(),
  /** Names this deployment's subscription to the live topic: two deployments each hear everything. */
  LIVE_SUBSCRIPTION: z.string().min(3).default('realtime-server'),
  /** Origins of web pages that may connect, separated by commas; empty allows any. Apps send none and are let in. */
  ALLOWED_ORIGINS: z.string().default(''),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
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
}

/**
 * Reads the process environment once.
 *
 * @throws {Error} when it is incomplete, or names an emulator outside a demo project: an emulator accepts forged tokens
 */
export function readConfig(env: Record<string, string | undefined>): Config {
  const parsed = environment.parse(env);
  const emulator = Object.keys(env).find((name) => name.endsWith('_EMULATOR_HOST') && env[name]);
  if (emulator && !parsed.GCLOUD_PROJECT.startsWith('demo-')) {
    throw new Error(`${emulator} is set, but ${parsed.GCLOUD_PROJECT} is not a demo- project: refusing to start`);
  }
  return {
    host: parsed.HOST,
    port: parsed.PORT,
    projectId: parsed.GCLOUD_PROJECT,
    firestoreOrigin: parsed.FIRESTORE_EMULATOR_HOST
      ? `http://${parsed.FIRESTORE_EMULATOR_HOST}`
      : 'https://firestore.googleapis.com',
    liveSubscription: parsed.LIVE_SUBSCRIPTION,
    allowedOrigins: parsed.ALLOWED_ORIGINS.split(',').filter(Boolean),
    logLevel: parsed.LOG_LEVEL,
  };
}
