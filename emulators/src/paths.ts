import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's root. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Everything that can be made again: run folders, logs, the compiled rules host. */
export const CACHE = path.join(ROOT, '.cache');
/** Programs of our dependencies: the pinned Node 24 and firebase-tools. */
export const BIN = path.join(ROOT, 'node_modules', '.bin');
export const DATA = path.join(ROOT, '.data');
