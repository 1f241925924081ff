import { describe, expect, test } from '@jest/globals';
import {
  type Content,
  type Deletion,
  ERASING_SERVICES,
  type ErasingService,
  QUOTA_BYTES_DEFAULT,
  type Reservation,
  type UploadStatus,
} from '@playnite/contracts/documents';
import { type Documents, type Transaction, plus } from '../../../functions/src/platform/documents.ts';
import { eraseAll, erasePaged, inGroups } from '../../../functions/src/platform/erasure.ts';
import { announceDeletion, announceReservation } from '../../../functions/src/storage/announce-storage.ts';
import { ROUNDS_MAX, conclude } from '../../../functions/src/storage/prove-deletion.ts';
import { changeSums, fits } from '../../../functions/src/storage/quota.ts';
import { addUp } from '../../../functions/src/storage/reconcile-quotas.ts';
import { plan } from '../../../functions/src/storage/settle.ts';
import { idsIn, isOrphan } from '../../../functions/src/storage/sweep-orphans.ts';
import { cachingOf } from '../../../functions/src/storage/sync-visibility.ts';
import { walkPage } from '../../../functions/src/platform/walk.ts';

const moment = new Date('2026-01-02T03:04:05.678Z');
const stamp = { toMillis: () => moment.getTime(), toDate: () => moment };
const GIB = 1024 ** 3;

describe('fits', () => {
  test.each([
    ['the first upload of an account', undefined, 10, true],
    ['what fills the limit to its last byte', { usedBytes: 60, reservedBytes: 30, limitBytes: 100 }, 10, true],
    ['one byte more than that', { usedBytes: 60, reservedBytes: 30, limitBytes: 100 }, 11, false],
    ['anything where an operator allows nothing', { usedBytes: 0, reservedBytes: 0, limitBytes: 0 }, 1, false],
    ['more than the default limit', { usedBytes: 4 * GIB, reservedBytes: GIB }, 1, false],
    ['a single file as large as the default limit', undefined, QUOTA_BYTES_DEFAULT, true],
  ])('judges %s', (_, quota, bytes, expected) => {
    expect(fits(quota, bytes)).toBe(expected);
  });
});

describe('plan', () => {
  const planFor = (state: Reservation['state'], status: UploadStatus | undefined) => plan({ state, bytes: 7 }, status);
  const unchanged = { deltaUsed: 0, deltaReserved: 0 };

  test.each<[Reservation['state'], UploadStatus | undefined, ReturnType<typeof plan>]>([
    ['held', 'awaiting-file', { state: 'held', ...unchanged }],
    ['held', 'in-review', { state: 'held', ...unchanged }],
    ['held', 'published', { state: 'used', deltaUsed: 7, deltaReserved: -7 }],
    ['held', 'rejected', { state: 'released', deltaUsed: 0, deltaReserved: -7 }],
    ['held', 'failed', { state: 'released', deltaUsed: 0, deltaReserved: -7 }],
    ['held', 'expired', { state: 'released', deltaUsed: 0, deltaReserved: -7 }],
    ['held', 'cancelled', { state: 'released', deltaUsed: 0, deltaReserved: -7 }],
    ['held', undefined, { state: 'released', deltaUsed: 0, deltaReserved: -7 }],
    ['used', 'published', { state: 'used', ...unchanged }],
    ['used', 'rejected', { state: 'released', deltaUsed: -7, deltaReserved: 0 }],
    ['used', undefined, { state: 'released', deltaUsed: -7, deltaReserved: 0 }],
    ['released', 'rejected', { state: 'released', ...unchanged }],
    ['released', 'awaiting-file', { state: 'released', ...unchanged }],
    ['released', 'screening', { state: 'held', deltaUsed: 0, deltaReserved: 7 }],
    ['released', 'in-review', { state: 'held', deltaUsed: 0, deltaReserved: 7 }],
    ['released', 'processing', { state: 'held', deltaUsed: 0, deltaReserved: 7 }],
    ['released', 'published', { state: 'used', deltaUsed: 7, deltaReserved: 0 }],
    ['refused', 'awaiting-file', { state: 'refused', ...unchanged }],
    ['refused', 'processing', { state: 'refused', ...unchanged }],
    ['refused', 'rejected', { state: 'refused', ...unchanged }],
    ['refused', undefined, { state: 'refused', ...unchanged }],
  ])('makes of %s, with a ticket that is %s, what it has to be', (state, status, expected) => {
    expect(planFor(state, status)).toEqual(expected);
  });

  test('planned twice changes nothing the second time, whatever came before', () => {
    const states: Reservation['state'][] = ['held', 'refused', 'used', 'released'];
    const statuses: (UploadStatus | undefined)[] = ['awaiting-file', 'processing', 'published', 'rejected', undefined];
    for (const state of states) {
      for (const status of statuses) {
        const { state: reached } = planFor(state, status);
        expect(planFor(reached, status)).toEqual({ state: reached, ...unchanged });
      }
    }
  });

  test('any history of statuses leaves sums that are those of the last state', () => {
    const history: (UploadStatus | undefined)[] = ['screening', 'rejected', 'screening', 'published', 'rejected'];
    const sums = { usedBytes: 0, reservedBytes: 7 };
    let state: Reservation['state'] = 'held';
    for (const status of history) {
      const next = planFor(state, status);
      state = next.state;
      sums.usedBytes += next.deltaUsed;
      sums.reservedBytes += next.deltaReserved;
      expect(sums).toEqual(addUp([{ state, bytes: 7 }]));
    }
  });
});

describe('changeSums', () => {
  const written = (deltas: Parameters<typeof changeSums>[2]) => {
    const updates: unknown[] = [];
    const tx: Pick<Transaction, 'update'> = { update: (ref, fields) => void updates.push([ref.path, fields]) };
    changeSums(tx, 'ann', deltas);
    return updates;
  };

  test('moves bytes from reserved to used where the sums stand', () => {
    expect(written({ deltaUsed: 7, deltaReserved: -7 })).toEqual([
      ['quotas/ann', { usedBytes: plus(7), reservedBytes: plus(-7) }],
    ]);
  });

  test('writes nothing where nothing changes', () => {
    expect(written({ deltaUsed: 0, deltaReserved: 0 })).toEqual([]);
  });
});

test('only what is held or used counts in the sums', () => {
  expect(
    addUp([
      { state: 'held', bytes: 1 },
      { state: 'used', bytes: 10 },
      { state: 'used', bytes: 100 },
      { state: 'refused', bytes: 1000 },
      { state: 'released', bytes: 10_000 },
    ]),
  ).toEqual({ usedBytes: 110, reservedBytes: 1 });
});

const change = <T>(before: T | undefined, after: T | undefined, version = '1.000') => ({
  params: { uploadId: 'up', deletionId: 'content~up' },
  before,
  after,
  at: moment,
  version,
});
const namesOf = ({ events = [] }: ReturnType<typeof announceDeletion>) => events.map(({ envelope }) => envelope.name);

describe('announceReservation', () => {
  const reservation = (state: Reservation['state']): Reservation => ({
    ownerId: 'ann',
    bytes: 7,
    state,
    updatedAt: stamp,
  });

  test('is news when a reservation appears or its state changes', () => {
    expect(namesOf(announceReservation(change(undefined, reservation('refused'))))).toEqual([
      'storage.reservation-changed',
    ]);
    expect(namesOf(announceReservation(change(reservation('released'), reservation('held'))))).toEqual([
      'storage.reservation-changed',
    ]);
  });

  test('is none when it is touched, or goes with its content', () => {
    expect(announceReservation(change(reservation('held'), reservation('held')))).toEqual({});
    expect(announceReservation(change(reservation('used'), undefined))).toEqual({});
  });
});

describe('announceDeletion', () => {
  const receiptsOf = (round: number, services: readonly ErasingService[]): Deletion['receipts'] =>
    Object.fromEntries(services.map((service) => [service, { round, erased: {} }]));
  const deletion = (fields: Partial<Deletion> = {}): Deletion => ({
    kind: 'content',
    targetId: 'up',
    ownerId: 'ann',
    requestedBy: 'ann',
    state: 'running',
    round: 1,
    receipts: {},
    requestedAt: stamp,
    updatedAt: stamp,
    ...fields,
  });
  const erasedIn = (round: number) => receiptsOf(round, ERASING_SERVICES);
  const allButOneIn = (round: number) => receiptsOf(round, ERASING_SERVICES.slice(1));

  test.each([
    ['it is requested', undefined, deletion(), ['storage.deletion-requested']],
    [
      'another round begins',
      deletion({ receipts: erasedIn(1) }),
      deletion({ round: 2, receipts: erasedIn(1) }),
      ['storage.deletion-requested'],
    ],
    ['a receipt comes', deletion(), deletion({ receipts: allButOneIn(1) }), []],
    [
      'the last receipt comes',
      deletion({ receipts: allButOneIn(1) }),
      deletion({ receipts: erasedIn(1) }),
      ['storage.deletion-erased'],
    ],
    [
      'the last receipt of a later round comes',
      deletion({ round: 2, receipts: { ...erasedIn(1), ...allButOneIn(2) } }),
      deletion({ round: 2, receipts: erasedIn(2) }),
      ['storage.deletion-erased'],
    ],
    [
      'the receipts are those of an earlier round',
      deletion({ round: 2 }),
      deletion({ round: 2, receipts: erasedIn(1) }),
      [],
    ],
    [
      'a look has found something after the last round',
      deletion({ receipts: erasedIn(1) }),
      deletion({ receipts: erasedIn(1), remaining: { feed: 1 } }),
      [],
    ],
    ['it is done', deletion({ receipts: erasedIn(1) }), deletion({ receipts: erasedIn(1), state: 'done' }), []],
    ['its document goes', deletion(), undefined, []],
  ])('when %s', (_, before, after, expected) => {
    expect(namesOf(announceDeletion(change(before, after)))).toEqual(expected);
  });

  test('gives each round one event, however often it is announced', () => {
    const idOf = (round: number, version: string) =>
      announceDeletion(change(undefined, deletion({ round }), version)).events?.[0]?.envelope.id;
    expect(idOf(1, '1.000')).toBe(idOf(1, '2.000'));
    expect(idOf(1, '1.000')).not.toBe(idOf(2, '1.000'));
  });
});

describe('conclude', () => {
  test.each([
    ['done, when nothing is left', 1, { feed: 0, media: 0 }, 0, 'done'],
    ['done, even after the last round', ROUNDS_MAX, { feed: 0 }, 0, 'done'],
    ['another round, while something is left', 1, { feed: 1, media: 0 }, 0, 'again'],
    ['the last round', ROUNDS_MAX - 1, { feed: 1 }, 0, 'again'],
    ['for a person to look at, when rounds did not help', ROUNDS_MAX, { feed: 1 }, 0, 'give-up'],
    ['to wait for, while contents of the account are on their way out', 1, { content: 3 }, 3, 'wait'],
    ['to wait for, though the last content has just gone', 1, { content: 0 }, 1, 'wait'],
  ])('is %s', (_, round, remaining, contentsRunning, expected) => {
    expect(conclude(round, remaining, contentsRunning)).toBe(expected);
  });
});

describe('cachingOf', () => {
  const of = (visibility: Content['visibility'], status: Content['status']) => cachingOf({ visibility, status });

  test('lets everybody keep what is public', () => {
    expect(of('public', 'published')).toBe('public, max-age=31536000, immutable');
  });

  test('lets no shared cache keep what is for some, held or taken down', () => {
    for (const each of [of('followers', 'published'), of('private', 'published'), of('public', 'removed')]) {
      expect(each).toBe('private, max-age=300');
    }
  });
});

describe('isOrphan', () => {
  const HOUR_MS = 60 * 60_000;
  const base = { ageMs: HOUR_MS + 1, ticketStatus: undefined, hasContent: false };

  test.each([
    ['an old object of nobody', base, true],
    ['an old object of a rejected upload', { ...base, ticketStatus: 'rejected' as const }, true],
    ['one whose content was deleted', { ...base, ticketStatus: 'published' as const }, true],
    ['a young object', { ...base, ageMs: HOUR_MS }, false],
    ['the object of a content', { ...base, hasContent: true }, false],
    ['the object of an upload at work', { ...base, ticketStatus: 'processing' as const }, false],
    ['the object of an upload in review', { ...base, ticketStatus: 'in-review' as const }, false],
  ])('%s', (_, object, expected) => {
    expect(isOrphan(object)).toBe(expected);
  });
});

test.each([
  ['media/up/a.webp', ['up', 'a.webp']],
  ['uploads/ann/up', ['ann', 'up']],
  ['uploads/ann/up/more', ['ann', undefined]],
  ['uploads//up', [undefined, 'up']],
  ['uploads/ann/', ['ann', undefined]],
  ['media', [undefined, undefined]],
])('reads the ids in %s', (path, expected) => {
  expect(idsIn(path)).toEqual(expected);
});

describe('walkPage', () => {
  /** Documents that hold the cursor only. */
  function cursorKeeper() {
    const held = new Map<string, unknown>();
    const documents = {
      get: (ref: { path: string }) => Promise.resolve(held.get(ref.path)),
      setAll: (rows: readonly (readonly [{ path: string }, unknown])[]) => {
        for (const [ref, fields] of rows) held.set(ref.path, fields);
        return Promise.resolve();
      },
    } as unknown as Documents;
    return { documents };
  }

  const walkOver = async (names: readonly string[], runs: number, fails: (page: string[]) => boolean = () => false) => {
    const ctx = cursorKeeper();
    const pages: string[][] = [];
    for (let run = 0; run < runs; run += 1) {
      const load = (after: string | undefined, limit: number) =>
        Promise.resolve(names.filter((name) => after === undefined || name > after).slice(0, limit));
      const walk = { name: 'w', limit: 2, load, nameOf: (name: string) => name };
      await walkPage(ctx, walk, async (page) => {
        pages.push(page);
        if (fails(page) && pages.length < 3) throw new Error('died');
      }).catch(() => undefined);
    }
    return pages;
  };

  test('goes on where it stopped, and begins again after the end', async () => {
    expect(await walkOver(['a', 'b', 'c'], 4)).toEqual([['a', 'b'], ['c'], ['a', 'b'], ['c']]);
  });

  test('does not waste a run on the end when the last page was full', async () => {
    expect(await walkOver(['a', 'b'], 3)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  test('takes a page again whose handling died', async () => {
    expect(await walkOver(['a', 'b', 'c'], 4, ([first]) => first === 'c')).toEqual([
      ['a', 'b'],
      ['c'],
      ['c'],
      ['a', 'b'],
    ]);
  });

  test('bears that there is nothing', async () => {
    expect(await walkOver([], 2)).toEqual([[], []]);
  });
});

describe('erasing', () => {
  test('goes on page by page until nothing is left, and says how much it was', async () => {
    let left = 650;
    const documents = {
      paths: ({ limit }: { limit: number }) =>
        Promise.resolve(Array.from({ length: Math.min(limit, left) }, (_, index) => `x/${index}`)),
      deleteAll: (paths: readonly string[]) => {
        left -= paths.length;
        return Promise.resolve();
      },
    } as unknown as Documents;
    expect(await eraseAll({ documents }, { collection: 'x' })).toBe(650);
    expect(left).toBe(0);
  });

  test('asks to be tried again when there is more than one try may take', async () => {
    await expect(erasePaged('x', () => Promise.resolve(10), 100)).rejects.toMatchObject({
      code: 'erasing-continues',
      retryable: true,
    });
  });

  test('does no more at the same time than it may', async () => {
    let now = 0;
    let most = 0;
    const seen: number[] = [];
    await inGroups([1, 2, 3, 4, 5], 2, async (item) => {
      now += 1;
      most = Math.max(most, now);
      await Promise.resolve();
      seen.push(item);
      now -= 1;
    });
    expect(most).toBe(2);
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });
});
