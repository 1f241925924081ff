import { readFile, writeFile } from 'node:fs/promises';
import { beforeAll, expect, test } from '@jest/globals';
import { format, resolveConfig } from 'prettier';
import { z } from 'zod';

const LIST = new URL('../../../functions/ENDPOINTS.md', import.meta.url);

const endpoint = z.object({
  availableMemoryMb: z.number(),
  timeoutSeconds: z.number(),
  // The SDK's own marker stands for "whatever the platform's default is".
  concurrency: z.number().optional().catch(undefined),
  region: z.array(z.string()),
  eventTrigger: z
    .object({
      eventType: z.string(),
      eventFilters: z.record(z.string(), z.string()),
      eventFilterPathPatterns: z.record(z.string(), z.string()).optional(),
      retry: z.unknown(),
    })
    .optional(),
  taskQueueTrigger: z.object({ retryConfig: z.object({ maxAttempts: z.number() }) }).optional(),
  scheduleTrigger: z.object({ schedule: z.string(), retryConfig: z.object({ retryCount: z.number() }) }).optional(),
  callableTrigger: z.object({}).optional(),
  httpsTrigger: z.object({}).optional(),
});
type Endpoint = z.infer<typeof endpoint>;

const services = z.record(
  z.string(),
  z.record(
    z.string(),
    z.custom<{ __endpoint: unknown }>((value) => typeof value === 'function'),
  ),
);

let endpoints: [name: string, endpoint: Endpoint][];

beforeAll(async () => {
  // The Storage trigger asks for the default bucket while its module is loaded, as it does at deployment.
  process.env['FIREBASE_CONFIG'] = JSON.stringify({ projectId: 'demo-list', storageBucket: 'demo-list.appspot.com' });
  process.env['GCLOUD_PROJECT'] = 'demo-list';
  const exported = services.parse({ ...(await import('../../../functions/src/index.ts')) });
  endpoints = Object.entries(exported)
    .flatMap(([service, functions]) =>
      Object.entries(functions).map(([name, { __endpoint }]): [string, Endpoint] => [
        `${service}-${name}`,
        endpoint.parse(__endpoint),
      ]),
    )
    .sort(([a], [b]) => a.localeCompare(b));
});

function triggerOf({
  eventTrigger,
  taskQueueTrigger,
  scheduleTrigger,
  callableTrigger,
}: Endpoint): [what: string, retry: string] {
  if (taskQueueTrigger) return ['task queue', `${taskQueueTrigger.retryConfig.maxAttempts} attempts`];
  if (scheduleTrigger)
    return [`schedule: ${scheduleTrigger.schedule}`, `${scheduleTrigger.retryConfig.retryCount} retries`];
  if (callableTrigger) return ['callable', 'the caller’s'];
  if (!eventTrigger) return ['HTTPS', 'the caller’s'];
  const { eventType, eventFilters, eventFilterPathPatterns, retry } = eventTrigger;
  const kinds: Record<string, string | undefined> = {
    'google.cloud.firestore.document.v1.written': `document: ${eventFilterPathPatterns?.['document']}`,
    'google.cloud.pubsub.topic.v1.messagePublished': `topic: ${eventFilters['topic']}`,
    'google.cloud.storage.object.v1.finalized': 'object finalized',
  };
  return [kinds[eventType] ?? eventType, retry === true ? 'yes' : String(retry)];
}

test('every event function says whether it is retried', () => {
  const events = endpoints.filter(([, { eventTrigger }]) => eventTrigger);
  expect(events.length).toBeGreaterThan(0);
  expect(events.filter(([, { eventTrigger }]) => typeof eventTrigger?.retry !== 'boolean')).toEqual([]);
});

test('the list of functions says what is deployed', async () => {
  const rows = endpoints.map(([name, each]) => {
    const [trigger, retry] = triggerOf(each);
    return `| ${name} | ${trigger} | ${retry} | ${each.availableMemoryMb} MiB | ${each.concurrency ?? 'default'} | ${each.timeoutSeconds} s |`;
  });
  const text = [
    '# The functions',
    '',
    'What is deployed, read from the code. `UPDATE_ENDPOINTS=1 npm test unit/functions/endpoints` writes this file anew.',
    '',
    '| function | trigger | retry | memory | concurrency | time limit |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
  const rendered = await format(text, { ...(await resolveConfig(LIST)), parser: 'markdown' });
  if (process.env['UPDATE_ENDPOINTS']) await writeFile(LIST, rendered);
  expect(await readFile(LIST, 'utf8')).toBe(rendered);
});
