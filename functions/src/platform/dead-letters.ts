import { createHash } from 'node:crypto';
import { type DocumentRef, timestamp } from '@playnite/contracts/documents';
import { z } from 'zod';
import type { Context } from './context.ts';
import { type Documents, serverTime } from './documents.ts';
import type { PlatformError } from './errors.ts';

/** Firestore holds 1 MiB a document; a longer payload is cut here and says so. */
const PAYLOAD_MAX = 500_000;

const deadLetter = z.object({
  consumer: z.string(),
  eventId: z.string(),
  payload: z.string(),
  error: z.object({ code: z.string(), message: z.string() }),
  at: timestamp,
});
type DeadLetter = z.infer<typeof deadLetter>;

export interface Undeliverable {
  /** The function that could not take it. */
  consumer: string;
  eventId: string;
  payload: unknown;
  error: PlatformError;
}

const deadLetterAt = (consumer: string, eventId: string): DocumentRef<DeadLetter> => ({
  path: `deadLetters/${consumer}:${createHash('sha256').update(eventId).digest('base64url')}`,
  shape: deadLetter,
});

/** Puts aside what no retry can help, for a person to look at; the same event twice is one letter. */
export async function buryEvent(
  ctx: { documents: Documents; log: Context['log'] },
  { consumer, eventId, payload, error }: Undeliverable,
): Promise<void> {
  const json = JSON.stringify(payload) ?? 'undefined';
  ctx.log.error('event put aside as undeliverable', { consumer, eventId, code: error.code, message: error.message });
  await ctx.documents.setAll([
    [
      deadLetterAt(consumer, eventId),
      {
        consumer,
        eventId,
        payload: json.slice(0, PAYLOAD_MAX).toWellFormed(),
        error: { code: error.code, message: error.message.toWellFormed() },
        at: serverTime,
      },
    ],
  ]);
}
