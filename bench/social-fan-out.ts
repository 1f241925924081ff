import { setTimeout as sleep } from 'node:timers/promises';
import { followerIds, whileUnheard, writeContent, writeFollowers } from '../test/support/social-documents.ts';
import { modelPost } from './social-model.ts';
import { type Bench, type Bill, billOf, billTable, startBench } from './social-platform.ts';

const LOOK_EVERY_MS = 100;
const FAN_OUT_MAX_MS = 240_000;
/** What brings a content to feeds, and nothing that follows from that. */
const BRINGS = new Set(['social-onContentPublished', 'social-fanOut']);

interface Measured {
  followers: number;
  bill: Bill;
  /** From the commit of the content to the last row, in ms. */
  lastRowMs: number;
  rows: number;
}

/** Publishes a content by somebody with so many followers, and waits for the last of their feeds. */
async function post(bench: Bench, followers: number): Promise<Measured & { uids: string[] }> {
  const author = await bench.connect(`author${followers}`);
  const uids = followerIds(author.uid.slice(0, 6), followers).sort();
  await bench.quiet();
  await whileUnheard(bench.run, () => writeFollowers(bench.db, author.uid, uids));
  let lastRowMs = Number.NaN;
  let rows = 0;
  const costs = await bench.costs(async () => {
    const began = performance.now();
    const contentId = await writeContent(bench.db, author.uid);
    const feeds = bench.db.collectionGroup('feed').where('contentId', '==', contentId);
    while (performance.now() - began < FAN_OUT_MAX_MS && rows < followers) {
      await sleep(LOOK_EVERY_MS);
      rows = (await feeds.count().get()).data().count;
    }
    lastRowMs = performance.now() - began;
  });
  return { followers, bill: billOf(costs, (name) => BRINGS.has(name)), lastRowMs, rows, uids };
}

/** @throws {Error} when the model says something else than was measured */
function check({ uids, bill, rows, followers }: Measured & { uids: string[] }): void {
  const model = modelPost(uids);
  if (rows !== followers) throw new Error(`${rows} of ${followers} feeds have the content`);
  const expected = withBeside(model);
  for (const what of ['reads', 'writes', 'tasks', 'messages'] as const) {
    if (bill[what] !== expected[what]) {
      throw new Error(`${followers} followers: ${what} are ${bill[what]}, and the model says ${expected[what]}`);
    }
  }
}
/**
 * What the same invocation does beside: the author’s log is read with the content, and written; the content is read for
 * mentions, twice; one count is asked for.
 */
const BESIDE = { reads: 4, writes: 1, tasks: 1 };

const withBeside = <T extends Pick<Bill, keyof typeof BESIDE>>(bill: T): T => ({
  ...bill,
  reads: bill.reads + BESIDE.reads,
  writes: bill.writes + BESIDE.writes,
  tasks: bill.tasks + BESIDE.tasks,
});

/**
 * A content on its way to 100 and to 10,000 feeds: what it costs, how long until the last feed has it, and rows a second. The
 * model of the planner has to say the same, and is then asked about 1,000,000. As lines of a Markdown table.
 */
export async function benchSocialFanOut(): Promise<string[]> {
  await using bench = await startBench();
  // A first one, so that every function has been started.
  await post(bench, 600);
  const measured = [];
  for (const followers of [100, 10_000]) {
    const each = await post(bench, followers);
    check(each);
    measured.push(each);
  }
  const large = modelPost(followerIds('model', 1_000_000).sort());
  const ofModel: Bill = withBeside({ invocations: 1, deletes: 0, ...large });
  return [
    ...billTable([
      ...measured.map(
        ({ followers, bill }) => [`a post to ${followers.toLocaleString('en')} followers`, bill] as const,
      ),
      ['a post to 1,000,000 followers (model)', ofModel],
    ]),
    '',
    ...measured.map(
      ({ followers, lastRowMs }) =>
        `${followers.toLocaleString('en')} followers: the last feed after ${Math.round(lastRowMs)} ms, ${Math.round((1000 * followers) / lastRowMs)} rows a second`,
    ),
  ];
}
