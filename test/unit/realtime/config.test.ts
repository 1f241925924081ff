import { describe, expect, test } from '@jest/globals';
import { readConfig } from '../../../realtime-server/src/config.ts';

const GCLOUD_PROJECT = 'playnite';
const KEY = 'k'.repeat(16);

describe('readConfig', () => {
  test('needs nothing but the project, and keeps everything in one process then', () => {
    const config = readConfig({ GCLOUD_PROJECT });
    expect(config).toMatchObject({ port: 8000, redis: undefined, workers: 1, adminApiKeys: [], trustProxyHops: 0 });
  });

  test('reads all of it', () => {
    const config = readConfig({
      GCLOUD_PROJECT,
      REDIS_URL: 'rediss://user:secret@redis.example:6380/2',
      REDIS_CLUSTER: 'true',
      REDIS_PREFIX: 'staging',
      ADMIN_API_KEYS: ` ${KEY}1, ${KEY}2,`,
      ALLOWED_ORIGINS: 'https://a.example, https://b.example',
      TRUST_PROXY_HOPS: '1',
      CONNECTIONS_MAX: '10',
      CONNECTIONS_PER_ADDRESS_MAX: '5',
      CONNECTIONS_PER_USER_MAX: '2',
      NODE_NAME: 'ann',
      WORKERS: '4',
      DRAIN_MS: '0',
    });
    expect(config).toMatchObject({
      redis: { url: 'rediss://user:secret@redis.example:6380/2', cluster: true, prefix: 'staging' },
      adminApiKeys: [`${KEY}1`, `${KEY}2`],
      allowedOrigins: ['https://a.example', 'https://b.example'],
      trustProxyHops: 1,
      connectionsMax: 10,
      connectionsPerAddressMax: 5,
      connectionsPerUserMax: 2,
      nodeName: `ann-${process.pid}`,
      workers: 4,
      drainMs: 0,
    });
  });

  test('names a node as it is told, or after the machine and the process', () => {
    expect(readConfig({ GCLOUD_PROJECT, NODE_NAME: 'ann' }).nodeName).toBe('ann');
    expect(readConfig({ GCLOUD_PROJECT }).nodeName).toMatch(new RegExp(`.-${process.pid}$`));
  });

  test('takes a variable that is set to nothing for one that is not set', () => {
    expect(readConfig({ GCLOUD_PROJECT, REDIS_URL: '', PORT: '', REDIS_CLUSTER: '', NODE_NAME: '' })).toMatchObject({
      port: 8000,
      redis: undefined,
    });
  });

  test('shows numbers to holders of a key, or to anybody in a demo project without keys', () => {
    expect(readConfig({ GCLOUD_PROJECT }).metrics).toBe('closed');
    expect(readConfig({ GCLOUD_PROJECT, ADMIN_API_KEYS: KEY }).metrics).toBe('with-key');
    expect(readConfig({ GCLOUD_PROJECT: 'demo-playnite' }).metrics).toBe('open');
    expect(readConfig({ GCLOUD_PROJECT: 'demo-playnite', ADMIN_API_KEYS: KEY }).metrics).toBe('with-key');
  });

  test.each([
    [{}, 'GCLOUD_PROJECT'],
    [{ GCLOUD_PROJECT, PORT: '65536' }, 'PORT'],
    [{ GCLOUD_PROJECT, PORT: 'http' }, 'PORT'],
    [{ GCLOUD_PROJECT, REDIS_URL: 'http://redis.example' }, 'redis://'],
    [{ GCLOUD_PROJECT, REDIS_URL: 'redis.example:6379' }, 'redis://'],
    [{ GCLOUD_PROJECT, REDIS_CLUSTER: 'yes' }, 'REDIS_CLUSTER'],
    [{ GCLOUD_PROJECT, REDIS_PREFIX: '{a}' }, 'no braces'],
    [{ GCLOUD_PROJECT, ADMIN_API_KEYS: `${KEY},short` }, '16 characters'],
    [{ GCLOUD_PROJECT, CONNECTIONS_MAX: '0' }, 'CONNECTIONS_MAX'],
    [{ GCLOUD_PROJECT, WORKERS: '2.5' }, 'WORKERS'],
    [{ GCLOUD_PROJECT, DRAIN_MS: '-1' }, 'DRAIN_MS'],
    [{ GCLOUD_PROJECT, LOG_LEVEL: 'loud' }, 'LOG_LEVEL'],
    [{ GCLOUD_PROJECT, WORKERS: '2' }, 'without REDIS_URL'],
    [{ GCLOUD_PROJECT, REDIS_CLUSTER: 'true' }, 'REDIS_URL is not set'],
    [{ GCLOUD_PROJECT, CONNECTIONS_MAX: '10', CONNECTIONS_PER_USER_MAX: '11' }, 'CONNECTIONS_PER_USER_MAX'],
    [{ GCLOUD_PROJECT, PUBSUB_EMULATOR_HOST: 'localhost:8085' }, 'refusing to start'],
  ])('refuses %j and says why', (env, words) => {
    expect(() => readConfig(env)).toThrow(words);
  });

  test('tells all that is wrong at once, and never a secret', () => {
    const env = { PORT: '-1', ADMIN_API_KEYS: 'guessable', REDIS_URL: 'redis:secret' };
    expect(() => readConfig(env)).toThrow(/GCLOUD_PROJECT.*|PORT/);
    let words = '';
    try {
      readConfig(env);
    } catch (error) {
      words = String(error);
    }
    for (const name of ['GCLOUD_PROJECT', 'PORT', 'ADMIN_API_KEYS']) expect(words).toContain(name);
    expect(words).not.toContain('guessable');
    expect(words).not.toContain('secret');
  });
});
