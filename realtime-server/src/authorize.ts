import { parseChannel, userChannel } from '@playnite/contracts/realtime';
import type { Authorize, Identity, Permission } from './authority.ts';
import type { RedisVerdicts } from './redis-verdicts.ts';

/** A look-up that takes longer fails; the client is told to try again. */
const LOOKUP_MAX_MS = 5_000;

/** How long an `allowed` is believed when nothing is heard that might change it. */
const VERDICT_KEPT_MS = 5_000;
/** Verdicts kept at once; at more, the oldest is forgotten, and asked for again when it is needed. */
const VERDICTS_MAX = 10_000;
/** Rights that change during every one of so many look-ups are not found out. */
const TRIES_MAX = 3;

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

/** Whether Firestore must be asked, or the channel's name says it all. */
export const needsLookUp = ({ uid }: Identity, channel: string): boolean =>
  typeof guardOf(channel) === 'object' && channel !== userChannel(uid);

/**
 * Asks Firestore, in the user's own name, whether the security rules let the user read what stands behind a channel.
 * There is no second list of who may hear what.
 */
export function firestoreAuthorize({ origin, projectId }: { origin: string; projectId: string }): Authorize {
  const documents = `${origin}/v1/projects/${projectId}/databases/(default)/documents`;
  return async (identity, channel) => {
    const guard = guardOf(channel);
    if (guard === undefined) return 'unknown-channel';
    if (guard === 'every-user' || !needsLookUp(identity, channel)) return 'open';
    if (identity.demoted) return 'denied';
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

/** What all nodes know; without it, each knows what it found out itself. */
export type SharedVerdicts = Pick<RedisVerdicts, 'allows' | 'marks' | 'note' | 'forgetUser'>;

/** `authorize`, of whose answers the other nodes know. */
export function notedFor(shared: Pick<SharedVerdicts, 'marks' | 'note'>, authorize: Authorize): Authorize {
  return async (identity, channel) => {
    const marks = await shared.marks(identity, channel);
    const permission = await authorize(identity, channel);
    shared.note(identity, channel, permission, marks);
    return permission;
  };
}

/** `authorize` with a memory. */
export interface KeptVerdicts {
  /** What was found out lately, or what is being found out, or a look-up. A verdict is never older than the last `forget` of its channel. */
  ask: Authorize;
  /** Rights on the channel may have changed: nothing found out or asked before now counts. */
  forget: (channel: string) => void;
  /** The same of whatever concerns a user. */
  forgetUser: (uid: string) => void;
}

interface MemoryOptions {
  /** Milliseconds, of a clock that is never set back. */
  now: () => number;
  /** Whether grants of the channel are kept; left out, they are. Where not, who asks meanwhile shares an answer, and who asks later does not. */
  keeps?: (channel: string) => boolean;
  /** An answer was not asked for, as it was known or about to be. */
  onKnown?: () => void;
}

const isGrant = (verdict: Permission | undefined): boolean => verdict === 'allowed' || verdict === 'open';

interface Kept {
  uid: string;
  channel: string;
  verdict: Promise<Permission>;
  isAnswered: boolean;
  /** It counts until then, once it is answered. */
  until: number;
  /** Rights have changed since it was asked. */
  isVoid: boolean;
}

/**
 * Keeps what `authorize` allows for some seconds, by token and channel, so that a storm of reconnects is one look-up each.
 * Refusals are not kept: somebody who was just let in need not wait.
 */
export function keepVerdicts(
  authorize: Authorize,
  { now, keeps = () => true, onKnown = () => undefined }: MemoryOptions,
): KeptVerdicts {
  const keyOf = ({ token, demoted }: Identity, channel: string) => `${channel} ${demoted ? 'demoted' : ''} ${token}`;
  const kept = new Map<string, Kept>();
  const keysOf = new Map<string, Set<string>>();

  const drop = (channel: string, key: string): void => {
    kept.delete(key);
    const keys = keysOf.get(channel);
    keys?.delete(key);
    if (keys?.size === 0) keysOf.delete(channel);
  };
  const lookUp = (identity: Identity, channel: string, key: string): Kept => {
    drop(channel, key);
    const until = keeps(channel) ? now() + VERDICT_KEPT_MS : -Infinity;
    const verdict = authorize(identity, channel);
    const entry: Kept = { uid: identity.uid, channel, verdict, isAnswered: false, until, isVoid: false };
    kept.set(key, entry);
    keysOf.set(channel, (keysOf.get(channel) ?? new Set()).add(key));
    const [oldest] = kept;
    if (kept.size > VERDICTS_MAX && oldest) drop(oldest[1].channel, oldest[0]);
    return entry;
  };
  const isGood = ({ isAnswered, until }: Kept): boolean => !isAnswered || until > now();

  return {
    async ask(identity, channel) {
      const key = keyOf(identity, channel);
      for (let tries = 0; tries < TRIES_MAX; tries += 1) {
        const known = kept.get(key);
        const isKnown = known !== undefined && isGood(known);
        if (isKnown) onKnown();
        const entry = isKnown ? known : lookUp(identity, channel, key);
        let verdict: Permission | undefined;
        try {
          verdict = await entry.verdict;
        } finally {
          entry.isAnswered = true;
          if ((!isGrant(verdict) || !isGood(entry)) && kept.get(key) === entry) drop(channel, key);
        }
        // An answer to a question put before the rights changed may be the old one.
        if (!isGrant(verdict) || !entry.isVoid) return verdict;
      }
      throw new Error('rights changed during every look-up');
    },
    forget(channel) {
      for (const key of keysOf.get(channel) ?? []) {
        const entry = kept.get(key);
        if (entry) entry.isVoid = true;
        kept.delete(key);
      }
      keysOf.delete(channel);
    },
    forgetUser(uid) {
      for (const [key, entry] of kept) {
        if (entry.uid !== uid) continue;
        entry.isVoid = true;
        drop(entry.channel, key);
      }
    },
  };
}
