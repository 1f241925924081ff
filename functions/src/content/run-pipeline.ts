/**
 * The upload pipeline: one upload, from the arrived file to the end of its ticket.
 *
 * It is a saga of steps (`STEPS`). Each writes down what it found out, so a run that was cut anywhere goes on from there, and
 * any step can be run again alone by taking its finding away (`reopen-upload.ts`). A step that needs another service
 * parks the upload and is woken by that service's event. What is decided is written down first (`verdict`), then the file is
 * removed, and only then does the ticket show its end: a client that sees `published` or `rejected` knows that
 * the original is gone. Everything a run writes is fenced by its attempt number.
 */
import type { Context } from '../platform/context.ts';
import type { Delivery } from '../platform/on-task.ts';
import { awaitScreening } from './await-screening.ts';
import { claimBytes } from './claim-bytes.ts';
import { concludeUpload } from './conclude-upload.ts';
import { inspectFile } from './inspect-file.ts';
import { type ActiveRun, type Position, claimRun, enterStep, park } from './lease.ts';
import { renderMedia } from './render-media.ts';
import { type Findings, RUN_ATTEMPTS_MAX, type Verdict } from './upload-run.ts';

/** What came of a step: findings with which the upload goes on, somebody to wait for, or the end. */
export type StepResult = { found: Findings } | { wait: Position } | { verdict: Verdict };

interface Step {
  /** Where the ticket stands while the step runs. */
  at: Position;
  /** The finding without which the step has to run; a step without one looks each time. */
  finding?: keyof Findings;
  run(ctx: Context, run: ActiveRun): Promise<StepResult>;
}

const STEPS: readonly Step[] = [
  { at: { status: 'screening', step: 'checking-bytes', progress: 0.15 }, finding: 'checked', run: inspectFile },
  { at: { status: 'screening', step: 'checking-duplicates', progress: 0.3 }, finding: 'claimed', run: claimBytes },
  { at: { status: 'screening', step: 'screening', progress: 0.4 }, run: awaitScreening },
  { at: { status: 'processing', step: 'rendering', progress: 0.6 }, finding: 'rendered', run: renderMedia },
];

const EXHAUSTED: Verdict = {
  status: 'failed',
  failure: {
    code: 'attempts-exhausted',
    message: `Processing was started ${RUN_ATTEMPTS_MAX} times and never finished.`,
    retryable: true,
  },
};

/**
 * Carries an upload to its end, or as far as it gets.
 *
 * @throws {PlatformError} `lease-held` while another run is at it; any transient error of a dependency
 */
export async function runPipeline(ctx: Context, uploadId: string, { taskId }: Delivery): Promise<void> {
  const run = await claimRun(ctx, uploadId, taskId);
  if (!run) return;
  if (run.notes.verdict) {
    await concludeUpload(ctx, run, run.notes.verdict);
    return;
  }
  if (run.attempt - run.notes.settled > RUN_ATTEMPTS_MAX) {
    await concludeUpload(ctx, run, EXHAUSTED);
    return;
  }
  let { notes } = run;
  let found: Findings = {};
  for (const step of STEPS) {
    if (step.finding !== undefined && { ...notes.findings, ...found }[step.finding] !== undefined) continue;
    notes = await enterStep(ctx, run, step.at, found);
    const result = await step.run(ctx, { ...run, notes });
    if ('wait' in result) {
      await park(ctx, run, result.wait);
      return;
    }
    if ('verdict' in result) {
      await concludeUpload(ctx, run, result.verdict);
      return;
    }
    ({ found } = result);
  }
  await concludeUpload(ctx, run, { status: 'published' }, found);
}
