import { type ModerationAction, logEntryAt, report, reportAt } from '@playnite/contracts/documents';
import { moderationReportResolved } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { plus } from '../platform/documents.ts';
import { eventOf } from '../platform/publisher.ts';
import { reporterAt } from './take-report.ts';

/** Reports settled in one go; a repeat finds the rest. */
const REPORTS_PER_PAGE = 100;

/** How the reports on a subject turned out, by what was decided about it; undefined where nothing was. */
export function outcomeOf(action: ModerationAction): 'action-taken' | 'no-violation' | undefined {
  if (action === 'remove' || action === 'reject') return 'action-taken';
  if (action === 'release' || action === 'approve' || action === 'restore') return 'no-violation';
  return undefined;
}

/**
 * Tells those who reported a subject what came of it, and remembers how good their reports were. What was reported after the
 * decision waits for the next one, also where the news of this one comes again.
 */
export async function resolveReports(ctx: Needs, entryId: string): Promise<void> {
  const entry = await ctx.documents.get(logEntryAt(entryId));
  const outcome = entry?.actor.kind === 'moderator' ? outcomeOf(entry.action) : undefined;
  if (!entry || !outcome) return;
  const decidedAt = Date.parse(entry.at);
  for (let after: string | undefined; ;) {
    const open = await ctx.documents.list({
      collection: 'reports',
      shape: report,
      where: [
        ['subject', '==', entry.subject],
        ['status', '==', 'open'],
      ],
      ...(after === undefined ? {} : { after }),
      limit: REPORTS_PER_PAGE,
    });
    for (const { id, data } of open.filter((each) => each.data.createdAt.toMillis() <= decidedAt)) {
      const { reporterId } = data;
      // The event first: a crash after it tells again, which is told once, while a crash before it would tell nobody.
      await ctx.publish([
        eventOf(moderationReportResolved, {
          cause: id,
          at: new Date(entry.at),
          data: { reportId: id, reporterId, outcome },
        }),
      ]);
      await ctx.documents.transact(async (tx) => {
        const [present, record] = await Promise.all([tx.get(reportAt(id)), tx.get(reporterAt(reporterId))]);
        if (present?.status !== 'open') return;
        tx.update(reportAt(id), { status: 'resolved', outcome });
        const counted = outcome === 'action-taken' ? 'upheld' : 'dismissed';
        if (record) tx.update(reporterAt(reporterId), { [counted]: plus(1) });
      });
    }
    after = open.at(-1)?.id;
    if (open.length < REPORTS_PER_PAGE) return;
  }
}

type Needs = Pick<Context, 'documents' | 'publish'>;
