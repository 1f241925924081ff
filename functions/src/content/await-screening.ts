import { type Rejection, screeningAt } from '@playnite/contracts/documents';
import { contentScreeningRequested } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { permanent } from '../platform/errors.ts';
import { eventOf } from '../platform/publisher.ts';
import { type ActiveRun, fence } from './lease.ts';
import type { StepResult } from './run-pipeline.ts';
import { uploadRunAt } from './upload-run.ts';

/** Times that a screening is asked for before the upload is given up: the schedule asks again when nothing comes. */
const REQUESTS_MAX = 6;

/** A screening is asked for again when no answer came for so long. */
const ANSWER_WITHIN_MS = 20_000;

const DOUBTFUL: Rejection = { code: 'policy-violation', message: 'This is against the rules.' };

/** Asks moderation for its verdict, and goes by it; nothing of the upload is shown to anybody before. */
export async function awaitScreening(ctx: Needs, run: ActiveRun): Promise<StepResult> {
  const { uploadId, ticket, notes, attempt } = run;
  const { checked, claimed } = notes.findings;
  if (!checked || !claimed) throw permanent('step-out-of-order', 'screening comes after the duplicates');
  const screening = await ctx.documents.get(screeningAt(uploadId));
  if (screening && screening.sha256 === checked.sha256) {
    switch (screening.verdict) {
      case 'approved':
        return { found: {} };
      case 'rejected':
        return { verdict: { status: 'rejected', rejection: screening.rejection ?? DOUBTFUL } };
      case 'review':
        return { wait: { status: 'in-review', step: 'awaiting-review', progress: 0.5 } };
    }
  }
  if ((notes.starts.screening ?? 0) > REQUESTS_MAX) {
    const message = 'The upload could not be screened.';
    return { verdict: { status: 'failed', failure: { code: 'screening-unavailable', message, retryable: true } } };
  }
  const waiting: StepResult = { wait: { status: 'screening', step: 'screening', progress: 0.4 } };
  if ((notes.screeningAskedAt?.toMillis() ?? 0) > ctx.now().getTime() - ANSWER_WITHIN_MS) return waiting;
  await ctx.documents.transact(async (tx) => {
    await fence(tx, run);
    tx.update(uploadRunAt(uploadId), { screeningAskedAt: ctx.now() });
  });
  const { path, generation } = notes.object;
  await ctx.publish([
    eventOf(contentScreeningRequested, {
      cause: `${uploadId} attempt ${attempt}`,
      at: ctx.now(),
      data: {
        uploadId,
        ownerId: ticket.ownerId,
        kind: checked.kind,
        object: { path, generation },
        sha256: checked.sha256,
        ...(claimed.duplicateOf ? { duplicateOf: claimed.duplicateOf } : {}),
      },
    }),
  ]);
  return waiting;
}

type Needs = Pick<Context, 'documents' | 'publish' | 'now'>;
