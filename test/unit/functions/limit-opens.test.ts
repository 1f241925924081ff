import { describe, expect, test } from '@jest/globals';
import type { Documents } from '../../../functions/src/platform/documents.ts';
import {
  OPENS_PER_ADDRESS,
  OPENS_PER_SHARE,
  WINDOW_MS,
  countsAsOpen,
} from '../../../functions/src/social/limit-opens.ts';
import { openShare } from '../../../functions/src/social/open-share.ts';

const now = new Date('2026-03-04T05:06:07Z');
const later = (ms: number) => new Date(now.getTime() + ms);

/** How many of so many opens count. */
const counted = (times: number, open: (nth: number) => boolean): number =>
  Array.from({ length: times }, (_, nth) => open(nth)).filter(Boolean).length;

describe('opens of shared links', () => {
  test('count up to a limit by one address, whatever it opens, and again in the next window', () => {
    const open = (at: Date) => (nth: number) => countsAsOpen(`code-${nth}`, '192.0.2.1', at);
    expect(counted(OPENS_PER_ADDRESS + 50, open(now))).toBe(OPENS_PER_ADDRESS);
    expect(counted(1, open(later(WINDOW_MS - 1)))).toBe(0);
    expect(counted(10, open(later(WINDOW_MS)))).toBe(10);
  });

  test('count up to a limit of one share, whoever opens it; others go on', () => {
    const open = (nth: number) => countsAsOpen('popular', `198.51.${nth >> 8}.${nth & 255}`, now);
    expect(counted(OPENS_PER_SHARE + 50, open)).toBe(OPENS_PER_SHARE);
    expect(countsAsOpen('another', '198.51.100.1', now)).toBe(true);
  });
});

describe('a page behind a link', () => {
  const code = 'c'.repeat(16);
  const rendition = { url: 'https://media.example/p.webp', path: 'p.webp', width: 2, height: 1 };
  const rows = new Map<string, unknown>([
    [`shareCodes/${code}`, { contentId: 'dusk', shareId: 's', userId: 'bob', target: 'link', ownerId: 'ann' }],
    [
      'content/dusk',
      {
        ownerId: 'ann',
        owner: { handle: 'ann', displayName: 'Ann' },
        kind: 'image',
        title: 'Dusk',
        caption: '',
        visibility: 'public',
        status: 'published',
        media: { preview: rendition },
      },
    ],
    ['serverKeys/viewers', { key: 'key' }],
  ]);
  const world = () => {
    const tally = { counted: 0 };
    const documents = {
      get: ({ path }: { path: string }) => Promise.resolve(rows.get(path)),
      createMissing: () => Promise.resolve(),
      transact: () => Promise.resolve(void (tally.counted += 1)),
    } as unknown as Documents;
    const environment = { publicUrl: 'https://play.example', appUrl: 'https://app.example' };
    const ctx = { documents, environment, now: () => now, enqueue: () => Promise.resolve() };
    return { tally, ctx: ctx as unknown as Parameters<typeof openShare>[0] };
  };

  test('is shown beyond the limit as well, and no longer counted', async () => {
    const { tally, ctx } = world();
    const header = (name: string) => (name === 'user-agent' ? 'Mozilla/5.0 (iPhone) Safari/604.1' : undefined);
    const request = { method: 'GET', path: `/s/${code}`, header, address: '203.0.113.5' } as const;
    const statuses = new Set<number>();
    for (let time = 0; time < OPENS_PER_ADDRESS + 20; time += 1) statuses.add((await openShare(ctx, request)).status);
    expect([...statuses]).toEqual([200]);
    expect(tally.counted).toBe(OPENS_PER_ADDRESS);
  });
});
