import { readFile } from 'node:fs/promises';
import { contentPublished, notificationCreated } from '@playnite/contracts/events';
import { userChannel } from '@playnite/contracts/realtime';
import { startPlatform } from '@playnite/emulators';
import { type Client, type Heard, connectClient } from '@playnite/emulators/client';
import { type SceneName, makePhoto } from '@playnite/emulators/photos';
import { costsOf, tableOf, untilQuiet } from './metering.ts';

/** Photos that no other file of the project paints. */
const FIRST_SEED = 26_000;

/** Uploads a photo and resolves when the follower has it in the feed and was notified. */
async function publish(creator: Client, follower: Client, scene: SceneName, seed: number): Promise<void> {
  const photo = await makePhoto({ scene, seed });
  const { uploadId, ticket } = await creator.upload(photo);
  if (ticket['status'] !== 'published') throw new Error(`the upload ended as ${JSON.stringify(ticket)}`);
  const isOfIt = (type: string) => (heard: Heard) =>
    heard.channel === userChannel(follower.uid) &&
    heard.publication.type === type &&
    (heard.publication.data as Record<string, unknown>)['contentId'] === uploadId;
  await Promise.all([
    follower.sees(`users/${follower.uid}/feed/${uploadId}`, () => true),
    follower.hears('the photo', isOfIt(contentPublished.name)),
    follower.hears('the notification', isOfIt(notificationCreated.name)),
  ]);
}

/**
 * What one published photo costs on the bill when its creator has one follower, function by function: Firestore's operations,
 * Cloud Storage's, Pub/Sub messages, tasks and invocations. As lines of a Markdown table.
 *
 * Counted in what the functions themselves call (`functions/src/platform/meter.ts`): the clients' own reads and writes and the
 * look-ups of the security rules come on top. A photo before it has every function started, so that nothing is counted
 * that happens once a process.
 */
export async function benchUploadCost(): Promise<string[]> {
  await using platform = await startPlatform({
    projectId: `demo-bench-${process.pid}`,
    ports: 'free',
    env: { METER: 'true' },
    log: () => {},
  });
  const log = new URL(`../.cache/logs/${platform.run}/emulators.log`, import.meta.url);
  await using clients = new AsyncDisposableStack();
  const connect = async (name: string): Promise<Client> => {
    const client = await connectClient(platform, name);
    clients.defer(() => client.close());
    await client.createProfile(`${name}_bench`, name);
    return client;
  };
  const creator = await connect('mara');
  const follower = await connect('jonas');
  await follower.follow(creator.uid);
  await creator.hears('the new follower', ({ publication }) => publication.type === notificationCreated.name);

  await publish(creator, follower, 'lake', FIRST_SEED);
  await untilQuiet(log);
  const { length } = await readFile(log);
  await publish(creator, follower, 'dunes', FIRST_SEED + 1);
  await untilQuiet(log);
  return tableOf(costsOf((await readFile(log)).subarray(length).toString()));
}
