import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DocumentRef,
  contentAt,
  contentStats,
  timestamp,
  userAt,
  userCounts,
} from '@playnite/contracts/documents';
import { socialCountsChanged, socialStatsChanged } from '@playnite/contracts/events';
import { z } from 'zod';
import type { Context } from '../platform/context.ts';
import type { Search } from '../platform/documents.ts';
import { type OutgoingEvent, eventOf } from '../platform/publisher.ts';
import { type OutgoingTask, type QueueDefinition, taskOf } from '../platform/task-queues.ts';
import { hotness } from './discover-rank.ts';
import {
  CONTENT_COUNTS,
  type CountKind,
  type Counted,
  USER_COUNTS,
  dueAt,
  rollUpId,
  slotOf,
  slotToCount,
} from './plan-roll-up.ts';

const rollUpData = z.object({
  subject: z.string().regex(/^(content|users)\/[^/]+$/),
  kind: z.enum([...CONTENT_COUNTS, ...USER_COUNTS]),
  slot: z.number().int().nonnegative(),
  /** It has been put off already, for the size of what there is to count. */
  putOff: z.boolean().optional(),
});
type RollUp = z.infer<typeof rollUpData>;

export const rollUpQueue: QueueDefinition<RollUp> = { functionName: 'social-rollUp', data: rollUpData };

/** Has a number counted at the end of the slot in which something that it counts was written. */
export function rollUpTask(counted: Counted, at: Date): OutgoingTask {
  return taskFor({ ...counted, slot: slotOf(at) });
}

const taskFor = (data: RollUp): OutgoingTask =>
  taskOf(rollUpQueue, {
    id: rollUpId(data, data.slot) + (data.putOff ? '-put-off' : ''),
    data,
    notBefore: dueAt(data.slot),
  });

/**
 * Counts what one slot may have changed. What is large is put off to the end of a longer interval. The queue keeps tasks back
 * until their time; what comes earlier, as from the emulator, waits here.
 */
export async function rollUp(ctx: Needs, { subject, kind, slot, putOff = false }: RollUp): Promise<void> {
  if (!putOff) {
    const shown = await ctx.documents.get(shownAt(subject));
    const later = slotToCount(slot, numberIn(shown, kind));
    if (later > slot) {
      await ctx.enqueue([taskFor({ subject, kind, slot: later, putOff: true })]);
      return;
    }
  }
  await sleep(Math.max(0, dueAt(slot).getTime() - ctx.now().getTime()));
  await recount(ctx, { subject, kind });
}

/**
 * Sets a number to what a count of the documents says, and tells those who watch.
 *
 * The count is taken outside of the transaction, since one inside would keep everybody from liking while it lasts. It comes
 * with the moment for which it is true, and an older one never replaces a newer: `countedAsOf` remembers.
 */
export async function recount(ctx: Pick<Needs, 'documents' | 'publish' | 'now'>, counted: Counted): Promise<void> {
  const { subject, kind } = counted;
  const { count, asOfMicros } = await ctx.documents.countAsOf(searchFor(counted));
  const shown = await ctx.documents.transact(async (tx) => {
    const present = await tx.get(shownAt(subject));
    if (!present || (present.countedAsOf?.[kind] ?? 0) >= asOfMicros) return undefined;
    tx.update(shownAt(subject), {
      [fieldOf(kind)]: count,
      [`countedAsOf.${kind}`]: asOfMicros,
      ...hotnessOf(present, kind, count),
    });
    return { ...present, [groupOf(kind)]: { ...present[groupOf(kind)], [kind]: count } };
  });
  if (shown) await ctx.publish(newsOf(subject, shown, asOfMicros, ctx.now()));
}

/** How a content stands among all others, by its numbers; a profile stands nowhere. */
function hotnessOf({ stats, publishedAt }: Shown, kind: CountKind, count: number): { hot?: number } {
  if (isUserCount(kind) || !publishedAt) return {};
  return { hot: hotness(contentStats.parse({ ...NO_STATS, ...stats, [kind]: count }), publishedAt.toMillis()) };
}

function newsOf(subject: string, shown: Shown, version: number, at: Date): OutgoingEvent[] {
  const [root, id = ''] = subject.split('/');
  const cause = `${subject} ${version}`;
  return root === 'users'
    ? [
        eventOf(socialCountsChanged, {
          cause,
          at,
          data: { uid: id, counts: userCounts.parse(shown.counts ?? {}), version },
        }),
      ]
    : [
        eventOf(socialStatsChanged, {
          cause,
          at,
          data: { contentId: id, stats: contentStats.parse({ ...NO_STATS, ...shown.stats }), version },
        }),
      ];
}

const NO_STATS = { likes: 0, comments: 0, shares: 0, views: 0 };

/** What a number counts. */
export function searchFor({ subject, kind }: Counted): Search {
  const id = subject.slice(subject.indexOf('/') + 1);
  switch (kind) {
    case 'likes':
    case 'shares':
    case 'views':
      return { collection: `${subject}/${kind}` };
    case 'comments':
      return { collection: `${subject}/comments`, where: [['status', '==', 'visible']] };
    case 'followers':
      return { collection: `${subject}/followers` };
    case 'following':
      // The mirrors: a wish that waits for an answer, or was declined, has none.
      return { collection: 'followers', everywhere: true, where: [['followerUid', '==', id]] };
    case 'content':
      return {
        collection: 'content',
        where: [
          ['ownerId', '==', id],
          ['status', '==', 'published'],
        ],
      };
  }
}

const isUserCount = (kind: CountKind): boolean => USER_COUNTS.some((each) => each === kind);
const groupOf = (kind: CountKind) => (isUserCount(kind) ? 'counts' : 'stats');
/** Where a number stands in its subject's document. */
export const fieldOf = (kind: CountKind): string => `${groupOf(kind)}.${kind}`;

const numbers = z.record(z.string(), z.number());
/** A content or a profile, as far as its numbers go: one that is malformed otherwise is counted all the same. */
const shown = z.object({
  counts: numbers.optional(),
  stats: numbers.optional(),
  /** When each number was counted, in microseconds since 1970. */
  countedAsOf: numbers.optional(),
  /** Of a content. */
  publishedAt: timestamp.optional(),
});
type Shown = z.infer<typeof shown>;

export const shownAt = (subject: string): DocumentRef<Shown> => {
  const [root, id = ''] = subject.split('/');
  return { path: (root === 'users' ? userAt(id) : contentAt(id)).path, shape: shown };
};
export const numberIn = (present: Shown | undefined, kind: CountKind): number => present?.[groupOf(kind)]?.[kind] ?? 0;

type Needs = Pick<Context, 'documents' | 'publish' | 'enqueue' | 'now'>;
