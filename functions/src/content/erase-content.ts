import {
  type Tally,
  content,
  contentAt,
  deletionAt,
  deletionId,
  uploadAt,
  uploadTicket,
} from '@playnite/contracts/documents';
import type { storageDeletionRequested } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { eraseAll, eraseOne, erasePaged, leaveReceipt } from '../platform/erasure.ts';
import { requestDeletion } from './remove-content.ts';
import { uploadRunAt } from './upload-run.ts';

type Requested = ReturnType<(typeof storageDeletionRequested)['data']['parse']>;

/** What people leave below a content. */
const BELOW_CONTENT = ['likes', 'comments', 'shares', 'views'] as const;
const PAGE = 100;

/** Erases what the content service holds of a content, or of an account, and leaves a receipt. */
export async function eraseContent(ctx: Needs, { kind, targetId, deletionId: id, round }: Requested): Promise<void> {
  const erased = kind === 'account' ? await eraseAccount(ctx, targetId) : await eraseOneContent(ctx, targetId);
  await leaveReceipt(ctx, id, 'content', round, erased);
}

async function eraseOneContent(ctx: Needs, contentId: string): Promise<Tally> {
  const below = await Promise.all(
    BELOW_CONTENT.map(
      async (name) => [name, await eraseAll(ctx, { collection: `content/${contentId}/${name}` })] as const,
    ),
  );
  const [ticket, run, hashes, document] = [
    await eraseOne(ctx, uploadAt(contentId).path),
    await eraseOne(ctx, uploadRunAt(contentId).path),
    await eraseAll(ctx, { collection: 'hashes', where: [['uploadId', '==', contentId]] }),
    await eraseOne(ctx, contentAt(contentId).path),
  ];
  return { ...Object.fromEntries(below), tickets: ticket, runs: run, hashes, content: document };
}

/** Starts the deletion of each of an account's contents, each with a proof of its own, and erases its tickets. */
async function eraseAccount(ctx: Needs, uid: string): Promise<Tally> {
  let after: string | undefined;
  let contents = 0;
  do {
    const page = await ctx.documents.list({
      collection: 'content',
      shape: content,
      where: [['ownerId', '==', uid]],
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const { id: contentId } of page) {
      await ctx.documents.transact(async (tx) => {
        const [present, started] = await Promise.all([
          tx.get(contentAt(contentId)),
          tx.get(deletionAt(deletionId('content', contentId))),
        ]);
        if (present && !started) requestDeletion(tx, { contentId, ownerId: uid, requestedBy: 'account' });
      });
    }
    contents += page.length;
    after = page.length < PAGE ? undefined : page.at(-1)?.id;
  } while (after !== undefined);
  const tickets = await erasePaged('uploads', async () => {
    const page = await ctx.documents.list({
      collection: 'uploads',
      shape: uploadTicket,
      where: [['ownerId', '==', uid]],
      limit: PAGE,
    });
    await ctx.documents.deleteAll(page.flatMap((each) => [uploadAt(each.id).path, uploadRunAt(each.id).path]));
    return page.length;
  });
  const hashes = await eraseAll(ctx, { collection: 'hashes', where: [['ownerId', '==', uid]] });
  return { contents, tickets, hashes };
}

type Needs = Pick<Context, 'documents'>;
