import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { type Client, isEnded } from '@playnite/emulators/client';
import { doc, setDoc } from 'firebase/firestore';
import { deleteObject, getBytes, ref, updateMetadata, uploadBytes } from 'firebase/storage';
import { db, tracesOf } from '../support/backstage.ts';
import * as files from '../support/files.ts';
import { newHandle, person, stranger } from '../support/platform.ts';

const NOTHING = { originals: 0, renditions: 0, published: false };
const UNAUTHORIZED = { code: 'storage/unauthorized' };
const DENIED = { code: 'permission-denied' };

/** Each picture of these tests is another, so that none is a duplicate. */
let variant = 2000;
const newPhoto = () => files.photo({ variant: (variant += 1) });

describe('a file that is not what its ticket says', () => {
  test.each<[what: string, contentType: string, file: () => Promise<Buffer> | Buffer, code: string]>([
    ['a text file called .jpg', 'image/jpeg', () => files.PLAIN_TEXT, 'mismatch'],
    ['a PNG called JPEG', 'image/jpeg', () => files.picture('png', 7), 'mismatch'],
    ['an SVG with a script called PNG', 'image/png', () => files.SVG_WITH_SCRIPT, 'mismatch'],
    ['a web page called PNG', 'image/png', () => files.HTML_PAGE, 'mismatch'],
    ['a script that starts like a GIF, called JPEG', 'image/jpeg', () => files.GIF_THAT_IS_JAVASCRIPT, 'mismatch'],
    ['an honest SVG with a script', 'image/svg+xml', () => files.SVG_WITH_SCRIPT, 'unsupported-media'],
    ['a JPEG that breaks off', 'image/jpeg', async () => files.truncated(await newPhoto()), 'corrupt-media'],
    ['a PNG of 50,000 x 50,000 pixels', 'image/png', () => files.flatPng(50_000, 50_000), 'too-large'],
    ['a PNG of 16,383 x 16,383 pixels', 'image/png', () => files.flatPng(16_383, 16_383), 'too-large'],
    ['a video of eight bytes', 'video/mp4', () => Buffer.from('\0\0\0\x18ftypmp42'), 'corrupt-media'],
    ['an honest TIFF', 'image/tiff', () => Buffer.from('II*\0\x08\0\0\0', 'latin1'), 'unsupported-media'],
  ])('%s ends as rejected and leaves nothing', async (_, contentType, file, code) => {
    const ann = await person('ann');
    const bytes = await file();
    const { uploadId, ticket } = await ann.upload({ bytes, contentType, title: 'Bad' });
    expect(ticket).toMatchObject({ status: 'rejected', rejection: { code } });
    expect(await tracesOf(ann.uid, uploadId)).toEqual(NOTHING);
  });

  test('a wrong SHA-256 ends as rejected, and the right bytes can still be published', async () => {
    const ann = await person('ann');
    const bytes = await newPhoto();
    const bad = await ann.upload({ bytes, contentType: 'image/jpeg', title: 'Bad', sha256: '0'.repeat(64) });
    expect(bad.ticket).toMatchObject({ status: 'rejected', rejection: { code: 'mismatch' } });
    const good = await ann.upload({ bytes, contentType: 'image/jpeg', title: 'Good' });
    expect(good.ticket['status']).toBe('published');
  });

  test('bytes that were rejected belong to nobody: sent again they are judged again', async () => {
    const ann = await person('ann');
    const bytes = files.truncated(await newPhoto());
    for (const title of ['first', 'second']) {
      const { ticket } = await ann.upload({ bytes, contentType: 'image/jpeg', title });
      expect(ticket['rejection']).toMatchObject({ code: 'corrupt-media' });
    }
  });
});

describe('the same bytes twice', () => {
  test('are refused, with the earlier content when it is the owner’s own', async () => {
    const ann = await person('ann');
    const bytes = await newPhoto();
    const request = { bytes, contentType: 'image/jpeg', title: 'Twice' };
    const first = await ann.upload(request);
    const own = await ann.upload(request);
    expect(own.ticket['rejection']).toMatchObject({ code: 'duplicate', contentId: first.uploadId });
    expect(await tracesOf(ann.uid, own.uploadId)).toEqual(NOTHING);
  });

  test('are refused before they move, when the ticket names their hash', async () => {
    const ann = await person('ann');
    const bytes = await newPhoto();
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const request = { bytes, contentType: 'image/jpeg', title: 'Twice', sha256 };
    const first = await ann.upload(request);
    const ticket = await ann.openTicket(request);
    const refused = await ann.sees(`uploads/${ticket}`, isEnded);
    expect(refused['rejection']).toMatchObject({ code: 'duplicate', contentId: first.uploadId });
    await expect(ann.putFile(ticket, request)).rejects.toMatchObject(UNAUTHORIZED);
  });

  test('sent at once are published once', async () => {
    const ann = await person('ann');
    const bytes = await newPhoto();
    const uploads = await Promise.all(
      ['a', 'b', 'c'].map((title) => ann.upload({ bytes, contentType: 'image/jpeg', title })),
    );
    const ends = uploads.map(({ ticket }) => String(ticket['status'])).sort();
    expect(ends).toEqual(['published', 'rejected', 'rejected']);
  });
});

describe('what the rules refuse', () => {
  const jpeg = { contentType: 'image/jpeg' };
  const objectOf = (client: Client, uploadId: string) => ref(client.storage, `uploads/${client.uid}/${uploadId}`);

  test('a file of another size or type than the ticket’s', async () => {
    const ann = await person('ann');
    const bytes = await newPhoto();
    const ticket = await ann.openTicket({ bytes, ...jpeg, title: 'x', size: bytes.length + 1 });
    await expect(ann.putFile(ticket, { bytes, ...jpeg })).rejects.toMatchObject(UNAUTHORIZED);
    const png = await ann.openTicket({ bytes, contentType: 'image/png', title: 'x' });
    await expect(ann.putFile(png, { bytes, ...jpeg })).rejects.toMatchObject(UNAUTHORIZED);
    await expect(ann.putFile(ticket, { bytes: new Uint8Array(), ...jpeg })).rejects.toMatchObject(UNAUTHORIZED);
    expect(await tracesOf(ann.uid, ticket)).toEqual(NOTHING);
  });

  test('a ticket for nothing, or for more than the bound', async () => {
    const ann = await person('ann');
    const bytes = new Uint8Array();
    await expect(ann.openTicket({ bytes, ...jpeg, title: 'x' })).rejects.toMatchObject(DENIED);
    await expect(ann.openTicket({ bytes, ...jpeg, title: 'x', size: 2 ** 30 })).rejects.toMatchObject(DENIED);
  });

  test('a file without a ticket, for another’s ticket, or for a cancelled one', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    const bytes = await newPhoto();
    const file = { bytes, ...jpeg };
    await expect(ann.putFile('nosuchticket', file)).rejects.toMatchObject(UNAUTHORIZED);
    const ticket = await ann.openTicket({ ...file, title: 'x' });
    await expect(bob.putFile(ticket, file)).rejects.toMatchObject(UNAUTHORIZED);
    await expect(
      uploadBytes(objectOf(ann, ticket), bytes, { ...jpeg, cacheControl: 'no-store', contentEncoding: 'gzip' }),
    ).rejects.toMatchObject(UNAUTHORIZED);
    await expect(
      uploadBytes(objectOf(ann, ticket), bytes, { ...jpeg, contentDisposition: 'attachment' }),
    ).rejects.toMatchObject(UNAUTHORIZED);
    await expect(
      uploadBytes(objectOf(ann, ticket), bytes, { ...jpeg, customMetadata: { a: 'b' } }),
    ).rejects.toMatchObject(UNAUTHORIZED);
    await setDoc(doc(ann.firestore, 'uploads', ticket), { status: 'cancelled' }, { merge: true });
    await expect(ann.putFile(ticket, file)).rejects.toMatchObject(UNAUTHORIZED);
  });

  test('a second file for the same ticket, at once or later', async () => {
    const ann = await person('ann');
    const bytes = await newPhoto();
    const file = { bytes, ...jpeg };
    const ticket = await ann.openTicket({ ...file, title: 'x' });
    const puts = await Promise.allSettled([
      ann.putFile(ticket, file),
      ann.putFile(ticket, file),
      ann.putFile(ticket, file),
    ]);
    expect(puts.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(1);
    expect(await ann.sees(`uploads/${ticket}`, isEnded)).toMatchObject({ status: 'published' });
    await expect(ann.putFile(ticket, file)).rejects.toMatchObject(UNAUTHORIZED);
    expect(await tracesOf(ann.uid, ticket)).toEqual({ originals: 0, renditions: 2, published: true });
  });

  test('touching a file that was put, and any rendition', async () => {
    const ann = await person('ann');
    const { uploadId } = await ann.upload({ bytes: await newPhoto(), ...jpeg, title: 'x' });
    const content = await ann.sees(`content/${uploadId}`, () => true);
    const { path } = (content['media'] as Record<'preview', { path: string }>).preview;
    const rendition = ref(ann.storage, path);
    await expect(uploadBytes(rendition, new Uint8Array(9), jpeg)).rejects.toMatchObject(UNAUTHORIZED);
    await expect(updateMetadata(rendition, { contentType: 'text/html' })).rejects.toMatchObject(UNAUTHORIZED);
    await expect(deleteObject(rendition)).rejects.toMatchObject(UNAUTHORIZED);
    await expect(getBytes(ref(ann.storage, 'elsewhere/x'))).rejects.toMatchObject(UNAUTHORIZED);
  });

  test('uploads of somebody without a profile, or who is suspended', async () => {
    const [nobody, ann] = await Promise.all([stranger('nobody'), person('ann')]);
    const request = { bytes: await newPhoto(), ...jpeg, title: 'x' };
    await expect(nobody.openTicket(request)).rejects.toMatchObject(DENIED);
    const ticket = await ann.openTicket(request);
    await ann.sees(`users/${ann.uid}`, ({ status }) => status === 'active');
    await db.doc(`users/${ann.uid}`).update({ status: 'suspended' });
    await expect(ann.openTicket(request)).rejects.toMatchObject(DENIED);
    // Suspended between the ticket and the file.
    await ann.putFile(ticket, request);
    const end = await ann.sees(`uploads/${ticket}`, ({ status }) => status === 'rejected');
    expect(end['rejection']).toMatchObject({ code: 'suspended' });
    expect(await tracesOf(ann.uid, ticket)).toEqual(NOTHING);
  });
});

describe('handles', () => {
  test('are held by one user only, also when two want one at the same moment', async () => {
    const [ann, bob] = await Promise.all([stranger('ann'), stranger('bob')]);
    const handle = newHandle('both');
    const wants = await Promise.allSettled([ann.createProfile(handle, 'Ann'), bob.createProfile(handle, 'Bob')]);
    expect(wants.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const holder = (await db.doc(`handles/${handle}`).get()).get('uid') as unknown;
    const profiles = await db.collection('users').where('handle', '==', handle).get();
    expect(profiles.docs.map(({ id }) => id)).toEqual([holder]);
    const late = await stranger('late');
    await expect(late.createProfile(handle, 'Late')).rejects.toMatchObject(DENIED);
  });
});
