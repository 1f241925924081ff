/**
 * What the three processes of a measurement say to one another, and what is published in it. The bench holds a receiver,
 * which holds the server under test; each asks the one below it and gets an answer.
 */
import { PUBLIC_FEED, contentChannel } from '@playnite/contracts/realtime';
import { z } from 'zod';

/** The live stream's server, and what it is measured against. */
export const PEERS = ['ours', 'plain', 'socket.io', 'bun'] as const;
const peerName = z.enum(PEERS);
export type Peer = z.infer<typeof peerName>;

/** Which channels there are. Each subscriber has one `content:` channel if there are any, and the feed if that is one of them. */
const layout = z.object({
  feed: z.boolean(),
  /** Number of `content:` channels, to which subscribers are dealt out evenly. */
  channels: z.number().int(),
  /** Where there are both: every so many publications one goes to the feed. */
  feedEvery: z.number().int(),
});
export type Layout = z.infer<typeof layout>;

export const BROADCAST: Layout = { feed: true, channels: 0, feedEvery: 1 };

export const channelsOfSubscriber = ({ feed, channels }: Layout, index: number): string[] => [
  ...(feed ? [PUBLIC_FEED] : []),
  ...(channels > 0 ? [contentChannel(`c${index % channels}`)] : []),
];

/** Where a publication goes: to the feed, or to a channel as if drawn by lot, the same one in every process. */
export function channelOfPublication({ feed, channels, feedEvery }: Layout, number: number): string {
  if (channels === 0 || (feed && number % feedEvery === 0)) return PUBLIC_FEED;
  // The finalizer of MurmurHash3: neighbours land far apart.
  let mixed = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return contentChannel(`c${((mixed ^ (mixed >>> 16)) >>> 0) % channels}`);
}

/** What the receiver tells the server. All but `grant` and `pace` are answered with a `ServerState`. */
export const serverOrder = z.discriminatedUnion('do', [
  /** To publish as fast as it can, so many to a turn of its event loop, up to which in all. */
  z.object({ do: z.literal('grant'), burst: z.number(), upTo: z.number() }),
  /** To publish so many a second, evenly, until it is stopped. */
  z.object({ do: z.literal('pace'), perSecond: z.number() }),
  z.object({ do: z.literal('stop') }),
  /** To collect garbage first when `collect` says so. */
  z.object({ do: z.literal('report'), collect: z.boolean() }),
]);
export type ServerOrder = z.infer<typeof serverOrder>;

export const listening = z.object({ port: z.number() });
/** How many were published since the server began, and what the process used for it. */
export const serverState = z.object({ published: z.number(), cpuMs: z.number(), rssBytes: z.number() });
export type ServerState = z.infer<typeof serverState>;

/** What the bench tells the receiver, which answers each with an `Outcome`. */
export const task = z.discriminatedUnion('do', [
  z.object({ do: z.literal('connect'), subscribers: z.number() }),
  z.object({ do: z.literal('leave') }),
  z.object({
    do: z.literal('saturate'),
    /** Publications that come within one turn of the server's event loop. */
    burst: z.number(),
    /** Publications that may be on their way at once, and after how many the receiver grants more. */
    window: z.number(),
    grantEvery: z.number(),
    measuredMs: z.number(),
  }),
  z.object({ do: z.literal('pace'), perSecond: z.number(), measuredMs: z.number() }),
  /** After garbage was collected, or as it stands. */
  z.object({ do: z.literal('memory'), collect: z.boolean() }),
]);
export type Task = z.infer<typeof task>;

/** Of one measurement; what a task does not measure is zero. */
export const outcome = z.object({
  deliveries: z.number(),
  published: z.number(),
  tookMs: z.number(),
  /** Processor time of the server and of the receiver. */
  serverCpuMs: z.number(),
  receiverCpuMs: z.number(),
  /** From the call that publishes to the receiver's reading it, over the sampled subscribers. */
  p50Ms: z.number(),
  p99Ms: z.number(),
  rssBytes: z.number(),
});
export type Outcome = z.infer<typeof outcome>;

/** What a receiver is started with. */
export const receiverSpec = z.object({
  peer: peerName,
  layout,
  /** One in so many subscribers is read in full: order, doubles and delays are seen there, counts everywhere. */
  sampleEvery: z.number(),
});
export type ReceiverSpec = z.infer<typeof receiverSpec>;

/** Microseconds since 1970 on a clock that the processes of one machine share. */
export const nowMicros = (): number => Math.round((performance.timeOrigin + performance.now()) * 1_000);

/** A publication is of this many bytes, give or take the digits of its number. */
const PAYLOAD_BYTES = 200;
const MICROS_DIGITS = 16;
const PADDING = 'x'.repeat(PAYLOAD_BYTES);
const DIGITS_USUAL = 4;

/** In the envelope of the live stream's publications. */
export interface BenchPublication {
  type: 'bench.published';
  id: string;
  at: string;
  data: { sent: string; padding: string };
}

/** The publication of a number; together with its offset, where that is the number, it is always as long. */
export function publicationOf(number: number): BenchPublication {
  const sent = `${nowMicros()}`.padStart(MICROS_DIGITS, '0');
  const bare: BenchPublication = {
    type: 'bench.published',
    id: `${number}`,
    at: '2026-01-01T00:00:00.000Z',
    data: { sent, padding: '' },
  };
  const missing = PAYLOAD_BYTES - JSON.stringify(bare).length - (bare.id.length - DIGITS_USUAL);
  return { ...bare, data: { sent, padding: PADDING.slice(0, missing) } };
}

/** The push in which the peers that have no protocol of their own send a publication: the bytes that ours sends. */
export const pushOf = (channel: string, publication: BenchPublication): string =>
  `{"push":{"channel":"${channel}","pub":{"data":${JSON.stringify(publication)},"offset":${publication.id}}}}`;

const ID = '"id":"';
const SENT = '"sent":"';

/** Number and time of the publication in a push, whatever protocol is around it. @throws {Error} when it holds none */
export function readPublication(push: string): { number: number; sentMicros: number } {
  const [id, sent] = [push.indexOf(ID), push.indexOf(SENT)];
  if (id < 0 || sent < 0) throw new Error(`no publication: ${push.slice(0, PAYLOAD_BYTES)}`);
  const sentFrom = sent + SENT.length;
  return {
    number: Number.parseInt(push.slice(id + ID.length), 10),
    sentMicros: Number(push.slice(sentFrom, sentFrom + MICROS_DIGITS)),
  };
}

/** A server under test: it holds its subscribers, and sends each publication to those of its channel. */
export interface PeerServer {
  port: number;
  publish(channel: string, publication: BenchPublication): void;
}

/** The commands of a client, as the peers without a protocol of their own understand them. */
export const plainCommand = z.object({
  id: z.number(),
  connect: z.object({ token: z.string() }).optional(),
  subscribe: z.object({ channel: z.string() }).optional(),
});
