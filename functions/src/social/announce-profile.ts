import type { FollowEdge, User } from '@playnite/contracts/documents';
import { socialFollowChanged, socialProfileChanged } from '@playnite/contracts/events';
import type { Announcement, DocumentChange } from '../platform/on-document.ts';
import { eventOf } from '../platform/publisher.ts';

/**
 * A profile that still lacks what functions write is news, and so is one that goes public: whoever waits is let in. The
 * writes that follow from either are not.
 */
export function announceProfile({ params, before, after, at, version }: DocumentChange<User>): Announcement {
  const uid = params['uid'];
  const goesPublic = before?.private === true && after?.private !== true;
  if (!uid || !after || (after.counts && after.status && !goesPublic)) return {};
  return { events: [eventOf(socialProfileChanged, { cause: `${uid} ${version}`, at, data: { uid } })] };
}

export function announceFollow({ params, at, version }: DocumentChange<FollowEdge>): Announcement {
  const { uid: followerUid, targetUid } = params;
  if (!followerUid || !targetUid) return {};
  const cause = `${followerUid} ${targetUid} ${version}`;
  return { events: [eventOf(socialFollowChanged, { cause, at, data: { followerUid, targetUid } })] };
}
