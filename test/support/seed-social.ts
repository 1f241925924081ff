/** Social documents in the platform under test. */
import { db } from './backstage.ts';
import { target } from './platform.ts';
import { type SeededContent, whileUnheard, writeContent, writeFollowers } from './social-documents.ts';

export { followerIds } from './social-documents.ts';

export const seedContent = (ownerId: string, more?: SeededContent): Promise<string> => writeContent(db, ownerId, more);
export const seedFollowers = (authorUid: string, uids: readonly string[]): Promise<void> =>
  writeFollowers(db, authorUid, uids);
/** Does the work while no function hears of what is written. Only where no other test runs. */
export const unheard = <T>(work: () => Promise<T>): Promise<T> => whileUnheard(target.run, work);
