import { createHash } from 'node:crypto';

/** A Lua script, and the digest by which Redis knows it once it has run. */
export interface Script {
  text: string;
  sha: string;
}

export const script = (text: string): Script => ({ text, sha: createHash('sha1').update(text).digest('hex') });

/**
 * The part that all keys of a channel begin with. Redis takes what is in the first braces for the slot, up to the first
 * closing one, so they all share a slot whatever the channel is called; braces must not be empty, hence the `=`.
 */
export const keyBase = (prefix: string, channel: string): string => `${prefix}:{=${channel}}`;

/** Of the channel's mark: what was found out about rights on it counts as long as that is the same (redis-verdicts.ts). */
export const rightsKey = (prefix: string, channel: string): string => `${keyBase(prefix, channel)}:r`;
