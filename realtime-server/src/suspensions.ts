import type { Firestore } from 'firebase-admin/firestore';
import type { Logger } from 'pino';

/** After a listener has failed it is set up again in this time. */
const RETRY_AFTER_MS = 5_000;

export interface Suspensions extends Disposable {
  /** Whether the account is shut out now. */
  has(uid: string): boolean;
}

/**
 * Follows which accounts are shut out, by one query that Firestore keeps up to date: a look-up for each connection would
 * cost as many reads as there are connections, this costs one for each account that is suspended.
 *
 * @param onSuspended is told of each account once it is shut out, those that are so at the start included
 * @returns when it is known who is shut out at the start
 */
export async function followSuspensions(
  firestore: Firestore,
  { onSuspended, log }: { onSuspended: (uid: string) => void; log: Pick<Logger, 'error'> },
): Promise<Suspensions> {
  let suspended = new Set<string>();
  let stop: () => void = () => undefined;
  let retry: NodeJS.Timeout | undefined;
  const first = Promise.withResolvers<void>();
  const query = firestore.collection('users').where('status', '==', 'suspended').select();
  const listen = () => {
    stop = query.onSnapshot(
      (snapshot) => {
        const before = suspended;
        suspended = new Set(snapshot.docs.map(({ id }) => id));
        for (const uid of suspended) if (!before.has(uid)) onSuspended(uid);
        first.resolve();
      },
      (error) => {
        log.error({ err: String(error) }, 'suspensions cannot be followed');
        retry = setTimeout(listen, RETRY_AFTER_MS);
      },
    );
  };
  listen();
  await first.promise;
  return {
    has: (uid) => suspended.has(uid),
    [Symbol.dispose]() {
      clearTimeout(retry);
      stop();
    },
  };
}
