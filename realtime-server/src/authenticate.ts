import type { Auth, UserRecord } from 'firebase-admin/auth';
import type { Authenticate, Standing } from './authority.ts';

/** Past it the client is told to try again; it waits a second longer for its answer, and the server longer for its token. */
const VERDICT_WITHIN_MS = 4_000;
/** What the Admin SDK says of a bad token; all else is no verdict on it. */
const REFUSALS = new Set([
  'auth/argument-error',
  'auth/user-not-found',
  'auth/user-disabled',
  'auth/id-token-revoked',
  'auth/invalid-uid',
]);
/** In every message of an `auth/argument-error` about a token; one about Google's keys, when they cannot be had, is without. */
const ABOUT_TOKEN = /ID token/;

/**
 * Reads Firebase ID tokens; one of another project, unsigned or forged is invalid. Revoked tokens and disabled users are
 * too, and so is whom `isBarred` names, whatever the token says.
 */
export function firebaseAuthenticate(auth: Auth, isBarred: (uid: string) => boolean): Authenticate {
  return async (token) => {
    if (token === '') return 'invalid';
    try {
      const { claims, user } = await within(VERDICT_WITHIN_MS, read(auth, token));
      const { uid, exp, auth_time: authTime } = claims;
      const standing = standingOf(user);
      const signedInAt = authTime * 1000;
      if (!standing || standing.signedInSince > signedInAt) return 'invalid';
      if (isBarred(uid)) return 'barred';
      const role: unknown = claims['role'];
      return {
        uid,
        expiresAt: exp * 1000,
        token,
        signedInAt,
        demoted: role !== undefined && standing.role !== role,
        ...(typeof role === 'string' ? { role } : {}),
      };
    } catch (error) {
      const { code, message } = error as { code?: unknown; message?: unknown };
      if (code === 'auth/id-token-expired') return 'expired';
      const isRefusal = typeof code === 'string' && REFUSALS.has(code);
      if (isRefusal && (code !== 'auth/argument-error' || ABOUT_TOKEN.test(String(message)))) return 'invalid';
      // Not a verdict on the token: the caller answers with a temporary error, and the client tries again.
      throw error;
    }
  };
}

/** How accounts stand now; those that are not named are gone or disabled. */
export function firebaseStandings(auth: Auth): (uids: readonly string[]) => Promise<ReadonlyMap<string, Standing>> {
  return async (uids) => {
    const { users } = await auth.getUsers(uids.map((uid) => ({ uid })));
    return new Map(
      users.flatMap((user) => {
        const standing = standingOf(user);
        return standing ? [[user.uid, standing] as const] : [];
      }),
    );
  };
}

async function read(auth: Auth, token: string) {
  const claims = await auth.verifyIdToken(token);
  return { claims, user: await auth.getUser(claims.uid) };
}

/** @throws {Error} when it takes longer; the SDK goes on asking for much longer, and cannot be told to stop */
async function within<Result>(ms: number, work: Promise<Result>): Promise<Result> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${ms} ms`)), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function standingOf({ disabled, customClaims, tokensValidAfterTime }: UserRecord): Standing | undefined {
  if (disabled) return undefined;
  const role: unknown = customClaims?.['role'];
  return {
    signedInSince: tokensValidAfterTime === undefined ? 0 : Date.parse(tokensValidAfterTime),
    ...(typeof role === 'string' ? { role } : {}),
  };
}
