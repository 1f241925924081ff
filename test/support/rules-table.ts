/**
 * What is asked of the Firestore rules, and who is let in: everybody else must be refused. The same table judges the rules
 * as they are and every mutant of them.
 */
import { ACCOUNT_ROWS } from './rules-table-users.ts';
import { CONTENT_ROWS } from './rules-table-content.ts';
import { ENGAGEMENT_ROWS } from './rules-table-engagement.ts';
import { RELATION_ROWS } from './rules-table-relations.ts';
import { STAFF_ROWS } from './rules-table-staff.ts';
import type { Row } from './rules-world.ts';

export const TABLE: readonly Row[] = [
  ...ACCOUNT_ROWS,
  ...RELATION_ROWS,
  ...CONTENT_ROWS,
  ...ENGAGEMENT_ROWS,
  ...STAFF_ROWS,
];
