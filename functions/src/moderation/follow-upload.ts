import { type Evidence, contentAt, moderationSubjectAt, uploadAt } from '@playnite/contracts/documents';
import type { Context } from '../platform/context.ts';
import { holdForReview } from './cases.ts';
import { type Catalog, fingerprintAt } from './fingerprints.ts';
import { readPolicy } from './policy.ts';

const HASH_BITS = 64;

/** Brings a fingerprint in line with what became of its upload: published, or gone; what is banned stays banned. */
export async function followUpload(ctx: Pick<Context, 'documents'>, uploadId: string): Promise<void> {
  await ctx.documents.transact(async (tx) => {
    const [ticket, present] = await Promise.all([tx.get(uploadAt(uploadId)), tx.get(fingerprintAt(uploadId))]);
    if (!present || present.state === 'banned') return;
    // What was refused, or failed, may come back.
    const mayReturn = ticket?.status === 'failed' || ticket?.rejection?.code === 'policy-violation';
    if (ticket?.status === 'published') tx.update(fingerprintAt(uploadId), { state: 'published' });
    else if (!mayReturn) tx.delete(fingerprintAt(uploadId));
  });
}

/**
 * Finds what is published and looks like something that was just taken down: each of them is held, with the evidence, until
 * a person has looked at it.
 */
export async function holdLookAlikes(ctx: Needs, catalog: Catalog, contentId: string): Promise<void> {
  const banned = await ctx.documents.get(fingerprintAt(contentId));
  if (banned?.state !== 'banned' || banned.hashes.length === 0) return;
  const found = await catalog.lookAlikes(ctx, contentId, { sought: banned.hashes, colors: banned.colors });
  const policy = await readPolicy(ctx);
  for (const each of found.filter(({ state }) => state === 'published')) {
    await ctx.documents.transact(async (tx) => {
      const subject = `content/${each.contentId}`;
      const [content, present] = await Promise.all([
        tx.get(contentAt(each.contentId)),
        tx.get(moderationSubjectAt(subject)),
      ]);
      if (content?.status !== 'published' || (present && present.standing !== 'clear')) return;
      const caseId = `duplicate-${each.contentId}-of-${contentId}`.slice(0, 300);
      const evidence: Evidence = {
        kind: 'duplicate',
        label: 'banned-look-alike',
        score: 1 - each.distance / HASH_BITS,
        contentId,
        distance: each.distance,
      };
      holdForReview(tx, ctx, caseId, present, {
        subject,
        ownerId: content.ownerId,
        source: 'duplicate',
        scores: {},
        evidence: [evidence],
        policyVersion: policy.version,
        priority: evidence.score ?? 0,
        by: 'duplicates',
        reason: 'It looks like something that was taken down.',
      });
    });
  }
}

type Needs = Pick<Context, 'documents' | 'objects' | 'now'>;
