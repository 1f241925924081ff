import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Client } from '@playnite/emulators/client';
import { doc, serverTimestamp, setDoc, updateDoc } from 'firebase/firestore';
import { getBytes, ref } from 'firebase/storage';
import { subjectKey } from '@playnite/contracts/documents';
import { MODERATION_QUEUE } from '@playnite/contracts/realtime';
import { bucket, db, giveRole, tracesOf } from '../support/backstage.ts';
import { photo, scene } from '../support/files.ts';
import { counts, person } from '../support/platform.ts';
import sharp from 'sharp';

/** Doubtful to the default policy, and certain. */
const DOUBTFUL = 'this is fucking great';
const jpeg = { contentType: 'image/jpeg' };

let variant = 6000;
const newPhoto = () => photo({ variant: (variant += 1) });
const refusal = (code: string) => ({ details: expect.objectContaining({ code }) as unknown });
const status = (expected: string) => (data: Record<string, unknown>) => data['status'] === expected;

let mo: Client;
let mia: Client;
beforeAll(async () => {
  // Those two live longer than a test, so they are not among the ones that end with it.
  [mo, mia] = await Promise.all([person('mo', 'stays'), person('mia', 'stays')]);
  await Promise.all([giveRole(mo, 'moderator'), giveRole(mia, 'moderator')]);
});

/** The one case about a subject. */
async function caseOf(subject: string, source: string): Promise<string> {
  for (const end = Date.now() + 30_000; Date.now() < end;) {
    const found = await db.collection('moderationCases').where('subject', '==', subject).get();
    const match = found.docs.find((each) => each.get('source') === source);
    if (match) return match.id;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no case of source ${source} about ${subject}`);
}

const decide = (moderator: Client, caseId: string, decision: string, reason = 'because') =>
  moderator.call('moderation-decide', { caseId, decision, reason });

describe('a doubtful upload', () => {
  test('waits unseen for a moderator, and is published when one approves', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    await bob.follow(ann.uid);
    await mo.subscribe(MODERATION_QUEUE);
    const { uploadId, ticket } = await ann.upload({ bytes: await newPhoto(), ...jpeg, title: 'x', caption: DOUBTFUL });
    expect(ticket).toMatchObject({ status: 'in-review', step: 'awaiting-review' });
    expect(await tracesOf(ann.uid, uploadId)).toEqual({ originals: 1, renditions: 0, published: false });
    const caseId = await caseOf(`uploads/${uploadId}`, 'screening');
    const opened = await mo.sees(`moderationCases/${caseId}`, status('open'));
    expect(opened).toMatchObject({ ownerId: ann.uid, scores: { 'text-profanity': expect.any(Number) as unknown } });
    expect(opened['evidence']).toContainEqual(expect.objectContaining({ kind: 'text', field: 'caption', start: 8 }));
    await mo.hears('the case', ({ publication }) => JSON.stringify(publication.data).includes(caseId));

    expect(await mo.call('moderation-claim', { caseId })).toHaveProperty('until');
    await expect(decide(mia, caseId, 'approve')).rejects.toMatchObject(refusal('claimed-by-another'));
    await expect(decide(ann, caseId, 'approve')).rejects.toMatchObject(refusal('role-required'));
    expect(await decide(mo, caseId, 'approve')).toMatchObject({ action: 'approve' });
    await ann.sees(`uploads/${uploadId}`, status('published'));
    await bob.sees(`users/${bob.uid}/feed/${uploadId}`, () => true);
    expect(await decide(mo, caseId, 'approve')).toMatchObject({ action: 'none' });
    await ann.hears('the decision', ({ publication }) => publication.type === 'moderation.decided');
    expect(await mo.call('moderation-verifyLog', { subject: `uploads/${uploadId}` })).toEqual({ entries: 2 });
  });

  test('is rejected by a moderator, and wins its appeal before another one', async () => {
    const ann = await person('ann');
    const bytes = await newPhoto();
    const { uploadId } = await ann.upload({ bytes, ...jpeg, title: 'x', caption: DOUBTFUL });
    const subject = `uploads/${uploadId}`;
    await decide(mo, await caseOf(subject, 'screening'), 'reject', 'too rude');
    const rejected = await ann.sees(subject, status('rejected'));
    expect(rejected['rejection']).toEqual({ code: 'policy-violation', message: 'too rude' });
    expect(await tracesOf(ann.uid, uploadId)).toEqual({ originals: 0, renditions: 0, published: false });
    // The very bytes are banned, for everybody, and before they move when the ticket names them.
    const again = await ann.upload({ bytes, ...jpeg, title: 'again' });
    expect(again.ticket['rejection']).toMatchObject({ code: 'policy-violation' });

    const bob = await person('bob');
    const statement = 'I only quoted it.';
    await expect(bob.call('moderation-appeal', { subject, statement })).rejects.toMatchObject(refusal('not-yours'));
    const { caseId } = await ann.call('moderation-appeal', { subject, statement });
    await expect(ann.call('moderation-appeal', { subject, statement })).rejects.toMatchObject(
      refusal('already-appealed'),
    );
    await expect(decide(mo, String(caseId), 'restore')).rejects.toMatchObject(refusal('not-impartial'));
    expect(await decide(mia, String(caseId), 'restore', 'a quotation')).toMatchObject({ action: 'restore' });
    const restored = await ann.sees(subject, status('published'));
    expect(restored).not.toHaveProperty('rejection');
    expect(await tracesOf(ann.uid, uploadId)).toEqual({ originals: 0, renditions: 2, published: true });
    expect(await bucket.file(`quarantine/${uploadId}`).exists()).toEqual([false]);
  });

  test('is refused outright when there is no doubt, and the owner’s own case is not theirs to judge', async () => {
    const ann = await person('ann');
    await giveRole(ann, 'moderator');
    const sure = await ann.upload({ bytes: await newPhoto(), ...jpeg, title: 'x', caption: 'you n1gg3r' });
    expect(sure.ticket).toMatchObject({ status: 'rejected', rejection: { code: 'policy-violation' } });
    const { uploadId } = await ann.upload({ bytes: await newPhoto(), ...jpeg, title: 'x', caption: DOUBTFUL });
    const caseId = await caseOf(`uploads/${uploadId}`, 'screening');
    await expect(decide(ann, caseId, 'approve')).rejects.toMatchObject(refusal('own-case'));
    // A demotion counts at once, whatever the token says.
    const token = await ann.auth.currentUser?.getIdToken();
    await giveRole(ann, undefined);
    expect(token).toBeDefined();
    await expect(decide(ann, caseId, 'approve')).rejects.toMatchObject(refusal('role-required'));
  });
});

describe('somebody else’s picture', () => {
  test('goes to review with the earlier one as evidence, saved again or byte for byte', async () => {
    const [ann, bob, eve] = await Promise.all([person('ann'), person('bob'), person('eve')]);
    const original = await scene(7);
    const first = await ann.upload({ bytes: original, ...jpeg, title: 'mine' });
    expect(first.ticket['status']).toBe('published');
    const same = await bob.upload({ bytes: original, ...jpeg, title: 'same bytes' });
    const saved = await sharp(original).resize(700).jpeg({ quality: 60 }).toBuffer();
    const like = await eve.upload({ bytes: saved, ...jpeg, title: 'saved again' });
    for (const { uploadId, ticket } of [same, like]) {
      expect(ticket['status']).toBe('in-review');
      const caseId = await caseOf(`uploads/${uploadId}`, 'duplicate');
      const { evidence } = (await mo.sees(`moderationCases/${caseId}`, () => true)) as { evidence: unknown };
      expect(evidence).toContainEqual(expect.objectContaining({ kind: 'duplicate', contentId: first.uploadId }));
    }
    const own = await ann.upload({ bytes: saved, ...jpeg, title: 'my own, saved again' });
    expect(own.ticket['rejection']).toMatchObject({ code: 'duplicate', contentId: first.uploadId });

    // Taken down, it takes what looks like it out of sight as well.
    await decide(mo, await caseOf(`uploads/${like.uploadId}`, 'duplicate'), 'approve');
    await eve.sees(`uploads/${like.uploadId}`, status('published'));
    await report(bob, `content/${first.uploadId}`);
    await decide(mo, await caseOf(`content/${first.uploadId}`, 'report'), 'remove', 'stolen');
    await ann.sees(`content/${first.uploadId}`, status('removed'));
    await eve.sees(`content/${like.uploadId}`, status('held'));
  }, 120_000);
});

async function report(reporter: Client, subject: string, reason = 'spam'): Promise<string> {
  const reportId = `r${Math.random().toString(36).slice(2)}`;
  await setDoc(doc(reporter.firestore, 'reports', reportId), {
    reporterId: reporter.uid,
    subject,
    reason,
    details: 'look at this',
    createdAt: serverTimestamp(),
  });
  return reportId;
}

describe('a report', () => {
  test('counts once for each reporter, and ends in a takedown that can be undone everywhere', async () => {
    const [ann, bob, eve] = await Promise.all([person('ann'), person('bob'), person('eve')]);
    await bob.follow(ann.uid);
    await ann.sees(`users/${ann.uid}`, counts('followers', 1));
    const { uploadId } = await ann.upload({ bytes: await newPhoto(), ...jpeg, title: 'reported' });
    await bob.sees(`users/${bob.uid}/feed/${uploadId}`, () => true);
    const subject = `content/${uploadId}`;
    const first = await report(eve, subject);
    const caseId = await caseOf(subject, 'report');
    const second = await report(eve, subject);
    const own = await report(ann, subject);
    await eve.sees(`reports/${second}`, status('repeated'));
    await ann.sees(`reports/${own}`, status('invalid'));
    expect((await ann.sees(subject, () => true))['status']).toBe('published');

    const content = await bob.sees(subject, () => true);
    const { preview } = content['media'] as { preview: { path: string; url: string } };
    await decide(mo, caseId, 'remove', 'spam');
    await ann.sees(subject, status('removed'));
    await bob.misses(`users/${bob.uid}/feed/${uploadId}`);
    expect((await fetch(preview.url)).status).toBe(403);
    await expect(getBytes(ref(bob.storage, preview.path))).rejects.toMatchObject({ code: 'storage/unauthorized' });
    expect(await eve.sees(`reports/${first}`, status('resolved'))).toMatchObject({ outcome: 'action-taken' });
    await eve.sees(`users/${eve.uid}/notifications/report-outcome:${first}`, () => true);

    const reply = await ann.call('moderation-appeal', { subject, statement: 'It is not.' });
    await decide(mia, String(reply['caseId']), 'restore', 'not spam');
    await ann.sees(subject, status('published'));
    await bob.sees(`users/${bob.uid}/feed/${uploadId}`, () => true);
    expect((await fetch(preview.url)).status).toBe(200);
    expect(await mo.call('moderation-verifyLog', { subject })).toEqual({ entries: 2 });
    // Whoever touches the log is found out.
    const log = await db.collection('moderationLog').where('subject', '==', subject).orderBy('seq').get();
    await log.docs[0]?.ref.update({ reason: 'something else' });
    expect(await mo.call('moderation-verifyLog', { subject })).toEqual({ entries: 2, brokenAt: 1 });
  }, 120_000);

  test('by a crowd of fresh accounts holds nothing; by people with a record it does', async () => {
    const ann = await person('ann');
    const { uploadId } = await ann.upload({ bytes: await newPhoto(), ...jpeg, title: 'disliked' });
    const subject = `content/${uploadId}`;
    const crowd = Array.from({ length: 30 }, (_, nth) => `fresh-${uploadId}-${nth}`);
    const file = (uid: string) =>
      db.doc(`reports/${uid}-on-it`).set({
        reporterId: uid,
        subject,
        reason: 'spam',
        details: '',
        createdAt: new Date(),
      });
    await Promise.all(crowd.map(file));
    const key = subjectKey(subject);
    const counted = db.collection(`moderationSubjects/${key}/reporters`).count();
    for (const end = Date.now() + 60_000; Date.now() < end;) {
      if ((await counted.get()).data().count === crowd.length) break;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect((await counted.get()).data().count).toBe(crowd.length);
    expect((await ann.sees(subject, () => true))['status']).toBe('published');

    const trusted = [1, 2, 3].map((nth) => `trusted-${uploadId}-${nth}`);
    await Promise.all(trusted.map((uid) => db.doc(`reporters/${uid}`).set({ upheld: 9, dismissed: 0 })));
    await Promise.all(trusted.map(file));
    await ann.sees(subject, status('held'));
    await decide(mo, await caseOf(subject, 'report'), 'approve', 'harmless');
    await ann.sees(subject, status('published'));
  }, 120_000);
});

describe('an edit', () => {
  test('is shown to those who watch when its words are clean, and hidden until somebody has looked when not', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    const { uploadId } = await ann.upload({ bytes: await newPhoto(), ...jpeg, title: 'before' });
    await bob.subscribe(`content:${uploadId}`);
    const document = doc(ann.firestore, 'content', uploadId);
    await updateDoc(document, { title: 'after' });
    await bob.hears('the edit', ({ publication }) => publication.type === 'content.updated');
    await updateDoc(document, { caption: DOUBTFUL });
    await ann.sees(`content/${uploadId}`, status('held'));
    await bob.hears('that it went', ({ publication }) => publication.type === 'content.removed');
    expect(JSON.stringify(bob.heard)).not.toContain(DOUBTFUL);
    await decide(mo, await caseOf(`content/${uploadId}`, 'screening'), 'approve');
    await ann.sees(`content/${uploadId}`, status('published'));
  });
});

describe('strikes', () => {
  test('limit an account when they add up, and are taken back with what they were for', async () => {
    const ann = await person('ann');
    const cases: string[] = [];
    for (let nth = 0; nth < 3; nth += 1) {
      const { uploadId } = await ann.upload({ bytes: await newPhoto(), ...jpeg, title: `${nth}`, caption: DOUBTFUL });
      const caseId = await caseOf(`uploads/${uploadId}`, 'screening');
      await decide(mo, caseId, 'reject');
      await ann.sees(`uploads/${uploadId}`, status('rejected'));
      cases.push(caseId);
    }
    await ann.sees(`users/${ann.uid}`, status('limited'));
    await expect(ann.openTicket({ bytes: await newPhoto(), ...jpeg, title: 'no' })).rejects.toMatchObject({
      code: 'permission-denied',
    });
    await decide(mia, cases[0] ?? '', 'restore');
    await ann.sees(`users/${ann.uid}`, status('active'));
  }, 120_000);
});

describe('a policy', () => {
  test('is evaluated against past decisions, beside another one, by moderators only', async () => {
    const ann = await person('ann');
    await expect(ann.call('moderation-evaluate', {})).rejects.toMatchObject(refusal('role-required'));
    const shadow = { labels: { 'text-profanity': { review: 0.2, reject: 0.3 } } };
    const evaluated = await mo.call('moderation-evaluate', { shadow });
    expect(evaluated).toMatchObject({ policy: { version: 1 }, shadow: { cases: expect.any(Number) as unknown } });
    await expect(mo.call('moderation-adoptPolicy', { basedOn: 1, ...shadow })).rejects.toMatchObject(
      refusal('role-required'),
    );
    await expect(mo.call('moderation-evaluate', { shadow: 7 })).rejects.toMatchObject(refusal('malformed'));
  });
});
