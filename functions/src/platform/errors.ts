/**
 * An error that knows whether trying again can help, and has a stable code beside its words.
 * `transient`: the same call may succeed later. `permanent`: it never will.
 */
export class PlatformError extends Error {
  override readonly name = 'PlatformError';
  readonly code: string;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable;
  }
}

export const transient = (code: string, message: string, cause?: unknown) =>
  new PlatformError(code, message, { retryable: true, cause });
export const permanent = (code: string, message: string, cause?: unknown) =>
  new PlatformError(code, message, { retryable: false, cause });

/** How a refusal is told to the caller of a callable function: the SDKs' own words for kinds of errors. */
export const REFUSAL_STATUSES = [
  'invalid-argument',
  'unauthenticated',
  'permission-denied',
  'not-found',
  'already-exists',
  'failed-precondition',
  'resource-exhausted',
  'aborted',
] as const;
export type RefusalStatus = (typeof REFUSAL_STATUSES)[number];

/** A request that is answered with "no", for a reason that its caller can act on: by waiting, if it is `retryable`. */
export class Refusal extends PlatformError {
  readonly status: RefusalStatus;

  constructor(status: RefusalStatus, code: string, message: string, { retryable = false } = {}) {
    super(code, message, { retryable });
    this.status = status;
  }
}

/** gRPC status codes with which trying again cannot help: the request itself is at fault. */
const PERMANENT_GRPC_CODES = new Set([
  3, // INVALID_ARGUMENT
  7, // PERMISSION_DENIED
  11, // OUT_OF_RANGE
  12, // UNIMPLEMENTED
  16, // UNAUTHENTICATED
]);

/**
 * Brings any thrown value into the platform's terms. What nobody foresaw counts as transient: tries are bounded,
 * so a bug costs a few of them, while a lost event would cost somebody's photo.
 */
export function classify(error: unknown): PlatformError {
  if (error instanceof PlatformError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (error instanceof Error && error.name === 'ZodError') return permanent('malformed', message, error);
  // The transaction was given up under contention; a new one is as good as the first.
  if (message.includes('Transaction is invalid or closed')) return transient('transaction-lost', message, error);
  if (typeof code === 'number' && PERMANENT_GRPC_CODES.has(code)) return permanent(`grpc-${code}`, message, error);
  return transient(
    typeof code === 'string' || typeof code === 'number' ? `dependency-${code}` : 'internal',
    message,
    error,
  );
}

/** How long any call to Firestore, Storage or Pub/Sub may take before it counts as failed. */
export const CALL_DEADLINE_MS = 15_000;

/**
 * Ends a call that a dependency never answers (a 12 MiB commit hangs without an error; a stalled emulator too).
 *
 * @throws {PlatformError} `deadline-exceeded`, transient
 */
export async function withDeadline<T>(what: string, call: Promise<T>, deadlineMs = CALL_DEADLINE_MS): Promise<T> {
  const expired = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => expired.reject(transient('deadline-exceeded', `${what} did not answer within ${deadlineMs} ms`)),
    deadlineMs,
  );
  try {
    return await Promise.race([call, expired.promise]);
  } finally {
    clearTimeout(timer);
  }
}
