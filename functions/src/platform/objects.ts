import type { Visibility } from '@playnite/contracts/documents';
import type { Storage } from 'firebase-admin/storage';
import type { Environment } from './environment.ts';
import { withDeadline } from './errors.ts';

type Bucket = ReturnType<Storage['bucket']>;

export interface StoredObject {
  /** Changes with every overwrite of the same path. */
  generation: string;
  /** Bytes. */
  size: number;
  contentType: string;
}

export interface ListedObject {
  path: string;
  updatedAt: Date;
}

/** The bucket, as the use cases see it. */
export interface Objects {
  stat(path: string): Promise<StoredObject | undefined>;
  /** The bytes of exactly that generation, or undefined when it is gone. Holds the whole file in memory: look at its size first. */
  read(path: string, generation: string): Promise<Buffer | undefined>;
  /** Writes or overwrites. */
  write(path: string, bytes: Buffer, options: { contentType: string; cacheControl: string }): Promise<void>;
  /** Like `read`, into a file; false when that generation is gone. */
  download(path: string, generation: string, file: string): Promise<boolean>;
  /** The bytes of an object of the platform's own, or undefined when there is none. */
  readOwn(path: string): Promise<Buffer | undefined>;
  /** Copies within the bucket; false when the source is gone. */
  copy(from: string, to: string): Promise<boolean>;
  /** How long caches may keep it, and for whom; what is gone is fine. */
  setCacheControl(path: string, cacheControl: string): Promise<void>;
  /** A page of what stands below a prefix, by name; `after` is the name to go on from, itself left out. */
  list(prefix: string, options: { after?: string | undefined; limit: number }): Promise<ListedObject[]>;
  /** Removes; what is already gone is fine. With a generation, a newer object of that path stays. */
  remove(path: string, generation?: string): Promise<void>;
  /** Removes all below a prefix. */
  removeBelow(prefix: string): Promise<void>;
  /** Where the Firebase Storage API serves the object, subject to the storage rules; holds no token. */
  urlOf(path: string): string;
}

/**
 * How long caches keep a rendition. It is named by its content, so a public one never changes; what is not public is for
 * no shared cache, and a browser asks again soon, in case the right to see it has ended.
 */
export const cacheControlOf = (visibility: Visibility): string =>
  visibility === 'public' ? 'public, max-age=31536000, immutable' : 'private, max-age=300';

/** A 32 MiB object over a slow link; longer than the deadline of small calls. */
const TRANSFER_DEADLINE_MS = 60_000;

const statusOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
const isGone = (error: unknown) => statusOf(error) === 404;
/** 412: the generation asked for is no longer the newest. */
const isOutdated = (error: unknown) => statusOf(error) === 412;

/** Where the objects of a bucket are served. */
export const objectUrls =
  ({ bucket, storageOrigin }: Pick<Environment, 'bucket' | 'storageOrigin'>): Objects['urlOf'] =>
  (path) =>
    `${storageOrigin}/v0/b/${bucket}/o/${encodeURIComponent(path)}?alt=media`;

/** `Objects` on a Cloud Storage bucket. */
export function bucketObjects(bucket: Bucket): Omit<Objects, 'urlOf'> {
  const stat: Objects['stat'] = async (path) => {
    try {
      const [metadata] = await withDeadline(`stat of ${path}`, bucket.file(path).getMetadata());
      return {
        generation: String(metadata.generation),
        size: Number(metadata.size),
        contentType: metadata.contentType ?? '',
      };
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  };

  return {
    stat,

    async read(path, generation) {
      try {
        // The emulator ignores a wanted generation, so what arrives is compared here as well.
        const [bytes] = await withDeadline(
          `download of ${path}`,
          bucket.file(path, { generation }).download({ validation: false }),
          TRANSFER_DEADLINE_MS,
        );
        return (await stat(path))?.generation === generation ? bytes : undefined;
      } catch (error) {
        if (isGone(error)) return undefined;
        throw error;
      }
    },

    async download(path, generation, file) {
      try {
        await withDeadline(
          `download of ${path}`,
          bucket.file(path, { generation }).download({ destination: file, validation: false }),
          TRANSFER_DEADLINE_MS,
        );
        return (await stat(path))?.generation === generation;
      } catch (error) {
        if (isGone(error)) return false;
        throw error;
      }
    },

    async readOwn(path) {
      try {
        const [bytes] = await withDeadline(
          `download of ${path}`,
          bucket.file(path).download({ validation: false }),
          TRANSFER_DEADLINE_MS,
        );
        return bytes;
      } catch (error) {
        if (isGone(error)) return undefined;
        throw error;
      }
    },

    async copy(from, to) {
      try {
        await withDeadline(`copy of ${from}`, bucket.file(from).copy(bucket.file(to)), TRANSFER_DEADLINE_MS);
        return true;
      } catch (error) {
        if (isGone(error)) return false;
        throw error;
      }
    },

    async setCacheControl(path, cacheControl) {
      try {
        await withDeadline(`metadata of ${path}`, bucket.file(path).setMetadata({ cacheControl }));
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    },

    async list(prefix, { after, limit }) {
      const [files] = await withDeadline(
        `list of ${prefix}`,
        // `startOffset` includes the name itself, so one more is asked for and left out.
        bucket.getFiles({
          prefix,
          maxResults: limit + 1,
          autoPaginate: false,
          ...(after === undefined ? {} : { startOffset: after }),
        }),
      );
      return files
        .filter(({ name }) => name !== after)
        .slice(0, limit)
        .map(({ name, metadata }) => ({
          path: name,
          updatedAt: new Date(metadata.updated ?? metadata.timeCreated ?? 0),
        }));
    },

    async write(path, bytes, { contentType, cacheControl }) {
      await withDeadline(
        `write of ${path}`,
        bucket.file(path).save(bytes, { resumable: false, contentType, metadata: { cacheControl } }),
        TRANSFER_DEADLINE_MS,
      );
    },

    async remove(path, generation) {
      if (generation !== undefined) {
        const present = await stat(path);
        if (present?.generation !== generation) return;
      }
      try {
        const options = generation === undefined ? {} : { ifGenerationMatch: generation };
        await withDeadline(`removal of ${path}`, bucket.file(path).delete(options));
      } catch (error) {
        if (!isGone(error) && !isOutdated(error)) throw error;
      }
    },

    async removeBelow(prefix) {
      await withDeadline(`removal below ${prefix}`, bucket.deleteFiles({ prefix, force: true }), TRANSFER_DEADLINE_MS);
    },
  };
}
