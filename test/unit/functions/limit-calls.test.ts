import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type Context, withContext } from '../../../functions/src/platform/context.ts';
import {
  CALLS_PER_ACCOUNT,
  CALLS_PER_ADDRESS,
  CALLS_WINDOW_MS,
  refuseAccount,
  refuseAddress,
} from '../../../functions/src/platform/limit-calls.ts';
import { onCall } from '../../../functions/src/platform/on-call.ts';

const now = new Date('2026-03-04T05:06:07Z');
const later = (ms: number) => new Date(now.getTime() + ms);

describe('calls', () => {
  test('by one account are refused beyond the limit, with the seconds until its window ends; others are not', () => {
    const call = () => refuseAccount('ann', now);
    expect(new Set(Array.from({ length: CALLS_PER_ACCOUNT }, call))).toEqual(new Set([undefined]));
    expect(call()).toBe(CALLS_WINDOW_MS / 1000);
    expect(refuseAccount('ann', later(CALLS_WINDOW_MS - 1))).toBe(1);
    expect(refuseAccount('bob', now)).toBeUndefined();
    expect(refuseAccount('ann', later(CALLS_WINDOW_MS))).toBeUndefined();
  });

  test('from one network of IPv6 count as from one address', () => {
    for (let nth = 0; nth < CALLS_PER_ADDRESS; nth += 1) refuseAddress(`2001:db8:1:2::${nth.toString(16)}`, now);
    expect(refuseAddress('2001:db8:1:2::ffff', now)).toBe(CALLS_WINDOW_MS / 1000);
    expect(refuseAddress('2001:db8:1:3::1', now)).toBeUndefined();
  });

  test.each(['127.0.0.1', '::1', ''])('from this machine (%p) have no limit', (address) => {
    const answers = Array.from({ length: CALLS_PER_ADDRESS + 1 }, () => refuseAddress(address, now));
    expect(new Set(answers)).toEqual(new Set([undefined]));
  });
});

/** A call as Express hands it over, as far as it is looked at before the SDK's turn, and what is answered. */
function callFrom(address: string) {
  const answered = { status: 200, headers: {} as Record<string, string>, body: undefined as unknown };
  const response = {
    set: (headers: Record<string, string>) => Object.assign(answered.headers, headers),
    status: (status: number) => {
      answered.status = status;
      return response;
    },
    send: (body: unknown) => {
      answered.body = body;
    },
  };
  const request = {
    method: 'POST',
    get: (name: string) => (name === 'x-forwarded-for' ? address : undefined),
    socket: { remoteAddress: '10.0.0.1' },
  };
  return { answered, request, response };
}

test('a call from an address beyond its limit is answered as the SDK would, before the SDK looks at it', async () => {
  const answer = onCall('nothing', { input: z.object({}), changes: false }, () => Promise.resolve({}));
  for (let nth = 0; nth < CALLS_PER_ADDRESS; nth += 1) refuseAddress('192.0.2.1', now);
  const { answered, request, response } = callFrom('198.51.100.1, 192.0.2.1');
  await withContext({ now: () => now } as unknown as Context, () =>
    answer(request as unknown as Parameters<typeof answer>[0], response as unknown as Parameters<typeof answer>[1]),
  );
  expect(answered).toEqual({
    status: 429,
    headers: {
      'retry-after': '300',
      'access-control-expose-headers': 'retry-after',
      'access-control-allow-origin': '*',
    },
    body: {
      error: {
        status: 'RESOURCE_EXHAUSTED',
        message: 'Too many calls; again in 300 s.',
        details: { code: 'too-many-requests', retryable: true },
      },
    },
  });
});
