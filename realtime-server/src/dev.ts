/**
 * The realtime server alone, for development: in memory, without Firebase, configured in Centrifugo's own terms, so that
 * the suites of Centrifugo's client SDKs and its benchmarks run against it. `npm run realtime:dev -- [--config FILE]
 * [--port N] [--host ADDRESS]`.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { type AdmissionLimits, DEFAULT_ADMISSION_LIMITS } from './admission.ts';
import type { Authority, Identity } from './authority.ts';
import { MemoryBroker } from './broker/memory-broker.ts';
import { type DevConfig, readDevConfig } from './dev-config.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { MemoryPresence } from './presence/memory-presence.ts';
import { VERSION, createRealtimeServer } from './server.ts';

/** Of this machine only: without a file, everything is open. */
const HOST_WITHOUT_CONFIG = '127.0.0.1';
/** Centrifugo counts no commands; a benchmark's client sends as fast as it can. */
const COMMANDS_PER_SECOND_MAX = 1_000_000;

/** Suites and load tests come from one address, which may take what the server has. */
const ADMISSION: AdmissionLimits = {
  ...DEFAULT_ADMISSION_LIMITS,
  perAddressMax: DEFAULT_ADMISSION_LIMITS.connectionsMax,
  handshakesPerAddressPerSecond: DEFAULT_ADMISSION_LIMITS.handshakesPerSecond,
  handshakesPerAddressBurst: DEFAULT_ADMISSION_LIMITS.handshakesBurst,
};

/** Without a file: nobody needs a token, and every channel can do everything. */
const OPEN = {
  client: { insecure: true },
  http_server: { address: HOST_WITHOUT_CONFIG },
  http_stream: { enabled: true },
  sse: { enabled: true },
  channel: {
    without_namespace: {
      presence: true,
      join_leave: true,
      history_size: 100,
      history_ttl: '5m',
      allowed_delta_types: ['fossil'],
    },
  },
};

/** Somebody who did not say who they are. Centrifugo would believe a token that it can verify; nobody is known here. */
const anonymous = (token: string): Identity => ({
  uid: '',
  token,
  expiresAt: Infinity,
  signedInAt: 0,
  demoted: false,
});

/** Nothing here can tell a good token from a bad one: all may connect, or none. */
function devAuthority({ insecure, maySubscribe }: DevConfig): Authority {
  return {
    authenticate: async (token) => (insecure ? anonymous(token) : 'invalid'),
    authorize: async (_, channel) => (maySubscribe(channel) ? 'open' : 'denied'),
    ownChannels: () => [],
  };
}

function readArguments() {
  const { values } = parseArgs({
    options: { config: { type: 'string' }, port: { type: 'string' }, host: { type: 'string' } },
  });
  const file: unknown = values.config === undefined ? OPEN : JSON.parse(readFileSync(values.config, 'utf8'));
  const config = readDevConfig(file);
  return {
    config,
    host: values.host ?? config.address,
    port: values.port === undefined ? config.port : Number(values.port),
  };
}

function sayWhatIsOpen(config: DevConfig, host: string, port: number): void {
  const paths = ['websocket', ...(config.httpStream ? ['http_stream'] : []), ...(config.sse ? ['sse'] : [])];
  const who = config.insecure
    ? 'anybody, without a token'
    : 'nobody: there is no way to verify tokens here, set client.insecure';
  const api = config.apiKeys.length > 0 ? '/api/ with its key' : '/api/ closed';
  process.stdout.write(
    `Realtime server for development on http://${host}:${port}: /connection/{${paths.join(',')}} open to ${who}; ${api}; /metrics open.\n`,
  );
}

async function main(): Promise<void> {
  const { config, host, port } = readArguments();
  for (const warning of config.warnings) process.stderr.write(`${warning}\n`);
  const server = createRealtimeServer({
    broker: new MemoryBroker(),
    presence: new MemoryPresence(),
    authority: devAuthority(config),
    optionsOf: config.optionsOf,
    limits: { ...DEFAULT_LIMITS, commandsPerSecondMax: COMMANDS_PER_SECOND_MAX },
    admission: ADMISSION,
    allowedOrigins: config.allowedOrigins,
    httpStream: config.httpStream,
    sse: config.sse,
    admin: { keys: config.apiKeys, metrics: 'open', publishesDelta: config.publishesDelta },
    now: Date.now,
    log: pino({ level: 'warn', base: null }),
    version: VERSION,
    name: 'dev',
  });
  const listening = await server.listen(host, port);
  server.setReady(true);
  sayWhatIsOpen(config, host, listening);

  const stop = async () => {
    await server[Symbol.asyncDispose]();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  // What was opened before it failed would hold the process.
  process.exit(1);
}
