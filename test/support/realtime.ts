/** Realtime servers without a platform: tokens are user ids, and a test says who may hear what. */
import { userChannel } from '@playnite/contracts/realtime';
import { pino } from 'pino';
import { type AdmissionLimits, DEFAULT_ADMISSION_LIMITS } from '../../realtime-server/src/admission.ts';
import type { Authority, Identity } from '../../realtime-server/src/authority.ts';
import { MemoryBroker } from '../../realtime-server/src/broker/memory-broker.ts';
import { platformChannels } from '../../realtime-server/src/channel-options.ts';
import { DEFAULT_LIMITS, type Limits } from '../../realtime-server/src/limits.ts';
import { MemoryPresence } from '../../realtime-server/src/presence/memory-presence.ts';
import { type RealtimeServerOptions, createRealtimeServer } from '../../realtime-server/src/server.ts';

const HOUR_MS = 3_600_000;

/** Whom the tokens of these servers speak for. */
export const identityOf = (token: string, fields: Partial<Identity> = {}): Identity => ({
  uid: token,
  token,
  expiresAt: Date.now() + HOUR_MS,
  signedInAt: Date.now(),
  demoted: false,
  ...fields,
});

/** Everybody is who the token says, and may hear everything. */
const openAuthority: Authority = {
  authenticate: async (token) => identityOf(token),
  authorize: async () => 'allowed',
  ownChannels: ({ uid }) => [userChannel(uid)],
};

export type ServerSettings = Partial<Omit<RealtimeServerOptions, 'limits' | 'admission' | 'authority'>> & {
  limits?: Partial<Limits>;
  admission?: Partial<AdmissionLimits>;
  authority?: Partial<Authority>;
};

/** A server that listens on a free port of this machine, in memory unless the test brings a broker. */
export async function serveRealtime(settings: ServerSettings = {}) {
  const { limits, admission, authority, ...others } = settings;
  const server = createRealtimeServer({
    broker: new MemoryBroker(),
    presence: new MemoryPresence(),
    optionsOf: platformChannels,
    allowedOrigins: [],
    admin: { keys: [], metrics: 'open' },
    now: Date.now,
    log: pino({ level: 'silent' }),
    version: 'test',
    name: 'test',
    ...others,
    limits: { ...DEFAULT_LIMITS, ...limits },
    admission: { ...DEFAULT_ADMISSION_LIMITS, ...admission },
    authority: { ...openAuthority, ...authority },
  });
  const port = await server.listen('127.0.0.1', 0);
  server.setReady(true);
  return { server, port, endpoint: `ws://127.0.0.1:${port}/connection/websocket` };
}

/** What a test publishes: an envelope with the id that it looks for. */
export const publicationOf = (id: string, data: unknown = {}) => ({
  type: 'test.published',
  id,
  at: new Date().toISOString(),
  data,
});
