/** The platform that `npm test` started, as the tests see it. */
import { afterAll, afterEach } from '@jest/globals';
import { type Client, type Target, connectClient } from '@playnite/emulators/client';
import { type DocumentData, setLogLevel } from 'firebase/firestore';
import { z } from 'zod';

// The SDK prints every refusal by the rules, and refusals are what many tests are about.
setLogLevel('error');

const described = z.object({
  projectId: z.string(),
  bucket: z.string(),
  run: z.string(),
  addresses: z.object({
    auth: z.string(),
    firestore: z.string(),
    storage: z.string(),
    functions: z.string(),
    realtime: z.string(),
  }),
});

export const target: Target & z.infer<typeof described> = described.parse(
  JSON.parse(process.env['PLAYNITE_PLATFORM'] ?? 'null'),
);

/** What the platform under test has written down so far. */
export const logFiles = ['emulators.log', 'realtime.log'].map(
  (name) => new URL(`../../.cache/logs/${target.run}/${name}`, import.meta.url),
);

const opened: Client[] = [];

const staying: Client[] = [];
afterAll(async () => {
  await Promise.all(staying.splice(0).map((client) => client.close()));
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((client) => client.close()));
});

let count = 0;
/** A handle that no other test has. */
export const newHandle = (name: string): string =>
  `${name}_${process.pid.toString(36)}${(count += 1)}${Date.now().toString(36).slice(-5)}`.slice(0, 20);

/** A signed-in person with a profile; the connection ends with the test, or with the file's tests. */
export async function person(name: string, until: 'ends with the test' | 'stays' = 'ends with the test') {
  const client = await connectClient(target, name);
  (until === 'stays' ? staying : opened).push(client);
  await client.createProfile(newHandle(name), `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`);
  return client;
}

/** A signed-in person without a profile. */
export async function stranger(name: string): Promise<Client> {
  const client = await connectClient(target, name);
  opened.push(client);
  return client;
}

/** Whether a profile's count is so many. */
export const counts = (what: 'followers' | 'following' | 'content', expected: number) => (user: DocumentData) =>
  (user['counts'] as Record<string, unknown> | undefined)?.[what] === expected;
