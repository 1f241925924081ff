import { readFile } from 'node:fs/promises';
import { openHostedRules } from '@playnite/emulators/hosted-rules';
import type { RulesHost, VerifyRequest } from '@playnite/emulators/rules-host';

const CHECKS = 5_000;
const text = (value: string) => ({ string_value: value });
const map = (fields: Record<string, unknown>) => ({ map_value: { fields } });

const auth = map({ uid: text('ann'), token: map({}) });
const upload = map({
  size: { int_value: 1000 },
  contentType: text('image/jpeg'),
  contentDisposition: { null_value: null },
  contentEncoding: { null_value: null },
  metadata: map({}),
});

/** Checks per second; all of them are on their way at once, as the emulator sends them. */
async function rate(host: RulesHost, request: VerifyRequest, permit: boolean): Promise<number> {
  const started = performance.now();
  const verdicts = await Promise.all(Array.from({ length: CHECKS }, () => host.verify(request)));
  const seconds = (performance.now() - started) / 1000;
  if (verdicts.some((verdict) => verdict.permit !== permit)) throw new Error('a rule gave the wrong answer');
  return Math.round(CHECKS / seconds);
}

/** How many checks of our own storage rules the hosted engine does in a second. */
export async function benchStorageRules(): Promise<Record<string, number>> {
  await using host = await openHostedRules((path) => ({
    name: `projects/p${path}`,
    fields: {
      ownerId: { stringValue: 'ann' },
      status: { stringValue: 'awaiting-file' },
      size: { integerValue: '1000' },
      contentType: { stringValue: 'image/jpeg' },
    },
  }));
  const { name: ruleset } = await host.load(
    'storage.rules',
    await readFile(new URL('../storage.rules', import.meta.url), 'utf8'),
  );
  const variables = { resource: { null_value: null }, request: map({ auth, resource: upload }) };
  const put = { ruleset, method: 'create', path: '/b/bucket/o/uploads/ann/ticket', variables } as const;
  const denied = { ...put, path: '/b/bucket/o/elsewhere/file' };
  // The first round warms the engine up.
  await rate(host, denied, false);
  await rate(host, put, true);
  return {
    'denied without a look-up, checks/s': await rate(host, denied, false),
    'upload with a look-up in Firestore, checks/s': await rate(host, put, true),
  };
}
