import { type FunctionsErrorCode, HttpsError, onCall as onSdkCall } from 'firebase-functions/v2/https';
import { z } from 'zod';
import type { Role } from './accounts.ts';
import { UNAVAILABLE } from './breaker.ts';
import { type Context, REGION, context } from './context.ts';
import { Refusal, classify } from './errors.ts';
import { CALL_MAX_SECONDS, idempotencyKey, oncePerKey } from './idempotency.ts';

/** Who calls, as Firebase Authentication vouches for it. */
export interface Caller {
  uid: string;
  role: Role | undefined;
}

interface CallOptions<Input> {
  input: z.ZodType<Input>;
  /** Only for this role, and for admins, as the account is at this moment: a token may be older than a demotion. */
  role?: Role;
  /** Whether a call has effects. If it has, its data may hold an `idempotencyKey`, under which it takes effect once. */
  changes: boolean;
}

/** What the data of a call may hold beside the function's input; the SDKs send null for what is undefined. */
const keyed = z.object({ idempotencyKey: idempotencyKey.nullish() });

/**
 * A function that clients call, signed in. Whatever goes wrong arrives as a `FunctionsError` with a stable `details.code`
 * and `details.retryable`; the message of an unforeseen error stays in the log.
 *
 * Codes of its own: `unauthenticated`, `role-required`, `malformed`, `dependency-unavailable`, `internal`; and with an idempotency key
 * `idempotency-key-reused` and `call-in-progress`.
 */
export function onCall<Input>(
  name: string,
  { input, role, changes }: CallOptions<Input>,
  handle: (ctx: Context, data: Input, caller: Caller) => Promise<unknown>,
) {
  return onSdkCall<unknown, Promise<unknown>>(
    { region: REGION, memory: '256MiB', concurrency: 40, timeoutSeconds: CALL_MAX_SECONDS },
    async ({ auth, data }) => {
      const ctx = await context();
      try {
        if (!auth) throw new Refusal('unauthenticated', 'unauthenticated', 'Sign in first.');
        const caller = { uid: auth.uid, role: role ? await ctx.accounts.roleOf(auth.uid) : undefined };
        if (role && caller.role !== role && caller.role !== 'admin') {
          throw new Refusal('permission-denied', 'role-required', `This needs the role ${role}.`);
        }
        const parsed = parse(input, data);
        const work = () => handle(ctx, parsed, caller);
        const key = changes ? parse(keyed, data).idempotencyKey : undefined;
        if (!key) return await work();
        return await oncePerKey(ctx, { uid: caller.uid, functionName: name, key, input: parsed }, work);
      } catch (thrown) {
        throw answerTo(ctx, name, thrown);
      }
    },
  );
}

function parse<Input>(input: z.ZodType<Input>, data: unknown): Input {
  const result = input.safeParse(data);
  if (!result.success) throw new Refusal('invalid-argument', 'malformed', z.prettifyError(result.error).slice(0, 1000));
  return result.data;
}

function answerTo({ log }: Context, name: string, thrown: unknown): HttpsError {
  const error = classify(thrown);
  const details = { code: error.code, retryable: error.retryable };
  if (error instanceof Refusal)
    return new HttpsError(error.status satisfies FunctionsErrorCode, error.message, details);
  log.error('call failed', { name, ...details, reason: error.message });
  return new HttpsError(error.retryable ? 'unavailable' : 'internal', 'The call failed.', {
    ...details,
    code: error.code === UNAVAILABLE ? UNAVAILABLE : 'internal',
  });
}
