import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import sharp from 'sharp';
import { z } from 'zod';
import {
  type AuthorizedFetch,
  nsfwjsClassifier,
  visionClassifier,
} from '../../../functions/src/moderation/classify-image.ts';
import { classify as classifyError } from '../../../functions/src/platform/errors.ts';
import { photo } from '../../support/files.ts';
import { provesClassifier } from '../../suites/classify-image.ts';

/** Far more than loading and running the model takes. */
const GENEROUS_MS = 30_000;
const DEADLINE_MS = 300;
/** This file's own variants, in the suite's thousand. */
const VARIANTS = 20_500;

const annotateRequest = z.strictObject({
  requests: z.tuple([
    z.strictObject({
      image: z.strictObject({ content: z.base64() }),
      features: z.tuple([z.strictObject({ type: z.literal('SAFE_SEARCH_DETECTION') })]),
    }),
  ]),
});

const annotated = (adult: string, racy: string, violence: string) => ({
  responses: [{ safeSearchAnnotation: { adult, racy, violence, spoof: 'UNLIKELY', medical: 'UNLIKELY' } }],
});

/** A server that speaks Vision's JSON: what has come to it, and what it answers, if it answers. */
class Oracle {
  readonly #server: Server;
  answer: { status: number; body: string } | 'nothing' | 'hangs-up' = { status: 200, body: '' };
  seen: { path: string; authorization: string | undefined; image: Buffer }[] = [];

  constructor() {
    this.#server = createServer((request, response) => {
      this.#take(request, response).catch((error: unknown) => response.writeHead(400).end(String(error)));
    });
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { requests } = annotateRequest.parse(await json(request));
    this.seen.push({
      path: `${request.method} ${request.url}`,
      authorization: request.headers.authorization,
      image: Buffer.from(requests[0].image.content, 'base64'),
    });
    if (this.answer === 'nothing') return;
    if (this.answer === 'hangs-up') request.socket.destroy();
    else response.writeHead(this.answer.status, { 'content-type': 'application/json' }).end(this.answer.body);
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve));
  }

  get endpoint(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server is not listening');
    return `http://127.0.0.1:${address.port}`;
  }

  says(body: unknown, status = 200): void {
    this.answer = { status, body: typeof body === 'string' ? body : JSON.stringify(body) };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => void this.#server.close(resolve));
  }
}

/** NSFWJS tells the console of each model that it loads. */
const info = jest.spyOn(console, 'info').mockReturnValue();
const oracle = new Oracle();
beforeAll(() => oracle.listen());
afterAll(() => oracle.close());
beforeEach(() => {
  oracle.seen = [];
  oracle.says(annotated('UNLIKELY', 'POSSIBLE', 'VERY_UNLIKELY'));
});

const signedIn: AuthorizedFetch = (url, init) => {
  const headers = new Headers(init.headers);
  headers.set('authorization', 'Bearer of-the-function');
  return fetch(url, { ...init, headers });
};
const vision = () => visionClassifier(signedIn, oracle.endpoint, DEADLINE_MS);
const picture = () => photo({ variant: VARIANTS });

provesClassifier('NSFWJS', nsfwjsClassifier);
provesClassifier('Vision', () => visionClassifier(signedIn, oracle.endpoint));

describe('nsfwjsClassifier', () => {
  test('finds soft patches of colour harmless, and knows nothing of violence', async () => {
    const scores = await nsfwjsClassifier()(await picture());
    expect(scores['image-explicit']).toBeLessThan(0.6);
    expect(scores['image-suggestive']).toBeLessThan(0.6);
    expect(scores).not.toHaveProperty('image-violence');
  });

  test('loads its model once, and only when a picture comes, however many come at first', async () => {
    info.mockClear();
    const classify = nsfwjsClassifier();
    expect(info).not.toHaveBeenCalled();
    await Promise.all(Array.from({ length: 8 }, async (_, nth) => classify(await photo({ variant: VARIANTS + nth }))));
    expect(info).toHaveBeenCalledTimes(1);
  });

  test('keeps nothing of a picture that it has looked at', async () => {
    const classify = nsfwjsClassifier();
    await classify(await picture());
    const { memory } = await import('@tensorflow/tfjs');
    const before = memory().numTensors;
    for (let nth = 0; nth < 5; nth += 1) await classify(await photo({ variant: VARIANTS + nth }));
    await expect(classify(Buffer.from('no picture'))).rejects.toThrow('unsupported image format');
    expect(memory().numTensors).toBe(before);
  });
});

describe('visionClassifier', () => {
  test.each([
    ['VERY_UNLIKELY', 0],
    ['UNLIKELY', 0.25],
    ['POSSIBLE', 0.5],
    ['LIKELY', 0.75],
    ['VERY_LIKELY', 1],
  ])('reads %s as %d', async (likelihood, score) => {
    oracle.says(annotated(likelihood, likelihood, likelihood));
    const expected = { 'image-explicit': score, 'image-suggestive': score, 'image-violence': score };
    await expect(vision()(await picture())).resolves.toEqual(expected);
  });

  test('takes adult for explicit, racy for suggestive and violence for violence, and leaves out what is unknown', async () => {
    oracle.says(annotated('VERY_LIKELY', 'UNLIKELY', 'POSSIBLE'));
    const expected = { 'image-explicit': 1, 'image-suggestive': 0.25, 'image-violence': 0.5 };
    await expect(vision()(await picture())).resolves.toEqual(expected);
    oracle.says(annotated('UNKNOWN', 'LIKELY', 'constructor'));
    await expect(vision()(await picture())).resolves.toEqual({ 'image-suggestive': 0.75 });
  });

  test('asks once a picture, signed in by what it was given', async () => {
    await vision()(await picture());
    expect(oracle.seen).toMatchObject([{ path: 'POST /v1/images:annotate', authorization: 'Bearer of-the-function' }]);
  });

  test.each([
    ['a large picture', 3000, 1000, 800, 267],
    ['a high one', 100, 4000, 20, 800],
    ['a small one', 120, 90, 120, 90],
  ])('sends of %s a JPEG of at most 800 pixels a side', async (_, width, height, sentWidth, sentHeight) => {
    await vision()(await photo({ variant: VARIANTS + 1, width, height }));
    const { format, width: across, height: down } = await sharp(oracle.seen[0]?.image).metadata();
    expect({ format, across, down }).toEqual({ format: 'jpeg', across: sentWidth, down: sentHeight });
  });

  test('sends nothing but the picture: neither place nor camera', async () => {
    const withPlace = await sharp(await picture())
      .withExif({ IFD0: { Make: 'Acme' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '48/1 51/1 30/1' } })
      .jpeg()
      .toBuffer();
    await vision()(withPlace);
    const { exif, xmp, iptc } = await sharp(oracle.seen[0]?.image).metadata();
    expect({ exif, xmp, iptc }).toEqual({});
  });

  test('shows a transparent picture on white, as it shows to people on a page', async () => {
    const nothing = { r: 0, g: 0, b: 0, alpha: 0 };
    await vision()(
      await sharp({ create: { width: 9, height: 9, channels: 4, background: nothing } })
        .png()
        .toBuffer(),
    );
    const { channels } = await sharp(oracle.seen[0]?.image).stats();
    expect(channels.map(({ mean }) => mean)).toEqual([255, 255, 255]);
  });

  test.each([
    ['may not ask', 403, { error: { code: 403, status: 'PERMISSION_DENIED' } }],
    ['asks too often', 429, { error: { code: 429 } }],
    ['meets an error', 500, 'oops'],
  ])('throws what may pass when it %s', async (_, status, body) => {
    oracle.says(body, status);
    await expect(vision()(await picture())).rejects.toMatchObject({
      code: 'classifier-unavailable',
      retryable: true,
      message: `Vision answered ${status}`,
    });
  });

  test.each([
    ['no JSON', '<!doctype html>'],
    ['a word', '"fine"'],
    ['no responses', {}],
    ['no response', { responses: [] }],
    ['an error for the picture', { responses: [{ error: { code: 14, message: 'try again' } }] }],
    ['half an annotation', { responses: [{ safeSearchAnnotation: { adult: 'LIKELY' } }] }],
    ['numbers', { responses: [{ safeSearchAnnotation: { adult: 5, racy: 5, violence: 5 } }] }],
    ['an answer too many', { responses: [...annotated('LIKELY', 'LIKELY', 'LIKELY').responses, {}] }],
  ])('throws what may pass at %s', async (_, body) => {
    oracle.says(body);
    const thrown: unknown = await vision()(await picture()).catch((error: unknown) => error);
    expect(classifyError(thrown)).toMatchObject({ retryable: true });
  });

  test('gives up on a Vision that never answers, and on one that hangs up', async () => {
    oracle.answer = 'nothing';
    const started = performance.now();
    await expect(vision()(await picture())).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(performance.now() - started).toBeLessThan(GENEROUS_MS);
    oracle.answer = 'hangs-up';
    await expect(vision()(await picture())).rejects.toThrow('fetch failed');
    oracle.says(annotated('UNLIKELY', 'UNLIKELY', 'UNLIKELY'));
    await expect(vision()(await picture())).resolves.toHaveProperty('image-explicit', 0.25);
  });

  test('asks nothing when the picture cannot be read', async () => {
    await expect(vision()(Buffer.from('no picture'))).rejects.toThrow('unsupported image format');
    expect(oracle.seen).toEqual([]);
  });
});
