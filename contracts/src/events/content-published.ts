import { z } from 'zod';
import { content, contentOwner, rendition } from '../documents/content.ts';
import { visibility } from '../documents/upload.ts';
import { documentId, uid } from '../text.ts';
import { defineEvent } from './define-event.ts';

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

/** A content can be seen for the first time, or again after it was held or removed. */
export const contentPublished = defineEvent({
  name: 'content.published',
  version: 1,
  audience: 'both',
  data: contentCard,
  orderingKey: (data) => `content:${data.contentId}`,
});
