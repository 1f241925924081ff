/** Faults that every upload of the platform feels: `npm test` runs this folder after the others, one file at a time. */
import { describe, expect, test } from '@jest/globals';
import { processesOf } from '@playnite/emulators/processes';
import { db, fireSchedule, tracesOf } from '../support/backstage.ts';
import { photo } from '../support/files.ts';
import { person, target } from '../support/platform.ts';

describe('a pipeline that dies', () => {
  test('killed in the middle of rendering, finishes by itself', async () => {
    const ann = await person('ann');
    // Large enough that rendering takes a second or two.
    const bytes = await photo({ variant: 3900, width: 7000, height: 5000 });
    const uploadId = await ann.openTicket({ bytes, contentType: 'image/jpeg', title: 'Killed' });
    await ann.putFile(uploadId, { bytes, contentType: 'image/jpeg' });
    await ann.sees(`uploads/${uploadId}`, ({ step }) => step === 'rendering');
    expect(killFunction('content.runPipeline')).toBeGreaterThan(0);
    expect((await ann.sees(`uploads/${uploadId}`, () => true))['status']).toBe('processing');

    // The lease runs out first when the task is not dispatched again at once; then the schedule finds the upload.
    const end = await untilEnded(ann, uploadId);
    expect(end['status']).toBe('published');
    expect((await db.doc(`uploadRuns/${uploadId}`).get()).get('attempts')).toBeGreaterThan(1);
    expect(await tracesOf(ann.uid, uploadId)).toEqual({ originals: 0, renditions: 2, published: true });
  }, 120_000);
});

/** Kills the processes that run a function; returns how many there were. */
function killFunction(functionTarget: string): number {
  const workers = processesOf(target.run, `FUNCTION_TARGET=${functionTarget} `);
  for (const { pid } of workers) process.kill(pid, 'SIGKILL');
  return workers.length;
}

/** Waits for the end of an upload, and runs the schedule as the platform would. */
async function untilEnded(ann: Awaited<ReturnType<typeof person>>, uploadId: string) {
  const stop = new AbortController();
  const schedule = (async () => {
    while (!stop.signal.aborted) {
      await fireSchedule('content-resumeUploads');
      await new Promise((resolve) => setTimeout(resolve, 2_000));
    }
  })();
  try {
    return await ann.sees(
      `uploads/${uploadId}`,
      ({ status }) => status === 'published' || status === 'failed',
      110_000,
    );
  } finally {
    stop.abort();
    await schedule;
  }
}
