import type { Command, Reply } from './messages.ts';

/** What a client sent cannot be read, or is over a limit. */
export class ProtocolError extends Error {}

/** One of the protocol's two encodings. */
export interface Codec {
  readonly name: 'json' | 'protobuf';
  /** The commands of one message of a client. @throws {ProtocolError} when it is malformed */
  decode(message: Buffer): Command[];
  /** One message for a client, with its delimiter as far as the encoding has one: messages can be put one behind the other. */
  encode(reply: Reply): Buffer;
  /** A command as the emulation endpoint gets it. @throws {ProtocolError} when it is malformed */
  decodeEmulation(body: Buffer): { session: string; node: string; data: Buffer };
}
