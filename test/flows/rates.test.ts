/** How much one account, or one address, may ask of the platform in a time. */
import { describe, expect, test } from '@jest/globals';
import type { Client } from '@playnite/emulators/client';
import { z } from 'zod';
import { CALLS_PER_ACCOUNT, CALLS_PER_ADDRESS, CALLS_WINDOW_MS } from '../../functions/src/platform/limit-calls.ts';
import { UPLOADS_MAX, UPLOADS_WINDOW_MS } from '../../functions/src/storage/limit-uploads.ts';
import { db } from '../support/backstage.ts';
import { becomes } from '../support/faults.ts';
import { person, target } from '../support/platform.ts';

/** A function that no other test calls: its process is to have no calls but these. */
const FUNCTION = 'content-rerun';
const ADDRESS = `http://${target.addresses.functions}/${target.projectId}/us-central1/${FUNCTION}`;
const ANSWERED = { status: 403, error: { details: { code: 'role-required', retryable: false } } };
const TOO_MANY_CALLS = {
  status: 'RESOURCE_EXHAUSTED',
  message: expect.stringMatching(/^Too many calls; again in \d+ s\.$/) as unknown,
  details: { code: 'too-many-requests', retryable: true },
};
/** Sixty tickets go through two functions each, on a machine that may be busy. */
const SETTLED_WITHIN_MS = 90_000;

const failed = z.object({ error: z.unknown() });

/** Calls a function as the SDK does, and shows what the SDK hides: the status and the header. */
async function ask(headers: Record<string, string>) {
  const response = await fetch(ADDRESS, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ data: { uploadId: 'none', from: 'rendering' } }),
  });
  const body: unknown = await response.json();
  return {
    status: response.status,
    retryAfter: Number(response.headers.get('retry-after') ?? Number.NaN),
    error: failed.safeParse(body).data?.error,
  };
}

const tokenOf = async ({ auth }: Client): Promise<string> => `Bearer ${await auth.currentUser?.getIdToken()}`;

/** One after another: calls at the same moment get a process each from the emulator, and each process counts for itself. */
async function askAll(times: number, headers: Record<string, string>) {
  const answers: Awaited<ReturnType<typeof ask>>[] = [];
  for (let nth = 0; nth < times; nth += 1) answers.push(await ask(headers));
  return answers;
}

function expectTold(answers: readonly Awaited<ReturnType<typeof ask>>[]) {
  for (const { status, retryAfter, error } of answers) {
    expect({ status, error }).toEqual({ status: 429, error: TOO_MANY_CALLS });
    expect(retryAfter).toBeGreaterThan(0);
    expect(retryAfter).toBeLessThanOrEqual(CALLS_WINDOW_MS / 1000);
  }
}

describe('calls', () => {
  test('by one account are answered up to a limit, and say when they will be again; others go on', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    const answers = await askAll(CALLS_PER_ACCOUNT + 10, { authorization: await tokenOf(ann) });
    expect(answers.slice(0, CALLS_PER_ACCOUNT).filter(({ status }) => status !== ANSWERED.status)).toEqual([]);
    expectTold(answers.slice(CALLS_PER_ACCOUNT));
    await expect(ann.call(FUNCTION, {})).rejects.toMatchObject({
      code: 'functions/resource-exhausted',
      details: TOO_MANY_CALLS.details,
    });
    expect(await ask({ authorization: await tokenOf(bob) })).toMatchObject(ANSWERED);
  }, 120_000);

  test('from one address are answered up to a limit, whoever they say they are; other addresses go on', async () => {
    const from = (address: string) => ({ 'x-forwarded-for': `198.51.100.7, ${address}` });
    const strangers = await askAll(CALLS_PER_ADDRESS / 2, from('203.0.113.7'));
    const forgers = await askAll(CALLS_PER_ADDRESS / 2, { ...from('203.0.113.7'), authorization: 'Bearer forged' });
    expect(strangers.filter(({ status }) => status !== 401)).toEqual([]);
    // The emulator takes any token, so that its bearer is let in as somebody and fails later.
    expect(forgers.filter(({ status }) => status < 400 || status === 429)).toEqual([]);
    const authorization = await tokenOf(await person('ann'));
    expectTold(await askAll(10, { ...from('203.0.113.7'), authorization }));
    expect(await ask({ ...from('203.0.113.8'), authorization })).toMatchObject(ANSWERED);
    // What a browser asks before it calls is no call: refused, the page would never learn why.
    const asked = await fetch(ADDRESS, {
      method: 'OPTIONS',
      headers: { ...from('203.0.113.7'), origin: 'https://app' },
    });
    expect(asked.status).toBe(204);
  }, 120_000);
});

describe('uploads by one account', () => {
  const size = 500;
  const open = (who: Client) =>
    who.openTicket({ bytes: new Uint8Array(size), contentType: 'image/jpeg', title: 'One of many' });
  const ticketsOf = async (who: Client) =>
    (await db.collection('uploads').where('ownerId', '==', who.uid).orderBy('createdAt').orderBy('__name__').get())
      .docs;
  const endsOf = async (who: Client) =>
    (await ticketsOf(who)).map((ticket) => (ticket.get('failure') as { code?: string } | undefined)?.code ?? 'open');
  const times = <T>(many: number, what: T): T[] => Array.from({ length: many }, () => what);

  test('begin up to a limit: of tickets of one moment exactly the first, and no room is taken by the others', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    await Promise.all(Array.from({ length: 2 * UPLOADS_MAX }, () => open(ann)));
    await becomes(
      () => endsOf(ann),
      [...times(UPLOADS_MAX, 'open'), ...times(UPLOADS_MAX, 'too-many-uploads')],
      SETTLED_WITHIN_MS,
    );
    await ann.sees(`quotas/${ann.uid}`, ({ reservedBytes }) => reservedBytes === UPLOADS_MAX * size);

    const late = await ann.sees(`uploads/${await open(ann)}`, ({ status }) => status !== 'awaiting-file');
    expect(late).toMatchObject({ status: 'failed', failure: { code: 'too-many-uploads', retryable: true } });
    await open(bob);
    await bob.sees(`quotas/${bob.uid}`, ({ reservedBytes }) => reservedBytes === size);

    // As if the first of them were so long ago. Those that failed do not count.
    const [first] = await ticketsOf(ann);
    await first?.ref.update({ createdAt: new Date(Date.now() - UPLOADS_WINDOW_MS) });
    await open(ann);
    await ann.sees(`quotas/${ann.uid}`, ({ reservedBytes }) => reservedBytes === (UPLOADS_MAX + 1) * size);
  }, 180_000);
});
