/**
 * A dependency that answers nobody for a while, in the middle of an upload. Storage runs inside the suite's own process and
 * cannot be stopped alone. Photos of this file: variants 22,000 and up.
 */
import { beforeAll, expect, test } from '@jest/globals';
import {
  type Effects,
  RECOVERY_MAX_MS,
  becomes,
  effectsOf,
  followedPair,
  quietUpload,
  stall,
  whileRecovering,
} from '../support/faults.ts';
import { photo } from '../support/files.ts';

const STALL_MS = 8_000;
const TEST_MAX_MS = STALL_MS + RECOVERY_MAX_MS + 60_000;

let quiet: Effects;
beforeAll(async () => {
  ({ effects: quiet } = await quietUpload(await photo({ variant: 22_000 })));
}, TEST_MAX_MS);

test.each([
  ['Pub/Sub', /pubsub-emulator/, 22_001],
  ['Firestore', /firestore[^ ]*\.jar/, 22_002],
])(
  'an upload during which %s stands still ends as if nothing had been',
  async (_, program, variant) => {
    const pair = await followedPair();
    const file = { bytes: await photo({ variant }), contentType: 'image/jpeg' };
    const uploadId = await pair.owner.openTicket({ ...file, title: 'Stalled' });
    const arrived = pair.owner.sees(`uploads/${uploadId}`, ({ status }) => status !== 'awaiting-file');
    await pair.owner.putFile(uploadId, file);
    await arrived;
    await stall(program, STALL_MS);
    expect((await pair.owner.sees(`uploads/${uploadId}`, () => true))['status']).not.toBe('failed');
    await whileRecovering(() => becomes(() => effectsOf(pair, uploadId), quiet));
  },
  TEST_MAX_MS,
);
