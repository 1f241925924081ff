import { parseChannel, userChannel } from '@playnite/contracts/realtime';
import type { Identity } from './authenticate.ts';

export type Permission = 'allowed' | 'denied' | 'unknown-channel';
export type Authorize = (identity: Identity, channel: string) => Promise<Permission>;

/** A look-up that takes longer fails; the client is told to try again. */
const LOOKUP_MAX_MS = 5_000;

/** What a subscriber of a channel must be able to read: a document, or the first of a collection; nothing for a channel that is open to every user. */
function guardOf(channel: string): { path: string } | 'every-user' | undefined {
  const parsed = parseChannel(channel);
  switch (parsed?.kind) {
    case 'user':
      return { path: `users/${parsed.uid}/notifications?pageSize=1` };
    case 'content':
      return { path: `content/${parsed.contentId}` };
    case 'public-feed':
      return 'every-user';
    case 'moderation-queue':
      return { path: 'moderationCases?pageSize=1' };
    case 'ops-health':
      return { path: 'ops/health' };
    case undefined:
      return undefined;
  }
}

/**
 * Asks Firestore, in the user's own name, whether the security rules let the user read what stands behind a channel.
 * There is no second list of who may hear what.
 */
export function firestoreAuthorize({ origin, projectId }: { origin: string; projectId: string }): Authorize {
  const documents = `${origin}/v1/projects/${projectId}/databases/(default)/documents`;
  return async (identity, channel) => {
    const guard = guardOf(channel);
    if (guard === undefined) return 'unknown-channel';
    if (guard === 'every-user' || channel === userChannel(identity.uid)) return 'allowed';
    const response = await fetch(`${documents}/${guard.path}`, {
      headers: { authorization: `Bearer ${identity.token}` },
      signal: AbortSignal.timeout(LOOKUP_MAX_MS),
    });
    await response.body?.cancel();
    if (response.ok) return 'allowed';
    // Nobody waits on the channel of a content that is not there yet: it may turn out to be private.
    if (response.status === 404) return parseChannel(channel)?.kind === 'content' ? 'denied' : 'allowed';
    if (response.status === 403 || response.status === 401) return 'denied';
    throw new Error(`Firestore answered ${response.status} to a look-up`);
  };
}
