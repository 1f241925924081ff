import { z } from 'zod';
import type { DocumentRef } from './document.ts';
import { timestamp } from './timestamp.ts';

/** `budgets/{uid}`: what an account has spent, by the hour; an hour is forgotten after a day. Only functions see it. */
export const budget = z.object({
  /** By hours since 1970. */
  hours: z.record(
    z.string().regex(/^\d+$/),
    z.object({ points: z.number().int().nonnegative(), follows: z.number().int().nonnegative() }),
  ),
  /** Follows that stand or wait for an answer. */
  following: z.number().int().nonnegative(),
});
export type Budget = z.infer<typeof budget>;

/** Reasons for which nothing new is taken from an account at all, and those for which new follows alone are refused. */
const POINT_LIMITS = ['points-per-hour', 'points-per-day'] as const;
export const FOLLOW_LIMITS = ['follows-per-hour', 'follows-in-all'] as const;

/** `users/{uid}/limits/social`: what the rules refuse as long as it holds is in its reason. The owner may read it. */
export const limit = z.object({ until: timestamp, reason: z.enum([...POINT_LIMITS, ...FOLLOW_LIMITS]) });
export type Limit = z.infer<typeof limit>;

export const budgetAt = (userId: string): DocumentRef<Budget> => ({ path: `budgets/${userId}`, shape: budget });
export const socialLimitAt = (userId: string): DocumentRef<Limit> => ({
  path: `users/${userId}/limits/social`,
  shape: limit,
});
