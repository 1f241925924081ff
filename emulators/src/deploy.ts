/**
 * `npm run deploy -- --project ID`: builds the functions and hands them, the rules and the indexes to firebase-tools. The
 * realtime server is a container of its own; what it needs stands at the head of realtime-server/src/config.ts.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildFunctions } from '@playnite/functions/build';
import { BIN, ROOT } from './paths.ts';

const { values } = parseArgs({ options: { project: { type: 'string' } } });
if (values.project === undefined || values.project.startsWith('demo-')) {
  console.error('Name a real project: npm run deploy -- --project ID');
  process.exit(1);
}
await buildFunctions();
const { status } = spawnSync(
  path.join(BIN, 'firebase'),
  ['deploy', '--only', 'functions,firestore,storage', '--project', values.project],
  { cwd: ROOT, stdio: 'inherit' },
);
process.exit(status ?? 1);
