/**
 * Requests of the admin API, as Centrifugo 6 has them (centrifugal/centrifugo, internal/apiproto/api.proto). Fields that
 * are not named here have no effect.
 */
import { z } from 'zod';

/** Channels of one broadcast, and commands of one batch. */
const CHANNELS_MAX = 10_000;
const COMMANDS_MAX = 10_000;
/** Codes that a client takes for a disconnect, and for an unsubscribe; what is below or above means something else to it. */
const DISCONNECT_CODES = { min: 3000, max: 4999 };
const REASON_LENGTH_MAX = 123;
const TAGS_MAX = 64;
const NAME_LENGTH_MAX = 255;

const channel = z.string().min(1).max(NAME_LENGTH_MAX);
const data = z.unknown().refine((value) => value !== undefined, 'data is missing');
const user = z.string();
const count = z.number().int().min(0);
/** Which of the user's connections. */
const target = { user, client: z.string().optional(), session: z.string().optional() };

const publication = {
  data,
  skip_history: z.boolean().default(false),
  tags: z
    .record(z.string(), z.string())
    .refine((tags) => Object.keys(tags).length <= TAGS_MAX, `more than ${TAGS_MAX} tags`)
    .optional(),
  idempotency_key: z.string().max(NAME_LENGTH_MAX).default(''),
  delta: z.boolean().default(false),
  /** 0 is no version. */
  version: count.default(0),
  /** Versions are compared within one epoch only: another one begins anew. */
  version_epoch: z.string().max(NAME_LENGTH_MAX).default(''),
};

export const REQUESTS = {
  publish: z.object({ channel, ...publication }),
  broadcast: z.object({ channels: z.array(z.string()).min(1).max(CHANNELS_MAX), ...publication }),
  subscribe: z.object({ ...target, channel }),
  /** Without a channel, from all. */
  unsubscribe: z.object({ ...target, channel: z.string().max(NAME_LENGTH_MAX).default('') }),
  disconnect: z.object({
    ...target,
    /** Client ids that stay. */
    whitelist: z.array(z.string()).max(CHANNELS_MAX).default([]),
    disconnect: z
      .object({
        code: z.number().int().min(DISCONNECT_CODES.min).max(DISCONNECT_CODES.max),
        reason: z.string().max(REASON_LENGTH_MAX).default(''),
      })
      .optional(),
  }),
  refresh: z.unknown(),
  presence: z.object({ channel }),
  presence_stats: z.object({ channel }),
  history: z.object({
    channel,
    /** 0 asks for the position alone, -1 for everything. */
    limit: z.number().int().min(-1).default(0),
    since: z.object({ offset: count.default(0), epoch: z.string().default('') }).optional(),
    reverse: z.boolean().default(false),
  }),
  history_remove: z.object({ channel }),
  channels: z.object({ pattern: z.string().max(NAME_LENGTH_MAX).default('') }),
  info: z.object({}),
  rpc: z.unknown(),
};

/** Methods that a batch may hold, which is all but itself. */
export type Method = keyof typeof REQUESTS;
export type Request<Name extends Method> = z.infer<(typeof REQUESTS)[Name]>;

export const isMethod = (name: string): name is Method => Object.hasOwn(REQUESTS, name);

/** Commands are objects with one key, the method. */
export const batchRequest = z.object({
  commands: z.array(z.record(z.string(), z.unknown())).max(COMMANDS_MAX),
  parallel: z.boolean().default(false),
});
