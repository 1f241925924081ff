import {
  EVIDENCE_MAX,
  type Evidence,
  type ModerationPolicy,
  type Rejection,
  type Scores,
  type UploadTicket,
  bannedHashAt,
  moderationSubjectAt,
  screeningAt,
  uploadAt,
} from '@playnite/contracts/documents';
import type { contentScreeningRequested } from '@playnite/contracts/events';
import type { Context } from '../platform/context.ts';
import { serverTime } from '../platform/documents.ts';
import { holdForReview, isLeaving } from './cases.ts';
import type { ClassifyImage } from './classify-image.ts';
import { colorGrid } from './color-grid.ts';
import { type Catalog, type LookAlike, fingerprintAt } from './fingerprints.ts';
import { appendEntry } from './log.ts';
import { hashImage } from './perceptual-hash.ts';
import { judge, readPolicy, strongest } from './policy.ts';
import { sampleFrames } from './sample-frames.ts';
import { screenWords } from './screen-words.ts';

/** Two pictures that differ in no more bits than this are the same picture, saved again. */
const SAME_PICTURE_DISTANCE_MAX = 2;
const HASH_BITS = 64;

/** What a process holds on to between screenings: the models, and the fingerprints it knows. */
export interface Screener {
  classify: ClassifyImage;
  catalog: Catalog;
}

export type ScreeningRequest = ReturnType<(typeof contentScreeningRequested)['data']['parse']>;

/**
 * Screens an upload's words and pictures, looks for look-alikes, and writes the verdict that the pipeline waits for. What is
 * doubtful opens a case for a person. The same file is screened once, whatever is asked.
 */
export async function screenUpload(ctx: Needs, screener: Screener, request: ScreeningRequest): Promise<void> {
  const { uploadId, object } = request;
  const [ticket, earlier, policy] = await Promise.all([
    ctx.documents.get(uploadAt(uploadId)),
    ctx.documents.get(screeningAt(uploadId)),
    readPolicy(ctx),
  ]);
  if (!ticket || earlier?.object.generation === object.generation) return;
  const findings = await look(ctx, screener, request, ticket);
  if (!findings) {
    ctx.log.info('nothing there to screen', { uploadId });
    return;
  }
  await conclude(ctx, request, policy, findings);
}

interface Findings {
  scores: Scores;
  evidence: Evidence[];
  /** The file itself is broken or too large. */
  rejection?: Rejection;
  lookAlikes: LookAlike[];
  banned: boolean;
}

async function look(
  ctx: Needs,
  { classify, catalog }: Screener,
  request: ScreeningRequest,
  ticket: UploadTicket,
): Promise<Findings | undefined> {
  const words = screenWords({ title: ticket.title, caption: ticket.caption, tags: ticket.tags.join('\n') });
  const banned = (await ctx.documents.get(bannedHashAt(request.sha256))) !== undefined;
  const pictures = await picturesOf(ctx, request);
  if (pictures === undefined) return undefined;
  const found: Findings = { scores: words.scores, evidence: [...words.evidence], lookAlikes: [], banned };
  if ('rejection' in pictures) return { ...found, rejection: pictures.rejection };

  // The fingerprint is written before others are looked for: of two uploads at one moment each sees the other.
  const still = request.kind === 'image' ? pictures[0] : undefined;
  const [hashes, colors] = still ? await Promise.all([hashImage(still), colorGrid(still)]) : [undefined, ''];
  await ctx.documents.transact(async (tx) => {
    // Whoever erases an account's fingerprints may have been here before.
    if (await isLeaving(tx, request.ownerId, request.uploadId)) return;
    tx.set(fingerprintAt(request.uploadId), {
      contentId: request.uploadId,
      ownerId: request.ownerId,
      sha256: request.sha256,
      hashes: hashes?.stored ?? [],
      colors,
      state: 'pending',
      at: serverTime,
    });
  });
  if (hashes) {
    const sought = { sought: hashes.sought, colors };
    found.lookAlikes = await catalog.lookAlikes(ctx, request.uploadId, sought);
  }

  for (const picture of pictures) {
    for (const [label, score] of Object.entries(await classify(picture))) {
      found.scores = { ...found.scores, [label]: Math.max(score, found.scores[label] ?? 0) };
    }
  }
  for (const [label, score] of Object.entries(found.scores)) {
    if (label.startsWith('image-')) found.evidence.push({ kind: 'image', label, score });
  }
  return found;
}

/** The pictures to look at: the image itself, or frames of the video; undefined when the file is gone. */
async function picturesOf(
  ctx: Needs,
  { kind, object }: ScreeningRequest,
): Promise<readonly Buffer[] | { rejection: Rejection } | undefined> {
  if (kind === 'video') return sampleFrames(ctx, object);
  const bytes = await ctx.objects.read(object.path, object.generation);
  if (!bytes) return undefined;
  const { default: sharp } = await import('sharp');
  // Whatever looks at it afterwards meets pictures of bounded size that are known to decode.
  const small = (page: number) =>
    sharp(bytes, { failOn: 'error', sequentialRead: true, page })
      .autoOrient()
      .resize({ width: SMALL_SIDE, height: SMALL_SIDE, fit: 'inside', withoutEnlargement: true })
      .toColourspace('srgb')
      .png({ compressionLevel: 1 })
      .timeout({ seconds: DECODE_SECONDS_MAX })
      .toBuffer();
  try {
    const { pages = 1 } = await sharp(bytes, { limitInputPixels: false }).metadata();
    const pictures: Buffer[] = [];
    for (const page of framesOf(pages)) pictures.push(await small(page));
    return pictures;
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return { rejection: { code: 'corrupt-media', message: `The image cannot be decoded: ${reason.slice(0, 200)}` } };
  }
}

/** Longer side of the picture that classifier and hash look at; neither needs more. */
const SMALL_SIDE = 512;
const DECODE_SECONDS_MAX = 20;
/** Frames of an animation that are looked at, from its first to its last. */
const FRAMES_LOOKED_AT = 8;
const FRAMES_PUBLISHED_MAX = 200;

/** Numbers of the frames to look at, evenly spread; a still picture has one. */
function framesOf(pages: number): number[] {
  // What has more frames than are ever published is published as its first.
  const looked = pages > FRAMES_PUBLISHED_MAX ? 1 : Math.min(pages, FRAMES_LOOKED_AT);
  return Array.from({ length: looked }, (_, nth) => Math.round((nth * (pages - 1)) / Math.max(1, looked - 1)));
}

interface Conclusion {
  verdict: 'approved' | 'review' | 'rejected';
  rejection?: Rejection;
  evidence: Evidence[];
  reason: string;
  source: 'screening' | 'duplicate';
}

/** What follows from the findings; a pure function. */
export function weigh(policy: ModerationPolicy, request: ScreeningRequest, findings: Findings): Conclusion {
  const { scores, rejection, lookAlikes, banned } = findings;
  const { duplicateOf, ownerId } = request;
  const evidence: Evidence[] = [
    ...(duplicateOf
      ? [{ kind: 'duplicate' as const, label: 'same-bytes', score: 1, contentId: duplicateOf.uploadId, distance: 0 }]
      : []),
    ...lookAlikes.map((each) => ({
      kind: 'duplicate' as const,
      label: each.state === 'banned' ? 'banned-look-alike' : 'look-alike',
      score: 1 - each.distance / HASH_BITS,
      contentId: each.contentId,
      distance: each.distance,
    })),
    ...findings.evidence,
  ];
  const rejected = (code: Rejection['code'], message: string, contentId?: string): Conclusion => ({
    verdict: 'rejected',
    rejection: { code, message, ...(contentId === undefined ? {} : { contentId }) },
    evidence,
    reason: message,
    source: 'screening',
  });
  const same = (each: LookAlike) => each.distance <= SAME_PICTURE_DISTANCE_MAX;

  if (rejection) return { verdict: 'rejected', rejection, evidence, reason: rejection.message, source: 'screening' };
  if (banned || lookAlikes.some((each) => each.state === 'banned' && same(each))) {
    return rejected('policy-violation', 'This picture was taken down before.');
  }
  const own = lookAlikes.find((each) => each.ownerId === ownerId && each.state === 'published' && same(each));
  if (own) return rejected('duplicate', 'You have published this picture before.', own.contentId);

  const { verdict, labels } = judge(policy, scores);
  if (verdict === 'rejected') return rejected('policy-violation', `This is against the rules: ${labels.join(', ')}.`);
  const review = (reason: string, source: Conclusion['source']): Conclusion => ({
    verdict: 'review',
    evidence,
    reason,
    source,
  });
  if (lookAlikes.some((each) => each.state === 'banned')) {
    return review('It looks like something that was taken down.', 'duplicate');
  }
  if (duplicateOf || lookAlikes.some((each) => each.ownerId !== ownerId)) {
    return review('Somebody else has published this picture, or one very like it.', 'duplicate');
  }
  if (verdict === 'review') return review(`Doubtful: ${labels.join(', ')}.`, 'screening');
  return { verdict: 'approved', evidence, reason: '', source: 'screening' };
}

async function conclude(ctx: Needs, request: ScreeningRequest, policy: ModerationPolicy, findings: Findings) {
  const { uploadId, ownerId, object, sha256 } = request;
  const { verdict, rejection, evidence, reason, source } = weigh(policy, request, findings);
  const subject = `uploads/${uploadId}`;
  const caseId = `${source}-${uploadId}`;
  const { scores } = findings;
  await ctx.documents.transact(async (tx) => {
    const [earlier, present] = await Promise.all([tx.get(screeningAt(uploadId)), tx.get(moderationSubjectAt(subject))]);
    if (earlier?.object.generation === object.generation || (await isLeaving(tx, ownerId, uploadId))) return;
    const policyVersion = policy.version;
    const about = { subject, scores, policyVersion, reason };
    if (verdict === 'review') {
      const priority = Math.max(0, ...Object.values(scores));
      const by = 'screening';
      holdForReview(tx, ctx, caseId, present, { ...about, ownerId, source, evidence, priority, by });
    } else if (rejection?.code === 'policy-violation') {
      // A file that is broken, or a duplicate, is no matter of moderation, and needs no entry.
      const actor = { kind: 'system' as const, id: 'screening' };
      appendEntry(tx, ctx, ownerId, present, { ...about, action: 'reject', actor });
    }
    tx.set(screeningAt(uploadId), {
      ownerId,
      object: { path: object.path, generation: object.generation },
      sha256,
      verdict,
      ...(rejection ? { rejection } : {}),
      scores,
      evidence: strongest(evidence, EVIDENCE_MAX),
      policyVersion,
      ...(verdict === 'review' ? { caseId } : {}),
      at: serverTime,
      updatedAt: serverTime,
    });
  });
  ctx.log.info('upload screened', { uploadId, verdict });
}

type Needs = Pick<Context, 'documents' | 'objects' | 'environment' | 'now' | 'log'>;
