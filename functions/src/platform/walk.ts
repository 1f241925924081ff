import type { DocumentRef } from '@playnite/contracts/documents';
import { z } from 'zod';
import type { Context } from './context.ts';

/** `cursors/{name}`: how far a walk through something large has come; empty at its beginning. */
const cursor = z.object({ after: z.string() });
const cursorAt = (name: string): DocumentRef<z.infer<typeof cursor>> => ({ path: `cursors/${name}`, shape: cursor });

interface Walk<T> {
  /** Of the cursor. */
  name: string;
  limit: number;
  /** At most `limit` things by their names, after a name or from the first one on. */
  load: (after: string | undefined, limit: number) => Promise<T[]>;
  nameOf: (item: T) => string;
}

/**
 * One page of a walk that goes round and round: each run takes the page after the last one, and the first page again
 * after the end. The cursor moves once the page has been handled, so a run that dies is repeated.
 */
export async function walkPage<T>(
  ctx: Pick<Context, 'documents'>,
  { name, limit, load, nameOf }: Walk<T>,
  handle: (page: T[]) => Promise<void>,
): Promise<void> {
  const after = (await ctx.documents.get(cursorAt(name)))?.after ?? '';
  const next = after === '' ? [] : await load(after, limit);
  const page = next.length > 0 ? next : await load(undefined, limit);
  await handle(page);
  const last = page.at(-1);
  const reached = last === undefined || page.length < limit ? '' : nameOf(last);
  await ctx.documents.setAll([[cursorAt(name), { after: reached }]]);
}
