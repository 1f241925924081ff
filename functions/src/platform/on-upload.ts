import { onObjectFinalized } from 'firebase-functions/v2/storage';
import { attempt } from './attempt.ts';
import { type Context, REGION, context } from './context.ts';
import type { StoredObject } from './objects.ts';

export interface ArrivedObject extends StoredObject {
  path: string;
}

/**
 * A function that hears of each object that was completely written below a prefix. Objects elsewhere, such as the
 * renditions that the pipeline itself writes, end the invocation at once: no output can trigger its own making.
 */
export function onUpload(prefix: string, handle: (ctx: Context, object: ArrivedObject) => Promise<void>) {
  return onObjectFinalized(
    { region: REGION, retry: true, memory: '256MiB', concurrency: 80, timeoutSeconds: 60 },
    async ({ data }) => {
      if (!data.name.startsWith(prefix)) return;
      const ctx = await context();
      await attempt(() =>
        handle(ctx, {
          path: data.name,
          generation: String(data.generation),
          size: Number(data.size),
          contentType: data.contentType ?? '',
        }),
      );
    },
  );
}
