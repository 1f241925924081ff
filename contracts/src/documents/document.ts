import type { z } from 'zod';

/** Where a document stands and what it looks like: enough to read it parsed, whatever the SDK. */
export interface DocumentRef<T> {
  path: string;
  shape: z.ZodType<T>;
}
