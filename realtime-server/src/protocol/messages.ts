/**
 * The messages of the Centrifugo client protocol (centrifugal/protocol, definitions/client.proto), as both encodings have
 * them. Data of applications is JSON text here; nothing in between parses it.
 */
import type { Disconnect, ErrorReply, Unsubscribe } from '@playnite/contracts/realtime';
import type { ClientInfo, Publication, StreamPosition } from '../broker/broker.ts';

export interface RecoverFrom {
  recover?: boolean;
  epoch?: string;
  offset?: number;
}

export interface SubscribeRequest extends RecoverFrom {
  channel: string;
  token?: string;
  data?: string;
  positioned?: boolean;
  recoverable?: boolean;
  joinLeave?: boolean;
  delta?: string;
}

/** A command: an id, unless it is a `send`, and one method. Fields that this server has no use for are passed over. */
export interface Command {
  id: number;
  connect?: {
    token: string;
    data?: string;
    subs: Record<string, RecoverFrom>;
    name?: string;
    version?: string;
  };
  subscribe?: SubscribeRequest;
  unsubscribe?: { channel: string };
  publish?: { channel: string; data: string };
  presence?: { channel: string };
  presenceStats?: { channel: string };
  history?: { channel: string; limit: number; since?: StreamPosition; reverse?: boolean };
  ping?: Record<string, never>;
  send?: { data: string };
  rpc?: { method: string; data: string };
  refresh?: { token: string };
  subRefresh?: { channel: string; token: string };
}

/** An empty command: the client's pong. */
export const isPong = (command: Command): boolean => Object.keys(command).length === 1 && command.id === 0;

/** A publication as it is sent; one of a broker is, where no differences were agreed on. */
export interface SentPublication extends Pick<Publication, 'offset' | 'info' | 'tags'> {
  data: string;
  /** Sent in place of `data`: its difference, in the Fossil delta format, to the publication before. */
  difference?: Uint8Array;
  /** Differences were agreed on, so JSON carries data as a string. */
  deltaAgreed?: true;
}

export interface SubscribeResult {
  expires?: boolean;
  ttl?: number;
  recoverable?: boolean;
  positioned?: boolean;
  epoch?: string;
  offset?: number;
  recovered?: boolean;
  wasRecovering?: boolean;
  publications?: readonly SentPublication[];
  delta?: boolean;
}

export interface ConnectResult {
  client: string;
  version: string;
  expires?: boolean;
  ttl?: number;
  subs?: Record<string, SubscribeResult>;
  /** Seconds between pings. */
  ping?: number;
  pong?: boolean;
  /** For transports whose commands come through the emulation endpoint. */
  session?: string;
  node?: string;
}

export interface RefreshResult {
  client: string;
  version: string;
  expires?: boolean;
  ttl?: number;
}

export type Push = { channel: string } & (
  | { pub: SentPublication }
  | { join: { info: ClientInfo } }
  | { leave: { info: ClientInfo } }
  | { unsubscribe: Unsubscribe }
  | { subscribe: SubscribeResult }
  | { message: { data: string } }
  | { disconnect: Disconnect }
  | { refresh: { expires: boolean; ttl: number } }
);

/** A reply to a command, a push, or, with neither, the server's ping. */
export type Reply =
  | { id: number; error: ErrorReply }
  | { id: number; connect: ConnectResult }
  | { id: number; subscribe: SubscribeResult }
  | { id: number; unsubscribe: Record<string, never> }
  | { id: number; publish: Record<string, never> }
  | { id: number; presence: { presence: ReadonlyMap<string, ClientInfo> } }
  | { id: number; presenceStats: { numClients: number; numUsers: number } }
  | { id: number; history: { publications: readonly SentPublication[]; epoch: string; offset: number } }
  | { id: number; ping: Record<string, never> }
  | { id: number; rpc: { data: string } }
  | { id: number; refresh: RefreshResult }
  | { id: number; subRefresh: { expires?: boolean; ttl?: number } }
  | { push: Push }
  | Record<string, never>;
