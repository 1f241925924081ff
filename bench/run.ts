/** `npm run bench`: measures what the README's figures say, and prints them with the machine that they are from. */
import { cpus, totalmem } from 'node:os';
import { benchNearDuplicates } from './near-duplicates.ts';
import { benchStorageRules } from './storage-rules.ts';

const BENCHES: Record<string, () => Promise<Record<string, number>>> = {
  'storage-rules': benchStorageRules,
  'near-duplicates': benchNearDuplicates,
};

const wanted = process.argv.slice(2);
console.log(
  `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`,
);
for (const [name, bench] of Object.entries(BENCHES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n${name}`);
  for (const [what, figure] of Object.entries(await bench()))
    console.log(`  ${what.padEnd(52)}${figure.toLocaleString('en')}`);
}
