import { describe, expect, test } from '@jest/globals';
import { readDevConfig } from '../../../realtime-server/src/dev-config.ts';

const withChannels = (without_namespace: object, more: object = {}) =>
  readDevConfig({ channel: { without_namespace }, ...more });

describe('readDevConfig', () => {
  test('of an empty file allows nothing, as Centrifugo does', () => {
    const config = readDevConfig({});
    expect(config).toMatchObject({ insecure: false, apiKeys: [], port: 8000, httpStream: false, sse: false });
    expect(config.warnings).toEqual([]);
    expect(config.optionsOf('news')).toEqual({
      presence: false,
      joinLeave: false,
      forceRecovery: false,
      clientPublish: 'none',
      openReads: false,
      delta: false,
    });
    expect(config.maySubscribe('news')).toBe(false);
  });

  test('reads a file as the test suites of clients have it', () => {
    const config = readDevConfig({
      client: { insecure: true, allowed_origins: ['*'] },
      http_api: { key: 'api_key' },
      http_server: { port: '9000' },
      channel: {
        without_namespace: { presence: true, join_leave: true, history_size: 100, history_ttl: '300s' },
        namespaces: [{ name: 'recovery', force_recovery: true, history_size: 10, history_ttl: '1h30m' }],
      },
      http_stream: { enabled: true },
      sse: { enabled: true },
    });
    expect(config).toMatchObject({ insecure: true, apiKeys: ['api_key'], port: 9000, httpStream: true, sse: true });
    expect(config.allowedOrigins).toEqual([]);
    expect(config.optionsOf('news')).toMatchObject({
      presence: true,
      joinLeave: true,
      history: { size: 100, ttlMs: 300_000 },
    });
    expect(config.optionsOf('recovery:news')).toMatchObject({
      presence: false,
      forceRecovery: true,
      history: { size: 10, ttlMs: 5_400_000 },
    });
  });

  test('knows a channel by what stands before its first colon', () => {
    const { optionsOf } = readDevConfig({ channel: { namespaces: [{ name: 'chat', presence: true }] } });
    expect(optionsOf('chat:a:b')?.presence).toBe(true);
    expect(optionsOf('chat')?.presence).toBe(false);
    expect(optionsOf('other:a')).toBeUndefined();
    expect(optionsOf('$chat:a')?.presence).toBe(true);
    expect(optionsOf('')).toBeUndefined();
    expect(optionsOf('x'.repeat(256))).toBeUndefined();
  });

  test('lets clients of an insecure server do what a channel can, but for channels that need a token', () => {
    const { optionsOf, maySubscribe } = withChannels({}, { client: { insecure: true } });
    expect(optionsOf('news')).toMatchObject({ clientPublish: 'all', openReads: true, presence: false });
    expect(maySubscribe('news')).toBe(true);
    expect(maySubscribe('$news')).toBe(false);
    expect(maySubscribe('unknown:news')).toBe(false);
  });

  test.each([
    [{ allow_publish_for_client: true, allow_publish_for_subscriber: true }, { clientPublish: 'all' }],
    [{ allow_publish_for_subscriber: true }, { clientPublish: 'subscribers' }],
    [{ allow_presence_for_client: true }, { openReads: true }],
    [{ allow_history_for_client: true }, { openReads: true }],
    [{ allow_history_for_subscriber: true, allow_presence_for_subscriber: true }, { openReads: false }],
    [{ allowed_delta_types: ['fossil'] }, { delta: true }],
  ])('takes %j for %j', (section, options) => {
    expect(withChannels(section).optionsOf('news')).toMatchObject(options);
  });

  test('tells who may subscribe, and where publications may be differences', () => {
    const config = withChannels({ allow_subscribe_for_client: true, delta_publish: true });
    expect(config.maySubscribe('news')).toBe(true);
    expect(config.publishesDelta('news')).toBe(true);
    expect(config.publishesDelta('unknown:news')).toBe(false);
  });

  test('keeps no history unless it has a size and a time', () => {
    expect(withChannels({ history_size: 10 }).optionsOf('news')).not.toHaveProperty('history');
    expect(withChannels({ history_ttl: '10s' }).optionsOf('news')).not.toHaveProperty('history');
    expect(withChannels({ history_size: 10, history_ttl: '0s' }).optionsOf('news')).not.toHaveProperty('history');
  });

  test.each([
    ['500ms', 500],
    ['1h30m', 5_400_000],
    ['1.5s', 1_500],
    ['2h45m30.5s', 9_930_500],
    ['10us', 1],
    ['.5m', 30_000],
  ])('reads the duration %s', (text, ms) => {
    expect(withChannels({ history_size: 1, history_ttl: text }).optionsOf('news')?.history?.ttlMs).toBe(ms);
  });

  test.each([[300], ['300'], ['-5s'], ['5 s'], ['s'], [''], ['1d'], [null], ['1h30']])(
    'refuses the duration %j, and says what one looks like',
    (history_ttl) => {
      expect(() => withChannels({ history_size: 1, history_ttl })).toThrow(
        /without_namespace\.history_ttl: .*"300s".*not/,
      );
    },
  );

  test('warns of each key that has no effect, by its name, and reads the others', () => {
    const config = readDevConfig({
      admin: { enabled: true },
      client: { insecure: true, token: { hmac_secret_key: 'x' } },
      channel: { namespaces: [{ name: 'chat', presence: true, history_meta_ttl: '1h' }] },
    });
    expect(config.warnings).toHaveLength(3);
    for (const key of ['admin', 'client.token', 'channel.namespaces.0.history_meta_ttl']) {
      expect(config.warnings.join('\n')).toContain(`${key} is unknown`);
    }
    expect(config.warnings.join('\n')).not.toContain('hmac');
    expect(config.insecure).toBe(true);
    expect(config.optionsOf('chat:1')?.presence).toBe(true);
  });

  test.each([
    [{ port: 'http' }, 'port'],
    [{ client: { insecure: 'yes' } }, 'client.insecure'],
    [{ channel: { namespaces: [{ name: 'a:b' }] } }, 'channel.namespaces.0.name'],
    [{ channel: { namespaces: [{ name: 'chat' }, { name: 'chat' }] } }, 'two named chat'],
    [{ channel: { without_namespace: { history_size: -1 } } }, 'history_size'],
    [{ channel: { without_namespace: { allowed_delta_types: ['xdelta'] } } }, 'allowed_delta_types'],
    [[], 'the file'],
    [undefined, 'the file'],
  ])('refuses %j', (json, words) => {
    expect(() => readDevConfig(json)).toThrow(words);
  });
});
