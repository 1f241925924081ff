/** `npm run bench`: measures what the README's figures say, and prints them with the machine that they are from. */
import { cpus, totalmem } from 'node:os';

/** Figures by what they are of, or the lines of a table. Each bench loads what it measures, and nothing of the others. */
const BENCHES: Record<string, () => Promise<Record<string, number> | string[]>> = {
  'storage-rules': async () => (await import('./storage-rules.ts')).benchStorageRules(),
  'near-duplicates': async () => (await import('./near-duplicates.ts')).benchNearDuplicates(),
  'image-pipeline': async () => (await import('./image-pipeline.ts')).benchImagePipeline(),
  screening: async () => (await import('./screening.ts')).benchScreening(),
  'cold-starts': async () => (await import('./cold-starts.ts')).benchColdStarts(),
  'upload-cost': async () => (await import('./upload-cost.ts')).benchUploadCost(),
  social: async () => (await import('./social.ts')).benchSocial(),
  'social-fan-out': async () => (await import('./social-fan-out.ts')).benchSocialFanOut(),
  realtime: async () => (await import('./realtime.ts')).benchRealtime(),
  load: async () => (await import('./load.ts')).benchLoad(),
};

const wanted = process.argv.slice(2);
console.log(
  `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`,
);
for (const [name, bench] of Object.entries(BENCHES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n${name}`);
  const outcome = await bench();
  if (Array.isArray(outcome)) console.log(outcome.join('\n'));
  else {
    for (const [what, figure] of Object.entries(outcome))
      console.log(`  ${what.padEnd(52)}${figure.toLocaleString('en')}`);
  }
}
// The stock SDKs keep timers that would hold the process for half a minute.
process.exit();
