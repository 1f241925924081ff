/**
 * Pub/Sub delivers each event at least once, late and in any order; the emulator does so only now and then. Here every
 * event of an upload is delivered again to whoever hears it. Photos of this file: variants 21,000 and up.
 */
import { expect, test } from '@jest/globals';
import { subjectKey } from '@playnite/contracts/documents';
import type { DocumentReference } from 'firebase-admin/firestore';
import { z } from 'zod';
import {
  type Recorded,
  db,
  deliverEvent,
  deliverFinalized,
  dispatchTask,
  hearersByTopic,
  listenIn,
} from '../support/backstage.ts';
import { type Pair, quietUpload } from '../support/faults.ts';
import { photo } from '../support/files.ts';
import { randomOf, shuffled } from '../support/random.ts';

const SEED = 20_251;
/** Cold functions and a hundred deliveries on two busy cores. */
const TEST_MAX_MS = 180_000;
const TIMES_MAX = 4;
/** On the way from the follow and the ticket to the notification. */
const TOPICS = [
  'social.follow-changed',
  'social.followed',
  'content.ticket-opened',
  'storage.reservation-changed',
  'content.screening-requested',
  'moderation.screened',
  'content.upload-ended',
  'content.published',
  'social.content-distributed',
];
/** Deliveries under way at a time. */
const AT_ONCE = 8;
/** Older than what a function still tries again. */
const LATE_MS = 2 * 60 * 60_000;

const arrivedObject = z.object({
  path: z.string(),
  generation: z.string(),
  size: z.number(),
  contentType: z.string(),
});

test(
  'an upload whose every event comes again, up to four times, shuffled and late, stays as it is',
  async () => {
    const hearers = await hearersByTopic();
    const takeRecorded = await listenIn([...hearers.keys()]);
    const { pair, uploadId } = await quietUpload(await photo({ variant: 21_001 }));
    const recorded = await takeRecorded();
    expect([...new Set(recorded.map(({ topic }) => topic))]).toEqual(expect.arrayContaining(TOPICS));
    const before = await everythingOf(pair, uploadId);
    const heardBefore = heardOf(pair, uploadId);

    const random = randomOf(SEED);
    const deliveries = [
      ...recorded.flatMap((event) => deliveriesOf(event, hearers, random)),
      ...(await otherNewsOf(uploadId)),
    ];
    const times = () => 1 + Math.floor(random() * TIMES_MAX);
    const again = shuffled(
      deliveries.flatMap((deliver) => Array.from({ length: times() }, () => deliver)),
      random,
    );
    const answers: number[] = [];
    for (let at = 0; at < again.length; at += AT_ONCE) {
      answers.push(...(await Promise.all(again.slice(at, at + AT_ONCE).map((deliver) => deliver()))));
    }
    expect(answers.filter((status) => status >= 300)).toEqual([]);

    // What the redeliveries published in turn has been worked off when another upload has come through behind it.
    await quietUpload(await photo({ variant: 21_002 }));
    expect(await everythingOf(pair, uploadId)).toEqual(before);
    expect(heardOf(pair, uploadId)).toEqual(heardBefore);
    expect(before.letters).toEqual([]);
  },
  TEST_MAX_MS,
);

/** One delivery for each function that hears the event. */
function deliveriesOf(
  { topic, json }: Recorded,
  hearers: ReadonlyMap<string, string[]>,
  random: () => number,
): (() => Promise<number>)[] {
  return (hearers.get(topic) ?? []).map((name) => {
    const lateMs = random() < 0.5 ? LATE_MS : 0;
    return () => deliverEvent(name, json, new Date(Date.now() - lateMs).toISOString());
  });
}

/** What sets the pipeline going is no event of a topic, and comes twice as well. */
async function otherNewsOf(uploadId: string): Promise<(() => Promise<number>)[]> {
  const object = arrivedObject.parse((await db.doc(`uploadRuns/${uploadId}`).get()).get('object'));
  return [
    () => deliverFinalized({ name: object.path, ...object }),
    () => dispatchTask('content-runPipeline', uploadId, { uploadId }),
    () => dispatchTask('content-runPipeline', `${uploadId}-again`, { uploadId }),
  ];
}

const heardOf = ({ follower }: Pair, uploadId: string) =>
  follower.heard
    .filter(({ publication }) => JSON.stringify(publication.data).includes(uploadId))
    .map(({ publication }) => publication.type);

/** Every document that an upload and its people have, with all that stands below them. */
async function everythingOf({ owner, follower }: Pair, uploadId: string) {
  const sha256: unknown = (await db.doc(`screenings/${uploadId}`).get()).get('sha256');
  const roots = [
    ...['content', 'uploads', 'uploadRuns', 'reservations', 'screenings', 'fingerprints'].map(
      (collection) => `${collection}/${uploadId}`,
    ),
    `hashes/${String(sha256)}`,
    `moderationSubjects/${subjectKey(`uploads/${uploadId}`)}`,
    `moderationSubjects/${subjectKey(`content/${uploadId}`)}`,
    ...[owner, follower].flatMap(({ uid }) => [`users/${uid}`, `quotas/${uid}`, `accountStandings/${uid}`]),
  ];
  const [documents, cases, letters] = await Promise.all([
    Promise.all(roots.map((path) => treeOf(db.doc(path)))),
    db.collection('moderationCases').where('ownerId', '==', owner.uid).get(),
    db.collection('deadLetters').get(),
  ]);
  return {
    documents: Object.fromEntries(documents.flat()),
    cases: cases.docs.map((each) => each.data()),
    letters: letters.docs.map((each) => String(each.get('payload'))).filter((payload) => payload.includes(uploadId)),
  };
}

/** A document and those below it, by path; undefined stands for one that is not there. */
async function treeOf(ref: DocumentReference): Promise<[path: string, data: unknown][]> {
  const [snapshot, collections] = await Promise.all([ref.get(), ref.listCollections()]);
  const below = await Promise.all(
    collections.map(async (collection) => {
      const children = await collection.listDocuments();
      return (await Promise.all(children.map(treeOf))).flat();
    }),
  );
  return [[ref.path, snapshot.data()], ...below.flat()];
}
