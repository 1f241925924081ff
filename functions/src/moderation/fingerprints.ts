/**
 * Which published pictures look like a given one.
 *
 * Each picture's hashes stand in `fingerprints/{contentId}`. For a search they are needed all together, so each process
 * holds them in memory: a snapshot from the bucket, made by a schedule, and whatever came after it, asked for anew at
 * each search. What is found is checked against the documents, so an entry of something deleted does no harm.
 */
import { type DocumentRef, documentId, timestamp } from '@playnite/contracts/documents';
import { z } from 'zod';
import type { Context } from '../platform/context.ts';
import { sameColors } from './color-grid.ts';
import { HashIndex } from './hash-index.ts';
import { type ImageHashes, MATCH_DISTANCE_MAX } from './perceptual-hash.ts';

const fingerprint = z.object({
  contentId: documentId,
  ownerId: documentId,
  sha256: z.string(),
  /** Perceptual hashes of an image that has enough in it to be told from others. */
  hashes: z.array(z.string()),
  /** Where which colours are; see color-grid.ts. */
  colors: z.string(),
  /** `pending` while the upload is on its way; `banned` once it was taken down. */
  state: z.enum(['pending', 'published', 'banned']),
  at: timestamp,
});
export type Fingerprint = z.infer<typeof fingerprint>;

export const fingerprintAt = (contentId: string): DocumentRef<Fingerprint> => ({
  path: `fingerprints/${contentId}`,
  shape: fingerprint,
});

/** `moderationIndex/current`: the newest snapshot, which holds every fingerprint up to a moment. */
const snapshot = z.object({ path: z.string(), until: timestamp });
const snapshotRef: DocumentRef<z.infer<typeof snapshot>> = { path: 'moderationIndex/current', shape: snapshot };

/** A commit's server time may be this much older than the moment at which it can be read. */
const COMMIT_SKEW_MS = 60_000;
const PAGE = 500;
/** Look-alikes that a search looks at closely. */
const NEIGHBOURS_MAX = 10;

export interface LookAlike extends Pick<Fingerprint, 'contentId' | 'ownerId' | 'state'> {
  /** In how many of 64 bits the nearest two hashes differ. */
  distance: number;
}

type Needs = Pick<Context, 'documents' | 'objects' | 'now'>;

/** The fingerprints as one process knows them. */
export class Catalog {
  #index: HashIndex | undefined;
  /** What the index holds of those that may be listed again, and when they came. */
  readonly #recent = new Map<string, Date>();
  /** Everything up to here is known. */
  #until = new Date(0);

  /** What looks like these hashes, nearest first, apart from the content itself. */
  async lookAlikes(
    ctx: Needs,
    contentId: string,
    { sought, colors }: { sought: ImageHashes['sought']; colors: string },
  ): Promise<LookAlike[]> {
    const index = await this.#refresh(ctx);
    const near = index
      .findAny(sought, MATCH_DISTANCE_MAX, NEIGHBOURS_MAX + 1)
      .filter(({ id }) => id !== contentId)
      .slice(0, NEIGHBOURS_MAX);
    const present = await ctx.documents.getAll(near.map(({ id }) => fingerprintAt(id)));
    return near.flatMap(({ distance }, nth) => {
      const found = present[nth];
      return found && sameColors(colors, found.colors) ? [{ ...found, distance }] : [];
    });
  }

  async #refresh(ctx: Needs): Promise<HashIndex> {
    const index = (this.#index ??= await this.#load(ctx));
    const settled = new Date(ctx.now().getTime() - COMMIT_SKEW_MS);
    for await (const page of pagesSince(ctx, this.#until)) {
      for (const { id, data } of page) {
        if (this.#recent.has(id)) continue;
        this.#recent.set(id, data.at.toDate());
        for (const hash of data.hashes) index.add(id, hash);
      }
    }
    if (settled > this.#until) this.#until = settled;
    for (const [id, at] of this.#recent) if (at <= this.#until) this.#recent.delete(id);
    return index;
  }

  async #load(ctx: Needs): Promise<HashIndex> {
    const loaded = await loadSnapshot(ctx);
    this.#until = loaded.until;
    return loaded.index;
  }
}

async function loadSnapshot(ctx: Needs): Promise<{ index: HashIndex; until: Date }> {
  const current = await ctx.documents.get(snapshotRef);
  const bytes = current && (await ctx.objects.readOwn(current.path));
  return bytes
    ? { index: HashIndex.parse(bytes), until: current.until.toDate() }
    : { index: new HashIndex(), until: new Date(0) };
}

/** All fingerprints that came after a moment, in their order. */
async function* pagesSince(ctx: Needs, since: Date, until?: Date) {
  let after = since;
  for (;;) {
    const page = await ctx.documents.list({
      collection: 'fingerprints',
      shape: fingerprint,
      where: [['at', '>', after], ...(until ? [['at', '<=', until] as const] : [])],
      orderBy: 'at',
      limit: PAGE,
    });
    yield page;
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    after = last.data.at.toDate();
  }
}

/** Folds what came since the last snapshot into a new one, so that a new process starts from little more than one file. */
export async function compactFingerprints(ctx: Needs): Promise<void> {
  const { index, until: since } = await loadSnapshot(ctx);
  const until = new Date(ctx.now().getTime() - COMMIT_SKEW_MS);
  const before = index.size;
  for await (const page of pagesSince(ctx, since, until)) {
    for (const { id, data } of page) for (const hash of data.hashes) index.add(id, hash);
  }
  if (index.size === before) return;
  const path = `moderation/fingerprints-${until.getTime()}.bin`;
  const former = await ctx.documents.get(snapshotRef);
  await ctx.objects.write(path, index.serialise(), {
    contentType: 'application/octet-stream',
    cacheControl: 'private, no-store',
  });
  await ctx.documents.setAll([[snapshotRef, { path, until }]]);
  if (former && former.path !== path) await ctx.objects.remove(former.path);
}
