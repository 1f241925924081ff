/**
 * The Centrifugo client protocol in JSON (centrifugal/protocol, client.proto): commands with an id are answered by a
 * reply with that id; pushes come unasked. A frame holds one or more of them, each on a line. An empty object is a
 * ping from the server and a pong from the client.
 */
import { CHANNEL_NAME_MAX, type ErrorReply, type Unsubscribe } from '@playnite/contracts/realtime';
import { z } from 'zod';
import type { Publication, StreamPosition } from './broker/broker.ts';

const TOKEN_MAX = 8192;

const channel = z.string().min(1).max(CHANNEL_NAME_MAX);
const position = {
  recover: z.boolean().optional(),
  epoch: z.string().max(64).optional(),
  offset: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER).optional(),
};
const onChannel = z.object({ channel });

const connectRequest = z.object({
  token: z.string().max(TOKEN_MAX).default(''),
  subs: z.record(channel, z.object(position)).default({}),
});
const subscribeRequest = onChannel.extend(position);
const historyRequest = onChannel.extend({
  limit: z.number().int().min(-1).max(10_000).default(0),
  since: z.object({ offset: position.offset, epoch: position.epoch }).optional(),
  reverse: z.boolean().optional(),
});
const refreshRequest = z.object({ token: z.string().max(TOKEN_MAX) });

/** A command: an id and one method. Methods that are not named here are answered with `method not found`. */
const command = z.object({
  id: z.number().int().positive().max(0xffff_ffff).optional(),
  connect: connectRequest.optional(),
  subscribe: subscribeRequest.optional(),
  unsubscribe: onChannel.optional(),
  publish: z.object({ channel, data: z.unknown() }).optional(),
  presence: onChannel.optional(),
  presence_stats: onChannel.optional(),
  history: historyRequest.optional(),
  ping: z.object({}).optional(),
  refresh: refreshRequest.optional(),
});
export type Command = z.infer<typeof command>;

/** The commands of a frame. @throws {SyntaxError | z.ZodError} when one is malformed */
export function parseFrame(frame: string): Command[] {
  return frame
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => command.parse(JSON.parse(line)));
}

export const isPong = (each: Command): boolean => Object.keys(each).length === 0;

export const PING = '{}';

export const reply = (id: number, result: Record<string, unknown>): string => JSON.stringify({ id, ...result });
export const errorReply = (id: number, error: ErrorReply): string => JSON.stringify({ id, error });

const publicationJson = ({ offset, data }: Publication): string => `{"data":${data},"offset":${offset}}`;

/** The push of a publication; its data is JSON already, and is not parsed again. */
export const publicationPush = (name: string, publication: Publication): string =>
  `{"push":{"channel":${JSON.stringify(name)},"pub":${publicationJson(publication)}}}`;

/** The push that ends a subscription which the client did not end. */
export const unsubscribePush = (name: string, { code, reason }: Unsubscribe): string =>
  JSON.stringify({ push: { channel: name, unsubscribe: { code, reason } } });

/** What a subscriber is told about the stream it joins. */
export interface Subscribed extends Record<string, unknown> {
  recoverable: true;
  positioned: true;
  epoch: string;
  offset: number;
  recovered?: boolean;
  was_recovering?: boolean;
  publications?: unknown[];
}

export function subscribed(
  { epoch, offset }: StreamPosition,
  recovery?: { complete: boolean; publications: Publication[] },
): Subscribed {
  return {
    recoverable: true,
    positioned: true,
    epoch,
    offset,
    ...(recovery
      ? { was_recovering: true, recovered: recovery.complete, publications: recovery.publications.map(decoded) }
      : {}),
  };
}

/** For replies, which are encoded as a whole. */
export const decoded = ({ offset, data }: Publication): { data: unknown; offset: number } => ({
  data: JSON.parse(data) as unknown,
  offset,
});
