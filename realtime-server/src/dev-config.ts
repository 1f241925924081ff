/**
 * A configuration in Centrifugo's own terms (centrifugal.dev/docs/server/configuration and /channels, version 6), for
 * running this server where Centrifugo is expected: in its clients' test suites and in benchmarks. Not for production,
 * which has PlayNite's channels and their rights.
 */
import { z } from 'zod';
import type { ChannelOptions, OptionsOf } from './channel-options.ts';

/** Centrifugo's default for the length of a channel's name. */
const CHANNEL_LENGTH_MAX = 255;
const NAMESPACE_BOUNDARY = ':';
/** A channel that begins so needs a subscription token, in an insecure server too, and there are none here. */
const PRIVATE_PREFIX = '$';
/** A namespace that cannot be configured. */
const UNKNOWN = NAMESPACE_BOUNDARY;
const DEFAULT_PORT = 8000;
/** What TCP has. */
const PORT_MAX = 65_535;
const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

export interface DevConfig {
  /** Clients need no token, and may do whatever the channel can. */
  insecure: boolean;
  apiKeys: readonly string[];
  address: string;
  port: number;
  /** Empty allows any. */
  allowedOrigins: readonly string[];
  httpStream: boolean;
  sse: boolean;
  optionsOf: OptionsOf;
  /** Whether clients may subscribe to the channel without a token for it. */
  maySubscribe: (channel: string) => boolean;
  /** Every publication in the channel may be sent as a difference, whether the publisher asks for it or not. */
  publishesDelta: (channel: string) => boolean;
  /** What in the file has no effect, in words. */
  warnings: readonly string[];
}

/** Milliseconds of a duration as Go writes it. */
const duration = z.unknown().transform((value, context) => {
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  if (ms === undefined) {
    context.addIssue(`expected a duration with its unit, such as "300s" or "1h30m", not ${JSON.stringify(value)}`);
    return z.NEVER;
  }
  return ms;
});
const text = z.string().min(1);
const flag = z.boolean().default(false);
const port = z.coerce.number().int().min(0).max(PORT_MAX);

/** The channel options that have an effect here, under Centrifugo's names. */
const channelOptions = {
  presence: flag,
  join_leave: flag,
  history_size: z.number().int().min(0).default(0),
  history_ttl: duration.default(0),
  force_recovery: flag,
  /** Accepted without effect: positions are always told, and joins and leaves go to who asks for them. */
  force_positioning: flag,
  force_push_join_leave: flag,
  allow_subscribe_for_client: flag,
  allow_publish_for_client: flag,
  allow_publish_for_subscriber: flag,
  allow_presence_for_client: flag,
  allow_presence_for_subscriber: flag,
  allow_history_for_client: flag,
  allow_history_for_subscriber: flag,
  allowed_delta_types: z.array(z.enum(['fossil'])).default([]),
  delta_publish: flag,
};

/** The whole file; `section` decides what becomes of keys that are not named here. */
function configuration(section: typeof z.object | typeof z.strictObject) {
  const transport = section({ enabled: flag }).prefault({});
  return section({
    address: text.default('0.0.0.0'),
    port: port.optional(),
    http_server: section({ address: text.optional(), port: port.optional() }).prefault({}),
    client: section({ insecure: flag, allowed_origins: z.array(text).default([]) }).prefault({}),
    http_api: section({ key: z.string().default('') }).prefault({}),
    channel: section({
      without_namespace: section(channelOptions).prefault({}),
      namespaces: z.array(section({ name: text.regex(/^[-a-zA-Z0-9_.]{2,}$/), ...channelOptions })).default([]),
    }).prefault({}),
    http_stream: transport,
    sse: transport,
  });
}

type Section = z.infer<ReturnType<typeof configuration>>['channel']['without_namespace'];

/**
 * Reads a configuration of Centrifugo, as parsed JSON. Keys that are unknown here are warned about, not refused.
 *
 * @throws {Error} that names each value that cannot be meant
 */
export function readDevConfig(json: unknown): DevConfig {
  const strict = configuration(z.strictObject).safeParse(json);
  const issues = strict.error?.issues ?? [];
  const warnings = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => `${[...issue.path, key].join('.')} is unknown here and has no effect`)
      : [],
  );
  const faults = issues.filter(({ code }) => code !== 'unrecognized_keys');
  if (faults.length > 0) {
    const words = faults.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`);
    throw new Error(`the configuration is not right: ${words.join('; ')}`);
  }
  const parsed = configuration(z.object).parse(json);
  const { insecure } = parsed.client;
  const namespaces = new Map([['', configured(parsed.channel.without_namespace, insecure)]]);
  for (const { name, ...section } of parsed.channel.namespaces) {
    if (namespaces.has(name)) throw new Error(`channel.namespaces: there are two named ${name}`);
    namespaces.set(name, configured(section, insecure));
  }
  const namespaceOf = (channel: string) => namespaces.get(namespaceName(channel) ?? UNKNOWN);
  return {
    insecure,
    apiKeys: parsed.http_api.key ? [parsed.http_api.key] : [],
    address: parsed.http_server.address ?? parsed.address,
    port: parsed.http_server.port ?? parsed.port ?? DEFAULT_PORT,
    allowedOrigins: parsed.client.allowed_origins.includes('*') ? [] : parsed.client.allowed_origins,
    httpStream: parsed.http_stream.enabled,
    sse: parsed.sse.enabled,
    optionsOf: (channel) => namespaceOf(channel)?.options,
    maySubscribe: (channel) => !channel.startsWith(PRIVATE_PREFIX) && namespaceOf(channel)?.maySubscribe === true,
    publishesDelta: (channel) => namespaceOf(channel)?.publishesDelta === true,
    warnings,
  };
}

/** A channel of an unknown namespace, without a name or with one that is too long cannot exist. */
function namespaceName(channel: string): string | undefined {
  if (channel === '' || channel.length > CHANNEL_LENGTH_MAX) return undefined;
  const name = channel.startsWith(PRIVATE_PREFIX) ? channel.slice(PRIVATE_PREFIX.length) : channel;
  return name.includes(NAMESPACE_BOUNDARY) ? name.slice(0, name.indexOf(NAMESPACE_BOUNDARY)) : '';
}

interface Namespace {
  options: ChannelOptions;
  maySubscribe: boolean;
  publishesDelta: boolean;
}

function configured(section: Section, insecure: boolean): Namespace {
  const options: ChannelOptions = {
    presence: section.presence,
    joinLeave: section.join_leave,
    // Centrifugo keeps nothing unless both are set.
    ...(section.history_size > 0 &&
      section.history_ttl > 0 && { history: { size: section.history_size, ttlMs: section.history_ttl } }),
    forceRecovery: section.force_recovery,
    clientPublish:
      insecure || section.allow_publish_for_client
        ? 'all'
        : section.allow_publish_for_subscriber
          ? 'subscribers'
          : 'none',
    openReads: insecure || section.allow_presence_for_client || section.allow_history_for_client,
    delta: section.allowed_delta_types.includes('fossil'),
  };
  return {
    options,
    maySubscribe: insecure || section.allow_subscribe_for_client,
    publishesDelta: section.delta_publish,
  };
}

/** Milliseconds, at least 1 unless it is 0; undefined when the text is no duration of Go's (time.ParseDuration) that is positive. */
function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^\+?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/([\d.]+)([^\d.]+)/g)) ms += Number(count) * (UNIT_MS[unit ?? ''] ?? NaN);
  return ms > 0 ? Math.max(1, Math.round(ms)) : 0;
}
