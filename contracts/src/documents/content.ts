import { z } from 'zod';
import { text, uid } from '../text.ts';
import type { DocumentRef } from './document.ts';
import { timestamp } from './timestamp.ts';
import { CAPTION_MAX, TAG_MAX, TAGS_MAX, TITLE_MAX, replyGate, visibility } from './upload.ts';

/** The longer side of a preview and of a thumbnail, in pixels; smaller originals are not enlarged. */
export const PREVIEW_SIDE = 1600;
export const THUMBNAIL_SIDE = 320;

/** One derived file: `path` in the bucket, `url` over HTTP (guarded by the storage rules), size in pixels. */
export const rendition = z.object({
  url: z.string(),
  path: z.string(),
  width: z.number().int().positive(),
  height: z.number().int().positive(),
});
export type Rendition = z.infer<typeof rendition>;

export const media = z.object({
  /** Size of the upright original, in pixels. */
  width: z.number().int().positive(),
  height: z.number().int().positive(),
  /** Length of the uploaded file. */
  bytes: z.number().int().positive(),
  /** Of the uploaded file, hex. */
  sha256: z.string(),
  /** Base64 of a ThumbHash: a blurred placeholder in about 25 bytes. */
  thumbhash: z.string(),
  preview: rendition,
  thumbnail: rendition,
  /** `#rrggbb` */
  dominantColor: z.string().optional(),
  /** From 0, one colour, to 1, crisp. */
  sharpness: z.number().optional(),
  /** Whether the preview moves. */
  animated: z.boolean().optional(),
  /** Of a video. */
  durationMs: z.number().int().positive().optional(),
  /** Of a video: its first seconds, small and without sound. */
  clip: rendition.extend({ durationMs: z.number().int().positive() }).optional(),
  /** When the picture was taken, as the camera says. */
  capturedAt: timestamp.optional(),
  /** Only when the owner keeps it. */
  camera: z.string().optional(),
});
export type Media = z.infer<typeof media>;

export const contentStats = z.object({
  likes: z.number().int(),
  comments: z.number().int(),
  shares: z.number().int(),
  views: z.number().int(),
});

/** What was found out about a content beyond what its owner says. */
export const enrichment = z.object({
  tags: z.array(z.string()),
  /** ISO 639-1, of title and caption. */
  language: z.string().optional(),
  colors: z.array(z.string()),
  quality: z.enum(['high', 'medium', 'low']),
});
export type Enrichment = z.infer<typeof enrichment>;

export const contentOwner = z.object({ handle: z.string(), displayName: z.string() });

/** `content/{contentId}`; `contentId` equals the `uploadId` it came from. */
export const content = z.object({
  ownerId: uid,
  owner: contentOwner,
  kind: z.enum(['image', 'video']),
  title: text(TITLE_MAX),
  caption: text(CAPTION_MAX),
  tags: z.array(text(TAG_MAX)).max(TAGS_MAX),
  mentions: z.array(uid),
  visibility,
  /** Everyone, where it is missing. */
  replies: replyGate.optional(),
  status: z.enum(['published', 'held', 'removed']),
  media,
  enrichment: enrichment.optional(),
  stats: contentStats,
  /** Where it stands among all contents by its numbers and its age; missing as long as nobody has done anything with it. */
  hot: z.number().optional(),
  publishedAt: timestamp,
  updatedAt: timestamp,
});
export type Content = z.infer<typeof content>;

export const contentAt = (contentId: string): DocumentRef<Content> => ({
  path: `content/${contentId}`,
  shape: content,
});
