/**
 * Idempotency keys: a call that is sent again under its key gets the answer of the first, and takes effect once.
 *
 * A client that never saw an answer cannot know whether its call took effect. It makes up a key for what it means to do, and
 * sends the same call with the same key until it is answered; calls that are sent in parallel are one as well. For a day the
 * key stands for that one call, by that caller, of that function, with that input.
 *
 * The first to write the record has the call; the others wait for its answer. Its answer is what the handler returns, or a
 * refusal that trying again cannot help; any other error gives the key free, so that the next call with it runs. Whoever has
 * the call holds a lease that outlives the function's time limit: when a process dies, the next call after the lease has
 * expired runs it again.
 *
 * So what may have taken effect with nobody left to tell of it is run a second time. Handlers bear that, as they bear two
 * calls without a key: they bring something to a state, and find it there. What they answer is then what they say to one who
 * asks again, which may be a refusal (`already-appealed`).
 */
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DocumentRef, timestamp } from '@playnite/contracts/documents';
import { z } from 'zod';
import { attempt } from './attempt.ts';
import type { Context } from './context.ts';
import { REFUSAL_STATUSES, Refusal, classify } from './errors.ts';

/** The time limit of a function that clients call. */
export const CALL_MAX_SECONDS = 60;
/** Longer than any call may run, so that two hardly ever run at once. */
const LEASE_MS = (CALL_MAX_SECONDS + 5) * 1000;
/** How long a key stands for its call. */
const KEPT_MS = 24 * 60 * 60_000;
/** How long a call waits for another one with its key; then it is refused, and may be sent again. */
const WAIT_MAX_MS = 20_000;
/** Waits between looks for the other's answer, each twice as long as the one before up to the second. */
const FIRST_LOOK_MS = 50;
const LOOK_MAX_MS = 1_000;

/** What a key may be: a UUID, a ULID, or any name that the client makes up. */
export const idempotencyKey = z.string().regex(/^[\w.:~-]{1,128}$/);

/** Answers of functions that change something are ids and states, some hundred bytes; Firestore holds a megabyte. */
const outcome = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('answer'), json: z.string() }),
  z.object({ kind: z.literal('refusal'), status: z.enum(REFUSAL_STATUSES), code: z.string(), message: z.string() }),
]);
type Outcome = z.infer<typeof outcome>;

/** `idempotencyKeys/{hash of caller, function and key}`: one call, and what came of it. Only functions see it. */
const keyedCall = z.object({
  /** The caller. */
  uid: z.string(),
  functionName: z.string(),
  /** SHA-256 of the input. */
  input: z.string(),
  /** Who has the call: only that run may say what came of it. */
  run: z.string(),
  leaseUntil: timestamp,
  /** Missing while the call runs. */
  outcome: outcome.optional(),
  /** From then on the key is as good as new; the document leaves by TTL some time after. */
  expireAt: timestamp,
});
type KeyedCall = z.infer<typeof keyedCall>;

export const KEYED_CALLS = 'idempotencyKeys';
const keyedCallAt = (call: Pick<Call, 'uid' | 'functionName' | 'key'>): DocumentRef<KeyedCall> => ({
  path: `${KEYED_CALLS}/${sha256([call.uid, call.functionName, call.key])}`,
  shape: keyedCall,
});

/** A call as its key stands for it. */
export interface Call {
  uid: string;
  functionName: string;
  key: string;
  /** As the function reads it: what it leaves out makes no difference. */
  input: unknown;
}

/**
 * Does the work of a call, or answers what came of it before. Whoever asks gets the answer as JSON has it.
 *
 * @throws {Refusal} `idempotency-key-reused` for a key that stands for another input, `call-in-progress`, retryable, when the
 * other call does not end in time, and whatever the work was refused with
 */
export async function oncePerKey(ctx: Needs, call: Call, work: () => Promise<unknown>): Promise<unknown> {
  const ref = keyedCallAt(call);
  const input = sha256(call.input);
  const run = randomUUID();
  const waitsUntilMs = ctx.now().getTime() + WAIT_MAX_MS;
  for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(2 * lookMs, LOOK_MAX_MS)) {
    const other = await take(ctx, ref, { uid: call.uid, functionName: call.functionName, input, run });
    if (!other) {
      const came = await runAndKeep(ctx, ref, run, work);
      if (came) return told(came);
      continue;
    }
    if (other.input !== input) {
      throw new Refusal('failed-precondition', 'idempotency-key-reused', 'This key was used with another input.');
    }
    if (other.outcome) return told(other.outcome);
    if (ctx.now().getTime() >= waitsUntilMs) {
      throw new Refusal('aborted', 'call-in-progress', 'A call with this key is still under way.', { retryable: true });
    }
    // Calls that came at the same moment do not look at the same moment.
    await sleep(lookMs * (0.5 + Math.random() / 2));
  }
}

function told(came: Outcome): unknown {
  if (came.kind === 'refusal') throw new Refusal(came.status, came.code, came.message);
  return JSON.parse(came.json);
}

/** Takes the call for a run; resolves to the call as it stands when another run has it, or had it to its end. */
async function take(
  ctx: Needs,
  ref: DocumentRef<KeyedCall>,
  of: Pick<KeyedCall, 'uid' | 'functionName' | 'input' | 'run'>,
): Promise<KeyedCall | undefined> {
  const nowMs = ctx.now().getTime();
  const mine = { ...of, leaseUntil: new Date(nowMs + LEASE_MS), expireAt: new Date(nowMs + KEPT_MS) };
  const isGone = ({ outcome: came, leaseUntil, expireAt }: KeyedCall) =>
    expireAt.toMillis() <= nowMs || (!came && leaseUntil.toMillis() <= nowMs);
  let present = await ctx.documents.get(ref);
  if (!present) {
    // No transaction: of fifty that read the same missing document at once, Firestore lets few commit in time.
    await ctx.documents.createMissing([[ref, mine]]);
    present = await ctx.documents.get(ref);
  }
  if (present?.run === of.run) return undefined;
  if (present && !isGone(present)) return present;
  return ctx.documents.transact(async (tx) => {
    const latest = await tx.get(ref);
    if (latest && !isGone(latest)) return latest;
    tx.set(ref, mine);
    return undefined;
  });
}

/**
 * Does the work and writes down what came of it before anybody is told, so that what has once been told stays; undefined when
 * the lease was lost to another run, whose outcome it then is.
 */
async function runAndKeep(
  ctx: Needs,
  ref: DocumentRef<KeyedCall>,
  run: string,
  work: () => Promise<unknown>,
): Promise<Outcome | undefined> {
  let came: Outcome;
  try {
    came = { kind: 'answer', json: JSON.stringify(await work()) ?? 'null' };
  } catch (thrown) {
    const error = classify(thrown);
    if (!(error instanceof Refusal) || error.retryable) {
      await giveFree(ctx, ref, run);
      throw error;
    }
    came = { kind: 'refusal', status: error.status, code: error.code, message: error.message };
  }
  const isKept = await attempt(() =>
    ctx.documents.transact(async (tx) => {
      if ((await tx.get(ref))?.run !== run) return false;
      tx.update(ref, { outcome: came });
      return true;
    }),
  );
  return isKept ? came : undefined;
}

async function giveFree(ctx: Needs, ref: DocumentRef<KeyedCall>, run: string): Promise<void> {
  try {
    await ctx.documents.transact(async (tx) => {
      if ((await tx.get(ref))?.run === run) tx.delete(ref);
    });
  } catch (thrown) {
    // The lease does it in a minute; the caller is to hear of what went wrong first.
    const { code, message } = classify(thrown);
    ctx.log.warn('idempotency key not given free', { code, reason: message });
  }
}

/** SHA-256 of a value as JSON, whatever the order of its keys. */
function sha256(value: unknown): string {
  const json = JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
  return createHash('sha256').update(json).digest('base64url');
}

type Needs = Pick<Context, 'documents' | 'log' | 'now'>;
