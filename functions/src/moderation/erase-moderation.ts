import {
  type ModerationCase,
  type Tally,
  accountStandingAt,
  moderationCase,
  moderationCaseAt,
  screeningAt,
} from '@playnite/contracts/documents';
import type { storageDeletionRequested } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { type Condition, type Found, serverTime } from '../platform/documents.ts';
import { eraseAll, erasePaged, leaveReceipt } from '../platform/erasure.ts';
import { fingerprintAt } from './fingerprints.ts';
import { reporterAt } from './take-report.ts';

type Requested = ReturnType<(typeof storageDeletionRequested)['data']['parse']>;

/** In place of the owner's id where something is kept without saying whose it was. */
const ERASED = 'erased';
/** Cases about one content; there are seldom more than two. */
const CASES_MAX = 100;
/** Cases about comments below one content. */
const COMMENT_CASES_MAX = 1_000;

/**
 * Erases what moderation holds of a content or an account. The audit log stays, since it holds nobody's words, and so does
 * the fingerprint of what was taken down, without its owner: it must not come back.
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
    if (fingerprint?.state === 'banned') tx.update(fingerprintAt(contentId), { ownerId: ERASED });
    else if (fingerprint) tx.delete(fingerprintAt(contentId));
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

/** What was decided goes on teaching, without its evidence; what was not has nothing left to decide. Returns how many of those. */
async function eraseCases(ctx: Needs, found: readonly Found<ModerationCase>[]): Promise<number> {
  for (const { id } of found) {
    await ctx.documents.transact(async (tx) => {
      const present = await tx.get(moderationCaseAt(id));
      if (present?.status === 'decided') {
        tx.update(moderationCaseAt(id), { evidence: [], ownerId: ERASED, updatedAt: serverTime });
      } else if (present) tx.delete(moderationCaseAt(id));
    });
  }
  return found.filter(({ data }) => data.status !== 'decided').length;
}

async function eraseOfAccount(ctx: Needs, uid: string): Promise<Tally> {
  const reports = await eraseAll(ctx, { collection: 'reports', where: [['reporterId', '==', uid]] });
  // A case about what the account wrote below another's content is found by no deletion of a content.
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
  await ctx.documents.deleteAll([reporterAt(uid).path, accountStandingAt(uid).path]);
  return { reports, cases };
}

type Needs = Pick<Context, 'documents' | 'log'>;
