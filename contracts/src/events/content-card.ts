import { z } from 'zod';
import { type Content, content, contentOwner, rendition } from '../documents/content.ts';
import { visibility } from '../documents/upload.ts';
import { documentId, uid } from '../text.ts';

/** What a card in a feed needs to show a content without reading anything. */
export const contentCard = z.object({
  contentId: documentId,
  ownerId: uid,
  owner: contentOwner,
  kind: content.shape.kind,
  title: z.string(),
  caption: z.string(),
  tags: z.array(z.string()),
  visibility,
  thumbhash: z.string(),
  preview: rendition,
  thumbnail: rendition,
  publishedAt: z.iso.datetime(),
});
export type ContentCard = z.infer<typeof contentCard>;

/** The card of a content document. */
export const cardOf = (contentId: string, document: Content): ContentCard => ({
  contentId,
  ownerId: document.ownerId,
  owner: document.owner,
  kind: document.kind,
  title: document.title,
  caption: document.caption,
  tags: document.tags,
  visibility: document.visibility,
  thumbhash: document.media.thumbhash,
  preview: document.media.preview,
  thumbnail: document.media.thumbnail,
  publishedAt: document.publishedAt.toDate().toISOString(),
});
