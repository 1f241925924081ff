import {
  type FunctionsErrorCode,
  HttpsError,
  type HttpsFunction,
  type Request,
  onCall as onSdkCall,
} from 'firebase-functions/v2/https';
import { z } from 'zod';
import type { Role } from './accounts.ts';
import { addressOf } from './addresses.ts';
import { UNAVAILABLE } from './breaker.ts';
import { type Context, REGION, context } from './context.ts';
import { Refusal, classify } from './errors.ts';
import { CALL_MAX_SECONDS, idempotencyKey, oncePerKey } from './idempotency.ts';
import { refuseAccount, refuseAddress } from './limit-calls.ts';

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
 * Codes of its own: `unauthenticated`, `role-required`, `malformed`, `dependency-unavailable`, `internal`; with an idempotency key
 * `idempotency-key-reused` and `call-in-progress`; and `too-many-requests`, retryable, as HTTP 429 with a `Retry-After`, for an
 * account or an address that calls too often (see limit-calls.ts).
 */
export function onCall<Input>(
  name: string,
  { input, role, changes }: CallOptions<Input>,
  handle: (ctx: Context, data: Input, caller: Caller) => Promise<unknown>,
) {
  const answer = onSdkCall<unknown, Promise<unknown>>(
    { region: REGION, memory: '256MiB', concurrency: 40, timeoutSeconds: CALL_MAX_SECONDS },
    async ({ auth, data, rawRequest }) => {
      const ctx = await context();
      try {
        if (!auth) throw new Refusal('unauthenticated', 'unauthenticated', 'Sign in first.');
        const againInSeconds = refuseAccount(auth.uid, ctx.now());
        if (againInSeconds !== undefined) {
          rawRequest.res?.set(retryHeaders(againInSeconds));
          throw tooMany(againInSeconds);
        }
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
  return limitedByAddress(name, answer);
}

/**
 * Counts calls by their address before the SDK looks at them: one with a forged token, which it refuses by itself, counts as
 * well, and beyond the limit no signature is checked any more.
 */
function limitedByAddress(name: string, answer: HttpsFunction): HttpsFunction {
  const limited = async (request: Request, response: Parameters<typeof answer>[1]): Promise<void> => {
    const ctx = await context();
    const address = addressOf(request.get('x-forwarded-for'), request.socket.remoteAddress);
    // A browser asks first whether it may call at all; that is no call.
    const againInSeconds = request.method === 'OPTIONS' ? undefined : refuseAddress(address, ctx.now());
    if (againInSeconds === undefined) {
      await answer(request, response);
      return;
    }
    const error = answerTo(ctx, name, tooMany(againInSeconds));
    // As the SDK answers; a page elsewhere may read it, since a call takes nothing from the browser that it was not handed.
    response.set({ ...retryHeaders(againInSeconds), 'access-control-allow-origin': '*' });
    response.status(error.httpErrorCode.status).send({ error: error.toJSON() });
  };
  return Object.assign(limited, { __endpoint: answer.__endpoint });
}

const tooMany = (againInSeconds: number): Refusal =>
  new Refusal('resource-exhausted', 'too-many-requests', `Too many calls; again in ${againInSeconds} s.`, {
    retryable: true,
  });

const retryHeaders = (seconds: number) => ({
  'retry-after': String(seconds),
  'access-control-expose-headers': 'retry-after',
});

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
