import { z } from 'zod';

/** The data of every publication, whatever its channel. */
export const publicationData = z.object({
  /** `<service>.<event>` */
  type: z.string(),
  /** The event's id: the same publication never comes twice under two ids. */
  id: z.string(),
  at: z.iso.datetime(),
  data: z.unknown(),
});
export type PublicationData = z.infer<typeof publicationData>;
