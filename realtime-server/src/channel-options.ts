import { parseChannel } from '@playnite/contracts/realtime';
import type { HistoryOptions } from './broker/broker.ts';

/** What a channel can do; Centrifugo has the same options for its namespaces. */
export interface ChannelOptions {
  presence: boolean;
  /** Subscribers that ask for it are told who comes and goes. */
  joinLeave: boolean;
  history?: HistoryOptions;
  /** Subscribers need not ask to be able to recover. */
  forceRecovery: boolean;
  /** Whether clients may publish: none, all, or those that are subscribed. Services always may, through Pub/Sub. */
  clientPublish: 'none' | 'all' | 'subscribers';
  /** Whether clients that are not subscribed may ask who is present and what was published. */
  openReads: boolean;
  /** Subscribers that ask for it are sent differences. */
  delta: boolean;
}

/** The options of a channel; undefined when no channel can have the name. */
export type OptionsOf = (channel: string) => ChannelOptions | undefined;

/** Publications that a channel's history holds, and for how long: a client may be away for so much of the live stream. */
const HISTORY: HistoryOptions = { size: 500, ttlMs: 5 * 60_000 };

const services: ChannelOptions = {
  presence: false,
  joinLeave: false,
  history: HISTORY,
  forceRecovery: true,
  clientPublish: 'none',
  openReads: false,
  delta: true,
};
/** Who is watching; elsewhere it would tell who is online. */
const watched: ChannelOptions = { ...services, presence: true, joinLeave: true };

/** What PlayNite's channels can do: the services alone publish, and whoever comes back is told what it missed. */
export const platformChannels: OptionsOf = (channel) => {
  const kind = parseChannel(channel)?.kind;
  if (kind === undefined) return undefined;
  return kind === 'content' ? watched : services;
};
