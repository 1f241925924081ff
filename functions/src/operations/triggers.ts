import { z } from 'zod';
import { replay as replayLetter, replayWaiting } from '../platform/dead-letters.ts';
import { onCall } from '../platform/on-call.ts';
import { onSchedule } from '../platform/on-schedule.ts';

export const replayDeadLetters = onSchedule('every 1 minutes', replayWaiting);

/** `{letterId}`: an admin has mended what was wrong, and sends a dead letter again. */
export const replay = onCall(
  'operations-replay',
  { input: z.object({ letterId: z.string().min(1).max(1000) }), role: 'admin', changes: true },
  async (ctx, { letterId }) => {
    await replayLetter(ctx, letterId);
    return { letterId };
  },
);
