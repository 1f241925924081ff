import type { Disconnect } from '@playnite/contracts/realtime';
import type { Codec } from '../protocol/codec.ts';

/**
 * How replies become bytes on a wire: an encoding and the frame around it. There are few of them, shared by all their
 * connections, so that what goes to many is encoded once for each.
 */
export interface Format {
  readonly codec: Codec;
  /** Puts encoded messages, in order, into frames of at most FRAME_BYTES_MAX, or of one message where that alone is larger. */
  frame(messages: readonly Buffer[]): Buffer[];
}

/** A slow reader is noticed between frames, and no client gets one that is too large. */
export const FRAME_BYTES_MAX = 65_536;

/** One client's connection, as the bytes see it. */
export interface Transport {
  readonly name: 'websocket' | 'http_stream' | 'sse';
  readonly format: Format;
  /** Commands come through the emulation endpoint. */
  readonly emulated: boolean;
  /** The peer's, for limits and logs. */
  readonly address: string;
  /** Bytes that the peer has not taken in yet. */
  readonly queuedBytes: number;
  /** Queues frames of `format`, gathered into one write; never blocks. The bytes are shared, and must not be changed. */
  write(frames: readonly Buffer[]): void;
  /** Tells the client why, and ends; a peer that does not go within `withinMs` is cut off. */
  close(disconnect: Disconnect, withinMs: number): void;
}

/** Whoever listens to a transport. */
export interface TransportEvents {
  /** The bytes of one message of the client. */
  onMessage(message: Buffer): void;
  /** The client said what the transport does not allow; `disconnect` is what it is to be told. */
  onViolation(disconnect: Disconnect): void;
  /** The connection is gone; nothing follows. */
  onClosed(): void;
}
