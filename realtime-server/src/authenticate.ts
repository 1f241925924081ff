import type { Auth } from 'firebase-admin/auth';

/** Whom a token speaks for. */
export interface Identity {
  uid: string;
  /** Epoch milliseconds. */
  expiresAt: number;
  /** The token itself: what the user may read is asked in the user's name. */
  token: string;
  /** The token claims a role which the account has no longer: the rules would believe it until it expires. */
  demoted?: true;
}

export type Verdict = Identity | 'expired' | 'invalid';
export type Authenticate = (token: string) => Promise<Verdict>;

/** Reads Firebase ID tokens; one of another project, unsigned or forged is invalid. Revoked tokens and disabled users are too. */
export function firebaseAuthenticate(auth: Auth): Authenticate {
  return async (token) => {
    if (token === '') return 'invalid';
    try {
      const claims = await auth.verifyIdToken(token, true);
      const { uid, exp } = claims;
      const role: unknown = claims['role'];
      const demoted = role !== undefined && (await auth.getUser(uid)).customClaims?.['role'] !== role;
      return { uid, expiresAt: exp * 1000, token, ...(demoted ? { demoted } : {}) };
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (code === 'auth/id-token-expired') return 'expired';
      if (typeof code === 'string' && code.startsWith('auth/') && code !== 'auth/internal-error') return 'invalid';
      // Not a verdict on the token: the caller answers with a temporary error, and the client tries again.
      throw error;
    }
  };
}
