import type { FollowEdge, User } from '@playnite/contracts/documents';
import { socialFollowChanged, socialProfileChanged } from '@playnite/contracts/events';
import type { Announcement, DocumentChange } from '../platform/on-document.ts';
import { eventOf } from '../platform/publisher.ts';

/** Only a profile that still lacks what functions write is news; the write that completes it is not. */
export function announceProfile({ params, after, at, version }: DocumentChange<User>): Announcement {
  const uid = params['uid'];
  if (!uid || !after || (after.counts && after.status)) return {};
  return { events: [eventOf(socialProfileChanged, { cause: `${uid} ${version}`, at, data: { uid } })] };
}

export function announceFollow({ params, at, version }: DocumentChange<FollowEdge>): Announcement {
  const { uid: followerUid, targetUid } = params;
  if (!followerUid || !targetUid) return {};
  const cause = `${followerUid} ${targetUid} ${version}`;
  return { events: [eventOf(socialFollowChanged, { cause, at, data: { followerUid, targetUid } })] };
}
