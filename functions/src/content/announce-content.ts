import type { Content } from '@playnite/contracts/documents';
import { cardOf, contentEdited, contentPublished, contentRemoved } from '@playnite/contracts/events';
import type { Announcement, DocumentChange } from '../platform/on-document.ts';
import { eventOf } from '../platform/publisher.ts';

/** Tells the other services and the live stream what became of a content. */
export function announceContent({ params, before, after, at, version }: DocumentChange<Content>): Announcement {
  const contentId = params['contentId'];
  if (!contentId) return {};
  const cause = `${contentId} ${version}`;
  const wasVisible = before?.status === 'published';
  const isVisible = after?.status === 'published';
  if (after && isVisible && !wasVisible) {
    return { events: [eventOf(contentPublished, { cause, at, data: cardOf(contentId, after) })] };
  }
  if (before && wasVisible && !isVisible) {
    return { events: [eventOf(contentRemoved, { cause, at, data: { contentId, ownerId: before.ownerId } })] };
  }
  if (before && after && isVisible && wasVisible && isEdited(before, after)) {
    const visibilityChanged = before.visibility !== after.visibility;
    return {
      events: [eventOf(contentEdited, { cause, at, data: { contentId, ownerId: after.ownerId, visibilityChanged } })],
    };
  }
  return {};
}

/** Counters move often and are announced otherwise; only words and visibility count as an edit. */
const isEdited = (before: Content, after: Content): boolean =>
  before.title !== after.title ||
  before.caption !== after.caption ||
  before.visibility !== after.visibility ||
  before.tags.join('\n') !== after.tags.join('\n');
