import { z } from 'zod';
import { documentId, text, uid } from '../text.ts';
import type { DocumentRef } from './document.ts';
import { timestamp } from './timestamp.ts';

export const TITLE_MAX = 120;
export const CAPTION_MAX = 2200;
export const TAGS_MAX = 20;
export const TAG_MAX = 50;
/** 32 MiB: a 50-megapixel JPEG of the best quality fits; the whole file is held in memory once. */
export const IMAGE_BYTES_MAX = 32 * 1024 * 1024;
/** 256 MiB: about two minutes of 1080p video. */
export const VIDEO_BYTES_MAX = 256 * 1024 * 1024;
/** 64 megapixels: beyond any phone's usual output; decoded as RGBA it is 256 MB. */
export const IMAGE_PIXELS_MAX = 64_000_000;
/** Neither side longer than this: the largest that WebP, a rendition's format, can hold. */
export const IMAGE_SIDE_MAX = 16_383;

/** Limits of a video, of its picture as it is shown. */
export const VIDEO_SECONDS_MAX = 180;
export const VIDEO_SIDE_MAX = 4096;
export const VIDEO_FPS_MAX = 120;

/** Where the client puts the bytes of a ticket. */
export const uploadObjectPath = (ownerId: string, uploadId: string) => `uploads/${ownerId}/${uploadId}`;
/** Where the renditions of a content stand. */
export const mediaPrefix = (contentId: string) => `media/${contentId}/`;

export const visibility = z.enum(['public', 'followers', 'private']);
export type Visibility = z.infer<typeof visibility>;

/** Who may comment on a content, of those who may see it; its owner always may. */
export const replyGate = z.enum(['everyone', 'followers', 'mentioned', 'nobody']);
export type ReplyGate = z.infer<typeof replyGate>;

/** The image types that the pipeline decodes, as a ticket may claim them. */
export const imageContentType = z.enum(['image/jpeg', 'image/png', 'image/webp', 'image/avif', 'image/gif']);
/** The video types that the pipeline takes. */
export const videoContentType = z.enum(['video/mp4', 'video/webm', 'video/quicktime']);

export const uploadStatus = z.enum([
  'awaiting-file',
  'screening',
  'in-review',
  'processing',
  'published',
  'rejected',
  'failed',
  'expired',
  'cancelled',
]);
export type UploadStatus = z.infer<typeof uploadStatus>;

/** Statuses that a ticket never leaves. */
export const ENDED_UPLOAD_STATUSES: readonly UploadStatus[] = [
  'published',
  'rejected',
  'failed',
  'expired',
  'cancelled',
];
/** Statuses in which the pipeline owes the next move. */
export const WORKING_UPLOAD_STATUSES: readonly UploadStatus[] = ['screening', 'processing'];

/**
 * Why an upload was refused; no retry with the same bytes helps.
 *
 * duplicate: the owner has published these bytes before (or is about to). policy-violation: moderation said no.
 * unsupported-media: an honest file of a kind that is not taken. corrupt-media: the kind is right, the data is broken.
 * too-large: too many bytes or pixels. mismatch: the bytes are not what the ticket said (size, type, hash).
 * quota-exceeded, suspended: the account's limits.
 */
export const rejectionCode = z.enum([
  'duplicate',
  'policy-violation',
  'unsupported-media',
  'corrupt-media',
  'too-large',
  'mismatch',
  'quota-exceeded',
  'suspended',
]);
export type RejectionCode = z.infer<typeof rejectionCode>;

/**
 * Why an upload failed although nothing was wrong with it, as far as anybody knows.
 *
 * too-many-uploads: the account began more than it may in a time; a new ticket for the same file is taken later.
 */
export const failureCode = z.enum([
  'file-missing',
  'screening-unavailable',
  'attempts-exhausted',
  'too-many-uploads',
  'internal',
]);
export type FailureCode = z.infer<typeof failureCode>;

export const rejection = z.object({
  code: rejectionCode,
  message: z.string(),
  /** With `duplicate`: the owner's own earlier content, never somebody else's. */
  contentId: documentId.optional(),
});
export type Rejection = z.infer<typeof rejection>;

export const failure = z.object({ code: failureCode, message: z.string(), retryable: z.boolean() });
export type Failure = z.infer<typeof failure>;

/** What the pipeline is doing; `progress` grows with it. */
export const uploadStep = z.enum([
  'received',
  'checking-bytes',
  'checking-duplicates',
  'screening',
  'awaiting-review',
  'rendering',
  'cleaning-up',
  'done',
]);
export type UploadStep = z.infer<typeof uploadStep>;

/** What the owner says of the upload before any byte moves. */
const ticketRequest = z.object({
  ownerId: uid,
  contentType: z.string().max(100),
  size: z.number().int().positive(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  title: text(TITLE_MAX),
  caption: text(CAPTION_MAX),
  tags: z.array(text(TAG_MAX)).max(TAGS_MAX),
  visibility,
  /** Everyone, where it is missing. */
  replies: replyGate.optional(),
  /** Whether the camera's name may be published with the content; it is not kept otherwise. */
  keepCamera: z.boolean().optional(),
  createdAt: timestamp,
});

/** `uploads/{uploadId}`: the ticket. The owner creates it with `status: 'awaiting-file'`; functions do the rest. */
export const uploadTicket = ticketRequest.extend({
  status: uploadStatus,
  step: uploadStep.optional(),
  progress: z.number().min(0).max(1).optional(),
  contentId: documentId.optional(),
  rejection: rejection.optional(),
  failure: failure.optional(),
  updatedAt: timestamp.optional(),
});
export type UploadTicket = z.infer<typeof uploadTicket>;

export const uploadAt = (uploadId: string): DocumentRef<UploadTicket> => ({
  path: `uploads/${uploadId}`,
  shape: uploadTicket,
});
