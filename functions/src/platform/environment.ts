import { z } from 'zod';
import { permanent } from './errors.ts';

/** Projects whose id begins so never touch the real cloud. */
const DEMO_PREFIX = 'demo-';

const firebaseConfig = z.object({ projectId: z.string().min(1), storageBucket: z.string().min(1) });

export interface Environment {
  projectId: string;
  bucket: string;
  /** Origin of the Firebase Storage REST API, without a trailing slash. */
  storageOrigin: string;
  /** Where the links of shares lead, without a trailing slash: what `social-open` answers to, by itself or behind another name. */
  publicUrl: string;
  /** Origin of the app that shows a content, without a trailing slash. */
  appUrl: string;
  /** Which classifier looks at pictures. */
  imageClassifier: 'nsfwjs' | 'vision';
  /** The two programs that read videos, as found on PATH unless named otherwise. */
  videoTools: { ffmpeg: string; ffprobe: string };
  /** Set when what calls cost is to be logged (`METER=true`, see meter.ts): the name to log it under, this function's. */
  meteredAs?: string;
}

/**
 * Reads the process environment once.
 *
 * Refuses an emulator's address outside a demo project: against an emulator, forged tokens are accepted, so a
 * stray variable in production would open every door.
 *
 * @throws {PlatformError} `emulator-outside-demo`, `environment-incomplete`
 */
export function readEnvironment(env: Record<string, string | undefined>): Environment {
  let config: z.infer<typeof firebaseConfig>;
  try {
    config = firebaseConfig.parse(JSON.parse(env['FIREBASE_CONFIG'] ?? ''));
  } catch (error) {
    throw permanent('environment-incomplete', 'FIREBASE_CONFIG must hold projectId and storageBucket as JSON', error);
  }
  const emulator = Object.keys(env).find((name) => name.endsWith('_EMULATOR_HOST') && env[name]);
  if (emulator && !config.projectId.startsWith(DEMO_PREFIX)) {
    throw permanent(
      'emulator-outside-demo',
      `${emulator} is set, but ${config.projectId} is not a ${DEMO_PREFIX} project: refusing to start`,
    );
  }
  const classifier = z.enum(['nsfwjs', 'vision']).safeParse(env['IMAGE_CLASSIFIER'] ?? 'nsfwjs');
  if (!classifier.success) {
    throw permanent('environment-incomplete', 'IMAGE_CLASSIFIER must be nsfwjs or vision', classifier.error);
  }
  const storageHost = env['FIREBASE_STORAGE_EMULATOR_HOST'];
  return {
    projectId: config.projectId,
    bucket: config.storageBucket,
    storageOrigin: storageHost ? `http://${storageHost}` : 'https://firebasestorage.googleapis.com',
    publicUrl: originIn(env, 'PUBLIC_URL', `https://us-central1-${config.projectId}.cloudfunctions.net/social-open`),
    appUrl: originIn(env, 'APP_URL', `https://${config.projectId}.web.app`),
    imageClassifier: classifier.data,
    videoTools: { ffmpeg: env['FFMPEG_PATH'] || 'ffmpeg', ffprobe: env['FFPROBE_PATH'] || 'ffprobe' },
    ...(env['METER'] === 'true' ? { meteredAs: env['K_SERVICE'] ?? 'unknown' } : {}),
  };
}

/** @throws {PlatformError} `environment-incomplete` for an address that is no web page's */
function originIn(env: Record<string, string | undefined>, name: string, otherwise: string): string {
  const url = z.url({ protocol: /^https?$/ }).safeParse(env[name] || otherwise);
  if (!url.success) throw permanent('environment-incomplete', `${name} must be an http or https address`, url.error);
  return url.data.replace(/\/+$/, '');
}
