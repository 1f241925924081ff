import { createHash } from 'node:crypto';

/** How words are named when they are screened: SHA-256, hex. The security rules compute the same. */
export const hashOfText = (text: string): string => createHash('sha256').update(text).digest('hex');
