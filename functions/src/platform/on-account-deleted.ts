import { runWith } from 'firebase-functions/v1';
import { attempt } from './attempt.ts';
import { type Context, REGION, context } from './context.ts';

/**
 * A function that hears of each account that was deleted from Firebase Authentication, by its owner or an operator. Second
 * generation functions cannot hear of it, so this is one of the first generation.
 */
export function onAccountDeleted(handle: (ctx: Context, uid: string) => Promise<void>) {
  return runWith({ memory: '256MB', timeoutSeconds: 60, failurePolicy: true })
    .region(REGION)
    .auth.user()
    .onDelete(async ({ uid }) => {
      const ctx = await context();
      await attempt(() => handle(ctx, uid));
    });
}
