import { describe, expect, jest, test } from '@jest/globals';
import { contentRemoved, parseEvent, socialFollowed } from '@playnite/contracts/events';
import { attempt, TRIES_MAX } from '../../../functions/src/platform/attempt.ts';
import { readEnvironment } from '../../../functions/src/platform/environment.ts';
import { classify, permanent, transient, withDeadline } from '../../../functions/src/platform/errors.ts';
import { eventOf } from '../../../functions/src/platform/publisher.ts';
import { wantsInApp } from '../../../functions/src/notification/notify.ts';

const at = new Date('2026-01-02T03:04:05.678Z');

describe('readEnvironment', () => {
  const config = (projectId: string) => ({
    FIREBASE_CONFIG: JSON.stringify({ projectId, storageBucket: `${projectId}.appspot.com` }),
  });

  test('reads a production environment', () => {
    expect(readEnvironment(config('playnite'))).toEqual({
      projectId: 'playnite',
      bucket: 'playnite.appspot.com',
      storageOrigin: 'https://firebasestorage.googleapis.com',
      publicUrl: 'https://us-central1-playnite.cloudfunctions.net/social-open',
      appUrl: 'https://playnite.web.app',
      imageClassifier: 'nsfwjs',
      videoTools: { ffmpeg: 'ffmpeg', ffprobe: 'ffprobe' },
    });
  });

  test('takes another classifier and other tools from the configuration, and refuses what it does not know', () => {
    const env = { ...config('playnite'), IMAGE_CLASSIFIER: 'vision', FFMPEG_PATH: '/opt/ffmpeg' };
    expect(readEnvironment(env)).toMatchObject({
      imageClassifier: 'vision',
      videoTools: { ffmpeg: '/opt/ffmpeg', ffprobe: 'ffprobe' },
    });
    const start = () => readEnvironment({ ...env, IMAGE_CLASSIFIER: 'oracle' });
    expect(start).toThrow(expect.objectContaining({ code: 'environment-incomplete' }));
  });

  test('takes the addresses of links and of the app, and refuses what is none', () => {
    const env = { ...config('playnite'), PUBLIC_URL: 'https://play.example/', APP_URL: 'https://app.example' };
    expect(readEnvironment(env)).toMatchObject({
      publicUrl: 'https://play.example',
      appUrl: 'https://app.example',
    });
    const start = () => readEnvironment({ ...env, PUBLIC_URL: 'javascript:alert(1)' });
    expect(start).toThrow(expect.objectContaining({ code: 'environment-incomplete' }));
  });

  test.each(['FIRESTORE_EMULATOR_HOST', 'FIREBASE_AUTH_EMULATOR_HOST', 'SOME_NEW_EMULATOR_HOST'])(
    'refuses to start with %s outside a demo project',
    (name) => {
      const start = () => readEnvironment({ ...config('playnite'), [name]: 'localhost:1' });
      expect(start).toThrow(expect.objectContaining({ code: 'emulator-outside-demo', retryable: false }));
      expect(() => readEnvironment({ ...config('demo-playnite'), [name]: 'localhost:1' })).not.toThrow();
    },
  );

  test.each([undefined, '', 'not json', '{}'])('refuses FIREBASE_CONFIG %p', (value) => {
    expect(() => readEnvironment(value === undefined ? {} : { FIREBASE_CONFIG: value })).toThrow(
      expect.objectContaining({ code: 'environment-incomplete' }),
    );
  });
});

describe('attempt', () => {
  const now = () => 0;

  test('tries again after a transient error', async () => {
    const work = jest.fn<() => Promise<string>>();
    work.mockRejectedValueOnce(transient('busy', 'busy')).mockResolvedValueOnce('done');
    await expect(attempt(work, now)).resolves.toBe('done');
    expect(work).toHaveBeenCalledTimes(2);
  });

  test('gives up at the bound', async () => {
    const work = jest.fn<() => Promise<string>>().mockRejectedValue(transient('busy', 'busy'));
    await expect(attempt(work, now)).rejects.toMatchObject({ code: 'busy' });
    expect(work).toHaveBeenCalledTimes(TRIES_MAX);
  });

  test('does not try again what no retry can help', async () => {
    const work = jest.fn<() => Promise<string>>().mockRejectedValue(permanent('bad', 'bad'));
    await expect(attempt(work, now)).rejects.toMatchObject({ code: 'bad' });
    expect(work).toHaveBeenCalledTimes(1);
  });
});

describe('classify', () => {
  test.each([
    ['a Firestore ABORTED', { code: 10, message: 'x' }, true, 'dependency-10'],
    ['a Firestore INVALID_ARGUMENT', { code: 3, message: 'x' }, false, 'grpc-3'],
    ['a broken connection', Object.assign(new Error('x'), { code: 'ECONNRESET' }), true, 'dependency-ECONNRESET'],
    ['a bug', new TypeError('x is not a function'), true, 'internal'],
  ])('%s', (_, error, retryable, code) => {
    expect(classify(error)).toMatchObject({ retryable, code });
  });

  test('a malformed event cannot be helped', () => {
    const parse = () =>
      parseEvent(socialFollowed, { id: 'x', name: 'social.followed', version: 1, at: at.toISOString(), data: {} });
    let thrown: unknown;
    try {
      parse();
    } catch (error) {
      thrown = error;
    }
    expect(classify(thrown)).toMatchObject({ retryable: false, code: 'malformed' });
  });
});

test('withDeadline ends a call that is never answered', async () => {
  await expect(withDeadline('nothing', new Promise(() => {}), 5)).rejects.toMatchObject({
    code: 'deadline-exceeded',
    retryable: true,
  });
});

describe('eventOf', () => {
  const removed = (contentId: string, cause = contentId) =>
    eventOf(contentRemoved, { cause, at, data: { contentId, ownerId: 'ann' } });

  test('names topics, key and a stable id', () => {
    const event = removed('up');
    expect(event.topics).toEqual(['content.removed', 'live']);
    expect(event.orderingKey).toBe('content:up');
    expect(event.envelope.id).toBe(removed('up').envelope.id);
    expect(event.envelope.id).not.toBe(removed('up', 'other').envelope.id);
    expect(parseEvent(contentRemoved, JSON.parse(JSON.stringify(event.envelope))).data.contentId).toBe('up');
  });

  test('refuses a payload that its definition does not know', () => {
    expect(() => removed('a/b')).toThrow('not a usable document id');
    expect(() => removed('\ud800')).toThrow('not a usable document id');
  });
});

describe('wantsInApp', () => {
  test.each([
    [undefined, true],
    [{}, true],
    [{ channels: { inApp: false } }, false],
    [{ channels: { inApp: false }, types: { 'new-content': { inApp: true } } }, true],
    [{ channels: { inApp: true }, types: { 'new-content': { inApp: false } } }, false],
    [{ types: { 'new-follower': { inApp: false } } }, true],
  ])('%j', (settings, expected) => {
    expect(wantsInApp(settings, 'new-content')).toBe(expected);
  });
});
