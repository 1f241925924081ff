/** The live stream's server with its full protocol: connections authenticate, subscriptions are authorized, history is kept. */
import { userChannel } from '@playnite/contracts/realtime';
import { pino } from 'pino';
import { DEFAULT_ADMISSION_LIMITS } from '../../realtime-server/src/admission.ts';
import { MemoryBroker } from '../../realtime-server/src/broker/memory-broker.ts';
import { platformChannels } from '../../realtime-server/src/channel-options.ts';
import { DEFAULT_LIMITS } from '../../realtime-server/src/limits.ts';
import { MemoryPresence } from '../../realtime-server/src/presence/memory-presence.ts';
import { createRealtimeServer } from '../../realtime-server/src/server.ts';
import type { PeerServer } from './words.ts';

/** Bare sockets answer no ping; the first comes at a random time within this, which none of them lives to see. */
const PING_EVERY_MS = 1e13;
const TOKEN_TTL_MS = 3_600_000;
/** All connections come from one address, and as fast as they can. */
const FROM_ONE_ADDRESS = 20_000;

export async function serveOurs(): Promise<PeerServer> {
  const server = createRealtimeServer({
    broker: new MemoryBroker(),
    presence: new MemoryPresence(),
    authority: {
      authenticate: async (token) => ({
        uid: token,
        expiresAt: Date.now() + TOKEN_TTL_MS,
        token,
        signedInAt: Date.now(),
        demoted: false,
      }),
      authorize: async () => 'allowed',
      ownChannels: ({ uid }) => [userChannel(uid)],
    },
    optionsOf: platformChannels,
    limits: { ...DEFAULT_LIMITS, pingEveryMs: PING_EVERY_MS },
    admission: {
      ...DEFAULT_ADMISSION_LIMITS,
      perAddressMax: FROM_ONE_ADDRESS,
      handshakesPerSecond: FROM_ONE_ADDRESS,
      handshakesBurst: FROM_ONE_ADDRESS,
      handshakesPerAddressPerSecond: FROM_ONE_ADDRESS,
      handshakesPerAddressBurst: FROM_ONE_ADDRESS,
    },
    allowedOrigins: [],
    admin: { keys: [], metrics: 'closed' },
    now: Date.now,
    log: pino({ level: 'silent' }),
    version: 'bench',
    name: 'bench',
  });
  const port = await server.listen('127.0.0.1', 0);
  server.setReady(true);
  return {
    port,
    publish: (channel, publication) => void server.publish([{ channel, publication }]),
  };
}
