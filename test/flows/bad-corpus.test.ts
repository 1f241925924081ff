import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { doc, updateDoc } from 'firebase/firestore';
import { db, tracesOf } from '../support/backstage.ts';
import { type BadFile, badFiles } from '../support/bad-files.ts';
import { BAD_TEXTS, type BadText } from '../support/bad-texts.ts';
import { photo } from '../support/files.ts';
import { person } from '../support/platform.ts';

/** So many files are on their way at the same time. */
const AT_ONCE = 6;
/** Most of this is for the first group, which finds every function cold. */
const GROUP_MS_MAX = 120_000;
const ANSWER_MS_MAX = 20_000;
/** The SDK may try a text again and again that cannot be sent: this long nothing of it may arrive. */
const UNSENT_MS = 3_000;
const NOTHING = { originals: 0, renditions: 0, published: false };
/** A text may be too long for a rule, for a document or for a request. */
const REFUSALS = ['permission-denied', 'invalid-argument', 'resource-exhausted'];

/** One or two of each way to be bad; the unit test of the same corpus tries all. */
const CROSS_SECTION = new Set([
  'a PNG of 50,000 x 50,000 even pixels',
  'a JPEG whose header says 65,500 x 65,500',
  'a WebP of 16,383 x 16,383 pixels in fifty bytes',
  'an AVIF whose ispe says 60,000 x 60,000',
  'a PNG with 64 MiB of compressed text',
  'a JPEG with a ZIP behind its end',
  'a GIF with a script in a comment',
  'a script that starts like a GIF',
  '50 % of the jpeg',
  '50 % of the webp',
  'the first 12 bytes of the avif',
  'the gif called avif',
  'a PNG whose pixels have a wrong checksum',
  'a GIF of 2,000 frames',
  'a WebP of 10,000 frames',
  'a JPEG with 60 kB of EXIF',
  'a PNG with PHP in its EXIF',
  'a JPEG in CMYK',
  'an XML entity bomb called PNG',
  'a web page',
  'three gigabytes in a gzip',
  'an MP4 of one box',
  'a playlist behind the first box of an MP4',
  'an MP4 that says it lasts for years',
]);

const inGroups = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, group) => all.slice(group * size, (group + 1) * size));

/** `published`, or the code of the rejection, and what is left when the ticket has ended. */
async function sendFile({ contentType, bytes }: BadFile) {
  const ann = await person('ann');
  const { uploadId, ticket } = await ann.upload({ bytes, contentType, title: 'Sunset' });
  const rejection = ticket['rejection'] as { code: string } | undefined;
  return { end: rejection?.code ?? String(ticket['status']), left: await tracesOf(ann.uid, uploadId) };
}

/** The status in which the ticket of a good photo ends. */
async function sendPhoto(caption: string): Promise<unknown> {
  const ann = await person('ann');
  const bytes = await photo({ variant: 7_200_000 + caption.length });
  const { ticket } = await ann.upload({ bytes, contentType: 'image/jpeg', title: 'Sunset', caption });
  return ticket['status'];
}

const corpus = (await badFiles()).filter(({ name }) => CROSS_SECTION.has(name));
const groups = inGroups(corpus, AT_ONCE).map((files) => ({ names: files.map(({ name }) => name).join('; '), files }));

describe('bad files, six at a time,', () => {
  test('are all in the corpus', () => {
    expect(corpus).toHaveLength(CROSS_SECTION.size);
  });

  test.each(groups)(
    'end as they should: $names',
    async ({ files }) => {
      const outcomes = await Promise.all(
        files.map(async (file) => ({ name: file.name, allowed: endsOf(file), ...(await sendFile(file)) })),
      );
      for (const { name, allowed, end, left } of outcomes) {
        expect({ name, end: allowed.includes(end) ? 'allowed' : end }).toEqual({ name, end: 'allowed' });
        const renditions = end === 'published' ? 2 : 0;
        const originals = end === 'in-review' ? 1 : 0;
        expect({ name, ...left }).toEqual({ name, originals, renditions, published: end === 'published' });
      }
    },
    GROUP_MS_MAX,
  );

  test('leave a good photo as welcome as before', async () => {
    expect(await sendPhoto('')).toBe('published');
  });
});

/** Those that may be published show one and the same picture: the first is, and the others wait for a person, as look-alikes do. */
const endsOf = ({ codes, clean }: BadFile): string[] => [...codes, ...(clean ? ['published', 'in-review'] : [])];

/** Opens a ticket with the text, reads what was stored, and cancels the ticket. */
async function tryText({ fields, fate }: BadText) {
  const ann = await person('ann');
  const request = { bytes: new Uint8Array(9), contentType: 'image/jpeg', title: 'Sunset', ...fields };
  const opened = ann.openTicket(request).then(
    (uploadId) => ({ uploadId, end: 'taken' }),
    (error: unknown) => ({ uploadId: undefined, end: codeOf(error) }),
  );
  const silence = { uploadId: undefined, end: 'no answer' };
  const waited = setTimeout(fate === 'unsent' ? UNSENT_MS : ANSWER_MS_MAX, silence, { ref: false });
  const { uploadId, end } = await Promise.race([opened, waited]);
  const tickets = await db.collection('uploads').where('ownerId', '==', ann.uid).get();
  const stored = tickets.docs.map((ticket) => ({
    title: ticket.get('title') as unknown,
    caption: ticket.get('caption') as unknown,
    tags: ticket.get('tags') as unknown,
  }));
  if (uploadId !== undefined) await updateDoc(doc(ann.firestore, 'uploads', uploadId), { status: 'cancelled' });
  return { end, stored, left: uploadId === undefined ? NOTHING : await tracesOf(ann.uid, uploadId) };
}

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);

const named = (fate: BadText['fate']) => BAD_TEXTS.filter((text) => text.fate === fate);

describe('a bad text in a ticket', () => {
  test('that is harmless is stored to the letter', async () => {
    for (const group of inGroups(named('taken'), AT_ONCE)) {
      const outcomes = await Promise.all(group.map(async (text) => ({ name: text.name, ...(await tryText(text)) })));
      const stored = group.map(({ fields }) => [{ title: 'Sunset', caption: '', tags: [], ...fields }]);
      expect(outcomes).toEqual(
        group.map(({ name }, at) => ({ name, end: 'taken', stored: stored[at], left: NOTHING })),
      );
    }
  });

  test.each(named('denied').map((text) => [text.name, text] as const))('is refused: %s', async (_, text) => {
    const { end, stored } = await tryText(text);
    expect(REFUSALS).toContain(end);
    expect(stored).toEqual([]);
  });

  test('that no request can carry is never stored, and holds up nobody else', async () => {
    const outcomes = await Promise.all(
      named('unsent').map(async (text) => ({ name: text.name, stored: (await tryText(text)).stored })),
    );
    expect(outcomes).toEqual(named('unsent').map(({ name }) => ({ name, stored: [] })));
    expect(await sendPhoto('A classic day in Scunthorpe 👨‍👩‍👧‍👦 <b>\u202e')).toBe('published');
  });
});
