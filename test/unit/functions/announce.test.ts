import { describe, expect, test } from '@jest/globals';
import type { Content, UploadTicket } from '@playnite/contracts/documents';
import { announceContent } from '../../../functions/src/content/announce-content.ts';
import { announceTicket } from '../../../functions/src/content/announce-ticket.ts';
import { parseUploadPath } from '../../../functions/src/content/receive-upload.ts';

const moment = new Date('2026-01-02T03:04:05.678Z');
const stamp = { toMillis: () => moment.getTime(), toDate: () => moment };

const ticket = (status: UploadTicket['status']): UploadTicket => ({
  ownerId: 'ann',
  contentType: 'image/jpeg',
  size: 10,
  title: 't',
  caption: 'c',
  tags: [],
  visibility: 'public',
  status,
  createdAt: stamp,
  updatedAt: stamp,
});

const rendition = { url: 'http://x/y', path: 'media/up/y.webp', width: 2, height: 1 };
const content = (fields: Partial<Content> = {}): Content => ({
  ownerId: 'ann',
  owner: { handle: 'ann', displayName: 'Ann' },
  kind: 'image',
  title: 't',
  caption: 'c',
  tags: ['a'],
  mentions: [],
  visibility: 'public',
  status: 'published',
  media: { width: 2, height: 1, bytes: 10, sha256: 'x', thumbhash: 'x', preview: rendition, thumbnail: rendition },
  stats: { likes: 0, comments: 0, shares: 0, views: 0 },
  publishedAt: stamp,
  updatedAt: stamp,
  ...fields,
});

const change = <T>(before: T | undefined, after: T | undefined, version = '1.000') => ({
  params: { uploadId: 'up', contentId: 'up' },
  before,
  after,
  at: moment,
  version,
});
const names = (announcement: ReturnType<typeof announceContent>) =>
  (announcement.events ?? []).map(({ envelope }) => envelope.name);

describe('announceTicket', () => {
  test('sets the pipeline to work when the file has come, once for each upload', () => {
    const first = announceTicket(change(ticket('awaiting-file'), ticket('screening')));
    const again = announceTicket(change(ticket('awaiting-file'), ticket('screening')));
    expect(first.tasks).toEqual([{ functionName: 'content-runPipeline', id: 'up', data: { uploadId: 'up' } }]);
    expect(again.tasks?.[0]?.id).toBe(first.tasks?.[0]?.id);
  });

  test('does not set it to work again for what the pipeline itself writes', () => {
    for (const [before, after] of [
      ['screening', 'screening'],
      ['screening', 'processing'],
      ['processing', 'published'],
    ] as const) {
      expect(announceTicket(change(ticket(before), ticket(after))).tasks).toEqual([]);
    }
  });

  test('tells the services of a new ticket, of its end, and of its return from there', () => {
    expect(names(announceTicket(change(undefined, ticket('awaiting-file'))))).toEqual(['content.ticket-opened']);
    const ended = ['content.upload-progressed', 'content.upload-ended'];
    expect(names(announceTicket(change(ticket('processing'), ticket('published'))))).toEqual(ended);
    expect(names(announceTicket(change(ticket('awaiting-file'), ticket('cancelled'))))).toEqual(ended);
    expect(names(announceTicket(change(ticket('rejected'), ticket('screening'))))).toEqual(ended);
    expect(names(announceTicket(change(ticket('screening'), ticket('in-review'))))).toEqual([
      'content.upload-progressed',
    ]);
  });

  test('says nothing of a ticket that is gone, or is changed while it waits', () => {
    expect(announceTicket(change(ticket('awaiting-file'), ticket('awaiting-file')))).toEqual({});
    expect(announceTicket(change(ticket('rejected'), undefined))).toEqual({});
  });

  test('gives redeliveries of one write one event id, and other writes others', () => {
    const idOf = (version: string) =>
      announceTicket(change(ticket('screening'), ticket('processing'), version)).events?.[0]?.envelope.id;
    expect(idOf('1.000')).toBe(idOf('1.000'));
    expect(idOf('1.000')).not.toBe(idOf('2.000'));
  });
});

describe('announceContent', () => {
  test.each([
    ['it appears', undefined, content(), ['content.published']],
    ['it is restored', content({ status: 'removed' }), content(), ['content.published']],
    ['it is taken down', content(), content({ status: 'removed' }), ['content.removed']],
    ['it is deleted', content(), undefined, ['content.removed']],
    ['its title changes', content(), content({ title: 'u' }), ['content.edited']],
    ['its visibility changes', content(), content({ visibility: 'private' }), ['content.edited']],
    ['its tags change', content(), content({ tags: ['b'] }), ['content.edited']],
    ['a counter moves', content(), content({ stats: { likes: 1, comments: 0, shares: 0, views: 0 } }), []],
    ['it is deleted after its takedown', content({ status: 'removed' }), undefined, []],
  ])('when %s', (_, before, after, expected) => {
    expect(names(announceContent(change(before, after)))).toEqual(expected);
  });
});

describe('parseUploadPath', () => {
  test('reads owner and ticket', () => {
    expect(parseUploadPath('uploads/ann/up')).toEqual({ ownerId: 'ann', uploadId: 'up' });
  });

  test.each(['uploads/ann', 'uploads//up', 'uploads/ann/', 'uploads/ann/up/x', 'media/up/x.webp', 'x/uploads/ann'])(
    'refuses %s',
    (path) => {
      expect(parseUploadPath(path)).toBeUndefined();
    },
  );
});
