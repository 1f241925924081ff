import { describe, expect, test } from '@jest/globals';
import type { Documents, Search } from '../../../functions/src/platform/documents.ts';
import { refusedBy } from '../../../functions/src/content/refuse-reserved.ts';
import { UPLOADS_MAX, UPLOADS_WINDOW_MS, isOneTooMany } from '../../../functions/src/storage/limit-uploads.ts';

const moment = new Date('2026-01-02T03:04:05.678Z');
const createdAt = { toMillis: () => moment.getTime(), toDate: () => moment };

describe('a ticket', () => {
  const judged = async (counted: number) => {
    const searches: Search[] = [];
    const documents = {
      count: (search: Search) => {
        searches.push(search);
        return Promise.resolve(counted);
      },
    } as unknown as Documents;
    return { isExcess: await isOneTooMany({ documents }, 'up', { ownerId: 'ann', createdAt }), searches };
  };

  test.each([
    [1, false],
    [UPLOADS_MAX, false],
    [UPLOADS_MAX + 1, true],
  ])('that is number %d of its time is one too many: %p', async (counted, expected) => {
    expect((await judged(counted)).isExcess).toBe(expected);
  });

  test('is counted once, with those before it, at exactly the moment that Firestore took it', async () => {
    const { searches } = await judged(1);
    expect(searches).toHaveLength(1);
    expect(searches[0]).toMatchObject({
      where: [
        ['ownerId', '==', 'ann'],
        ['status', 'in', expect.not.arrayContaining(['failed'])],
        ['createdAt', '>', new Date(moment.getTime() - UPLOADS_WINDOW_MS)],
      ],
    });
    // The very value, which holds microseconds: as a date it would lie before the ticket itself.
    expect(searches[0]?.through?.value).toBe(createdAt);
  });
});

describe('a reservation that is refused', () => {
  test('for want of room rejects its upload, and for want of time fails it, to be sent again', () => {
    expect(refusedBy({ state: 'refused', refusal: 'quota-exceeded' })).toMatchObject({
      status: 'rejected',
      rejection: { code: 'quota-exceeded' },
    });
    expect(refusedBy({ state: 'refused', refusal: 'too-many-uploads' })).toMatchObject({
      status: 'failed',
      failure: { code: 'too-many-uploads', retryable: true },
    });
  });

  test('is the only one that ends its upload', () => {
    for (const state of ['held', 'used', 'released'] as const) expect(refusedBy({ state })).toBeUndefined();
  });
});
