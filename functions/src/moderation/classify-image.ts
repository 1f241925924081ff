import type { Scores } from '@playnite/contracts/documents';
import type { GoogleAuth } from 'google-auth-library';
import { transient } from '../platform/errors.ts';

/**
 * Scores of one picture by label (`image-explicit`, `image-suggestive`, `image-violence`); a label that a classifier
 * knows nothing of is left out. Takes an encoded image that has been checked to decode within limits.
 *
 * @throws when the classifier cannot be reached or loaded; never because of what the picture shows
 */
export type ClassifyImage = (image: Buffer) => Promise<Scores>;

/** Side of the square that NSFWJS' MobileNetV2 looks at. */
const SIDE = 224;

/**
 * NSFWJS' MobileNetV2, which ships inside its package and needs no network, on TensorFlow.js' WebAssembly backend. The
 * model is loaded once a process. Source of the classes: github.com/infinitered/nsfwjs.
 */
export function nsfwjsClassifier(): ClassifyImage {
  let loading: ReturnType<typeof loadModel> | undefined;
  return async (image) => {
    loading ??= loadModel();
    // A load that failed is tried anew by whoever comes next.
    loading.catch(() => (loading = undefined));
    const [{ tf, model }, { default: sharp }] = await Promise.all([loading, import('sharp')]);
    const pixels = await sharp(image)
      .autoOrient()
      .resize(SIDE, SIDE, { fit: 'fill' })
      .flatten({ background: 'white' })
      .toColourspace('srgb')
      .raw()
      .toBuffer();
    const input = tf.tensor3d(pixels, [SIDE, SIDE, 3], 'int32');
    try {
      const classes = await model.classify(input);
      const of = (...names: string[]) =>
        round(classes.reduce((sum, each) => sum + (names.includes(each.className) ? each.probability : 0), 0));
      return { 'image-explicit': of('Porn', 'Hentai'), 'image-suggestive': of('Sexy') };
    } finally {
      input.dispose();
    }
  };
}

async function loadModel() {
  const [tf, wasm, nsfwjs, { MobileNetV2Model }, { createRequire }, path] = await Promise.all([
    import('@tensorflow/tfjs'),
    import('@tensorflow/tfjs-backend-wasm'),
    import('nsfwjs/core'),
    import('nsfwjs/models/mobilenet_v2'),
    import('node:module'),
    import('node:path'),
  ]);
  const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(`${path.dirname(entry)}/`);
  await tf.setBackend('wasm');
  const model = await nsfwjs.load('MobileNetV2', { modelDefinitions: [MobileNetV2Model] });
  return { tf, model };
}

/** Scores are kept to three places: more is noise. */
const round = (score: number): number => Math.min(1, Math.round(score * 1000) / 1000);

/** Longer side of what is sent to Vision, which needs no more than 640 x 480 for SafeSearch. */
const VISION_SIDE = 800;
const VISION_DEADLINE_MS = 10_000;
/**
 * Vision's likelihoods as scores, evenly spread; `UNKNOWN` is none, and its label is left out.
 * Source: cloud.google.com/vision/docs/reference/rest/v1/Likelihood
 */
const LIKELIHOODS: ReadonlyMap<string, number> = new Map([
  ['VERY_UNLIKELY', 0],
  ['UNLIKELY', 0.25],
  ['POSSIBLE', 0.5],
  ['LIKELY', 0.75],
  ['VERY_LIKELY', 1],
]);

/** Makes a signed-in request, as google-auth-library's client does. */
export type AuthorizedFetch = (url: string, init: RequestInit) => Promise<Response>;

/**
 * Google Cloud Vision's SafeSearch. What goes wrong there may pass, so its errors are transient.
 *
 * The classifier throws `classifier-unavailable` for an answer that is an error or not to be understood, and what
 * `request` throws when there is none.
 */
export function visionClassifier(
  request: AuthorizedFetch,
  endpoint = 'https://vision.googleapis.com',
  deadlineMs = VISION_DEADLINE_MS,
): ClassifyImage {
  return async (image) => {
    const [{ default: sharp }, { z }] = await Promise.all([import('sharp'), import('zod')]);
    const answer = z.object({
      responses: z.tuple([
        z.object({
          safeSearchAnnotation: z.object({ adult: z.string(), racy: z.string(), violence: z.string() }),
        }),
      ]),
    });
    const small = await sharp(image)
      .autoOrient()
      .resize(VISION_SIDE, VISION_SIDE, { fit: 'inside', withoutEnlargement: true })
      .flatten({ background: 'white' })
      .jpeg()
      .toBuffer();
    const response = await request(`${endpoint}/v1/images:annotate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        requests: [{ image: { content: small.toString('base64') }, features: [{ type: 'SAFE_SEARCH_DETECTION' }] }],
      }),
      signal: AbortSignal.timeout(deadlineMs),
    });
    if (!response.ok) throw transient('classifier-unavailable', `Vision answered ${response.status}`);
    const parsed = answer.safeParse(await response.json());
    if (!parsed.success) throw transient('classifier-unavailable', 'Vision answered no annotation', parsed.error);
    const [{ safeSearchAnnotation: found }] = parsed.data.responses;
    const score = (label: string, likelihood: string): Scores => {
      const known = LIKELIHOODS.get(likelihood);
      return known === undefined ? {} : { [label]: known };
    };
    return {
      ...score('image-explicit', found.adult),
      ...score('image-suggestive', found.racy),
      ...score('image-violence', found.violence),
    };
  };
}

/** The classifier that the configuration names. */
export function chooseClassifier(name: 'nsfwjs' | 'vision'): ClassifyImage {
  return name === 'vision' ? visionClassifier(authorizedFetch()) : nsfwjsClassifier();
}

/** Signed in as the function's own service account. */
function authorizedFetch(): AuthorizedFetch {
  let client: GoogleAuth | undefined;
  return async (url, init) => {
    const library = await import('google-auth-library');
    client ??= new library.GoogleAuth({ scopes: ['https://www.googleapis.com/auth/cloud-vision'] });
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${(await client.getAccessToken()) ?? ''}`);
    return fetch(url, { ...init, headers });
  };
}
