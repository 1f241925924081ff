import type { HistoryOptions } from './broker.ts';

/** A channel's position outlives its last publication by so many times the history's TTL; then readers learn of a new epoch. */
const POSITION_TTLS = 12;

/** How long the version of a state is remembered, from the last publication of its key on. */
export const VERSION_TTL_MS = 60 * 60_000;

/** How long a channel that nobody writes to and no node is subscribed to keeps its position. */
export const positionTtlMs = ({ ttlMs }: HistoryOptions): number => POSITION_TTLS * ttlMs;
