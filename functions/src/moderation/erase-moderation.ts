import {
  ERASED_OWNER,
  type ModerationCase,
  type Tally,
  accountStandingAt,
  moderationCase,
  moderationCaseAt,
  moderationSubject,
  screeningAt,
} from '@playnite/contracts/documents';
import type { storageDeletionRequested } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { type Condition, type Found, type Search, type Transaction, serverTime } from '../platform/documents.ts';
import { eraseAll, erasePaged, inGroups, leaveReceipt } from '../platform/erasure.ts';
import { type Fingerprint, fingerprintAt } from './fingerprints.ts';
import { reporterAt } from './take-report.ts';

type Requested = ReturnType<(typeof storageDeletionRequested)['data']['parse']>;

/** Cases about one content; there are seldom more than two. */
const CASES_MAX = 100;
/** Cases about comments below one content. */
const COMMENT_CASES_MAX = 1_000;
/** Of what an account owned: documents in one page, and transactions at the same time. */
const PAGE = 100;
const AT_ONCE = 20;

/**
 * Erases what moderation holds of a content or an account. What was taken down must not come back, and what was decided goes on
 * teaching, so fingerprints and cases of that stay without their owner; so do the standings of subjects, to which the audit log
 * is chained. The log itself stays as it is: it holds nobody's words, and whose id it names is written nowhere any more. So do
 * reports by others, which are theirs, and the names of moderators below what they decided.
 */
export async function eraseModeration(ctx: Needs, { kind, targetId, deletionId, round }: Requested): Promise<void> {
  const erased = kind === 'content' ? await eraseOfContent(ctx, targetId) : await eraseOfAccount(ctx, targetId);
  await leaveReceipt(ctx, deletionId, 'moderation', round, erased);
}

async function eraseOfContent(ctx: Needs, contentId: string): Promise<Tally> {
  const gone = await ctx.documents.transact(async (tx) => {
    const [fingerprint, screening] = await Promise.all([
      tx.get(fingerprintAt(contentId)),
      tx.get(screeningAt(contentId)),
    ]);
    if (fingerprint) eraseFingerprint(tx, contentId, fingerprint);
    if (screening) tx.delete(screeningAt(contentId));
    return {
      fingerprints: fingerprint?.state === 'banned' ? 0 : Number(Boolean(fingerprint)),
      screenings: Number(Boolean(screening)),
    };
  });
  const about = (where: readonly Condition[], limit: number) =>
    ctx.documents.list({ collection: 'moderationCases', shape: moderationCase, where, orderBy: 'subject', limit });
  const found = await Promise.all([
    about([['subject', 'in', [`uploads/${contentId}`, `content/${contentId}`]]], CASES_MAX),
    about(
      [
        ['subject', '>', `content/${contentId}/`],
        ['subject', '<', `content/${contentId}0`],
      ],
      COMMENT_CASES_MAX,
    ),
  ]);
  const cases = await eraseCases(ctx, found.flat());
  return { ...gone, cases };
}

/** Of what was taken down the fingerprint stays, without its owner. */
function eraseFingerprint(tx: Pick<Transaction, 'update' | 'delete'>, id: string, { state }: Fingerprint): void {
  if (state === 'banned') tx.update(fingerprintAt(id), { ownerId: ERASED_OWNER });
  else tx.delete(fingerprintAt(id));
}

/** What was decided goes on teaching, without its evidence; what was not has nothing left to decide. Returns how many of those. */
async function eraseCases(ctx: Needs, found: readonly Found<ModerationCase>[]): Promise<number> {
  for (const { id } of found) {
    await ctx.documents.transact(async (tx) => {
      const present = await tx.get(moderationCaseAt(id));
      if (present?.status === 'decided') {
        tx.update(moderationCaseAt(id), { evidence: [], ownerId: ERASED_OWNER, updatedAt: serverTime });
      } else if (present) tx.delete(moderationCaseAt(id));
    });
  }
  return found.filter(({ data }) => data.status !== 'decided').length;
}

async function eraseOfAccount(ctx: Needs, uid: string): Promise<Tally> {
  const [reports, reporterOf, screenings] = await Promise.all([
    eraseAll(ctx, { collection: 'reports', where: [['reporterId', '==', uid]] }),
    eraseAll(ctx, { collection: 'reporters', everywhere: true, where: [['reporterId', '==', uid]] }),
    // Those of uploads that never became a content; a content's go with it.
    eraseAll(ctx, { collection: 'screenings', where: [['ownerId', '==', uid]] }),
  ]);
  const standings = await eachFound(
    ctx,
    { collection: 'moderationSubjects', where: [['ownerId', '==', uid]] },
    async (tx, { path }) => {
      const ref = { path, shape: moderationSubject };
      if (await tx.get(ref)) tx.update(ref, { ownerId: ERASED_OWNER });
    },
  );
  // After the standings, by which alone an appeal is let in. A case about what the account wrote below another's content is
  // found by no deletion of a content.
  const cases = await erasePaged('moderationCases', async () => {
    const page = await ctx.documents.list({
      collection: 'moderationCases',
      shape: moderationCase,
      where: [['ownerId', '==', uid]],
      limit: CASES_MAX,
    });
    await eraseCases(ctx, page);
    return page.length;
  });
  const fingerprints = await eachFound(
    ctx,
    { collection: 'fingerprints', where: [['ownerId', '==', uid]] },
    async (tx, { id }) => {
      const present = await tx.get(fingerprintAt(id));
      if (present) eraseFingerprint(tx, id, present);
    },
  );
  await ctx.documents.deleteAll([reporterAt(uid).path, accountStandingAt(uid).path]);
  return { reports, reporterOf, screenings, cases, fingerprints, standings };
}

/** Does something about each document of a search, which must take it out of the search. Returns how many there were. */
async function eachFound(
  ctx: Needs,
  search: Search,
  erase: (tx: Transaction, found: { id: string; path: string }) => Promise<void>,
): Promise<number> {
  return erasePaged(search.collection, async () => {
    const paths = await ctx.documents.paths({ ...search, limit: PAGE });
    await inGroups(paths, AT_ONCE, (path) =>
      ctx.documents.transact((tx) => erase(tx, { id: path.slice(path.lastIndexOf('/') + 1), path })),
    );
    return paths.length;
  });
}

type Needs = Pick<Context, 'documents' | 'log'>;
