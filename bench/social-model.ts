/**
 * What bringing a content to its author's followers costs, computed from the planner's own numbers. It is held against the
 * measured cost of smaller fan-outs before it is believed about larger ones.
 */
import { FAN_OUT_PAGE, FOLLOWERS_PUSHED_MAX, planRanges } from '../functions/src/social/plan-fan-out.ts';
import type { Bill } from './social-platform.ts';

export interface Model extends Pick<Bill, 'reads' | 'writes' | 'tasks' | 'messages'> {
  /** Rows in followers' feeds. */
  rows: number;
  /** Tasks one behind the other on the longest way. */
  depth: number;
}

/** A search costs a read when it finds nothing. */
const atLeastOne = (found: number): number => Math.max(1, found);

/**
 * Of the handler of `content.published` and the tasks that it starts, without the notifications that follow. `uids` are the
 * followers in the order of their ids, of whom all are active; nobody is mentioned.
 */
export function modelPost(uids: readonly string[], isToldAlready = true): Model {
  // The content, and its author for the number of followers.
  const before = { reads: 2, writes: 0, tasks: 0, messages: 0, rows: 0, depth: 0 };
  if (uids.length > FOLLOWERS_PUSHED_MAX) {
    if (!isToldAlready) throw new Error('the one time that followers are told is not modelled');
    return { ...before, reads: before.reads + 1 };
  }
  const first = uids.slice(0, FAN_OUT_PAGE);
  const model = added(before, pageCost(first.length));
  const last = first.at(-1);
  if (last === undefined || first.length < FAN_OUT_PAGE) return model;
  const ranges = planRanges(uids.length, last);
  // The author once more; a document and a task for each range.
  let whole: Model = { ...model, reads: model.reads + 1, writes: model.writes + ranges.length };
  let depth = 0;
  for (const { after, through } of ranges) {
    const inRange = uids.filter((uid) => uid > after && (through === undefined || uid <= through)).length;
    // A range ends with the first page that is not full, be it an empty one.
    const pages = Math.floor(inRange / FAN_OUT_PAGE) + 1;
    depth = Math.max(depth, pages);
    for (let page = 0; page < pages; page += 1) {
      const cost = pageCost(Math.min(FAN_OUT_PAGE, inRange - page * FAN_OUT_PAGE));
      // How far the range has come is read twice and written once.
      whole = added(whole, { ...cost, reads: cost.reads + 2, writes: cost.writes + 1, tasks: 1 });
    }
  }
  return { ...whole, depth };
}

/** One page of followers: who they are, whether they are active, the content before and after, and their rows. */
function pageCost(followers: number): Model {
  const list = { reads: atLeastOne(followers), writes: 0, tasks: 0, messages: 0, rows: 0, depth: 0 };
  if (followers === 0) return list;
  return {
    ...list,
    reads: list.reads + followers + 2,
    writes: followers,
    // One event, to the services and to the live stream.
    messages: 2,
    rows: followers,
  };
}

const added = (a: Model, b: Model): Model => ({
  reads: a.reads + b.reads,
  writes: a.writes + b.writes,
  tasks: a.tasks + b.tasks,
  messages: a.messages + b.messages,
  rows: a.rows + b.rows,
  depth: Math.max(a.depth, b.depth),
});
