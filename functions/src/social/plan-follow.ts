/** What one person's wish to follow another comes to; a pure function of everything that it depends on. */

/** When each of the documents was made, in milliseconds; undefined for one that is not there. */
export interface FollowState {
  /** `users/{follower}/following/{target}`: the wish. */
  edgeAt: number | undefined;
  /** `users/{target}/followers/{follower}`: that it stands, and for which wish. */
  mirrorAt: number | undefined;
  /** `users/{target}/followRequests/{follower}`: what the target says to it, and to which wish. */
  request: { at: number; status: 'pending' | 'accepted' | 'declined' } | undefined;
  /** Both have a profile. */
  exist: boolean;
  /** Either blocks the other. */
  blocked: boolean;
  targetIsPrivate: boolean;
}

/** What is to be there afterwards. */
export interface FollowPlan {
  /** The wish is taken back: a block stands against it. */
  edge: 'keep' | 'delete';
  mirror: 'present' | 'absent';
  request: 'pending' | 'accepted' | 'declined' | 'absent';
  /** The wish is a new one: it has its price, and may be refused for it. */
  isNew: boolean;
}

/**
 * A wish stands when both exist, neither blocks the other, and the target is public, has accepted, or was followed by it
 * before going private. What belongs to an earlier wish than the present one (made, taken back and made again) counts for
 * nothing, so that it does not matter whether anybody saw the moment in between.
 */
export function planFollow({ edgeAt, mirrorAt, request, exist, blocked, targetIsPrivate }: FollowState): FollowPlan {
  const none: FollowPlan = { edge: 'keep', mirror: 'absent', request: 'absent', isNew: false };
  if (edgeAt === undefined || !exist) return none;
  if (blocked) return { ...none, edge: 'delete' };
  const answer = request?.at === edgeAt ? request.status : undefined;
  const stood = mirrorAt === edgeAt;
  const isNew = !stood && answer === undefined;
  // An answer is kept as long as the wish: what was accepted can be declined later.
  const replied = (status: FollowPlan['request']): FollowPlan => ({
    ...none,
    mirror: status === 'accepted' ? 'present' : 'absent',
    request: status,
    isNew,
  });
  if (answer === 'declined' || answer === 'accepted') return replied(answer);
  if (stood || !targetIsPrivate)
    return answer === 'pending' ? replied('accepted') : { ...none, mirror: 'present', isNew };
  return replied('pending');
}
