/** What both encodings have in common. */
import { ProtocolError } from './codec.ts';
import type { Reply } from './messages.ts';

/** Commands in one message; a client with more to say sends several messages. */
export const COMMANDS_PER_MESSAGE_MAX = 1000;

export const UINT32_MAX = 0xffff_ffff;
const INT32_MAX = 0x7fff_ffff;

/** What is over 2^53 - 1 becomes that: no stream gets so far, so it can only be a position that is not there. */
export const clampedOffset = (offset: number): number => Math.min(offset, Number.MAX_SAFE_INTEGER);

export const isUint32 = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= UINT32_MAX;
export const isInt32 = (value: number): boolean =>
  Number.isInteger(value) && value >= -INT32_MAX - 1 && value <= INT32_MAX;

/**
 * JSON text without whitespace around its parts, so without the newline that separates messages, and with lone
 * surrogates escaped. As everywhere in JavaScript numbers are doubles, and of equal keys the last counts.
 * @throws {ProtocolError} when it is nested too deep for the stack
 */
export function compactJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    throw new ProtocolError('data is nested too deep');
  }
}

/** @throws {ProtocolError} when the text is not JSON */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new ProtocolError('not JSON');
  }
}

/** A record whose only keys are those that are put into it, whatever a client calls its channels. */
export const emptyRecord = <Value>(): Record<string, Value> => Object.create(null) as Record<string, Value>;

/** A reply to a command. */
export type Answer = Extract<Reply, { id: number }>;
export const isAnswer = (reply: Reply): reply is Answer => 'id' in reply;
