import type { Auth } from 'firebase-admin/auth';
import { z } from 'zod';
import { withDeadline } from './errors.ts';

const role = z.enum(['moderator', 'admin']);
/** A custom claim that an operator gives to an account. */
export type Role = z.infer<typeof role>;

/** Firebase Authentication, as far as the use cases need it. */
export interface Accounts {
  /** The role as it is now, whatever an older token says; undefined for none, and for an account that is disabled or gone. */
  roleOf(uid: string): Promise<Role | undefined>;
  /** Whose ID token this is; undefined for one that is none, is forged or has expired. */
  uidOf(idToken: string): Promise<string | undefined>;
}

/** `Accounts` on Firebase Authentication. */
export function authAccounts(auth: Auth): Accounts {
  return {
    async roleOf(uid) {
      try {
        const user = await withDeadline('look-up of an account', auth.getUser(uid));
        return user.disabled ? undefined : role.safeParse(user.customClaims?.['role']).data;
      } catch (error) {
        if ((error as { code?: unknown }).code === 'auth/user-not-found') return undefined;
        throw error;
      }
    },

    async uidOf(idToken) {
      try {
        return (await withDeadline('check of a token', auth.verifyIdToken(idToken))).uid;
      } catch (error) {
        if (String((error as { code?: unknown }).code).startsWith('auth/')) return undefined;
        throw error;
      }
    },
  };
}
