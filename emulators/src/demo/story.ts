/** The demo's story: what two people do, and what each of them sees of it. Knows nothing of how it is told. */
import { contentUploadProgressed, contentPublished, notificationCreated } from '@playnite/contracts/events';
import { PUBLIC_FEED, userChannel } from '@playnite/contracts/realtime';
import { type Client, type Heard, type Target, connectClient, isEnded } from '../client/client.ts';
import { type Photo, type SceneName, makePhoto } from '../photos/photos.ts';

/** A step that was done: how long it took, and what there is to show of it. */
export interface Step {
  step: string;
  ms: number;
  data: Record<string, unknown>;
}

/** Told of each step when it begins and when it is done. */
export interface Narrator {
  begin(step: string, who: string, what: string): void;
  done(step: Step): void;
}

export class StepFailed extends Error {
  readonly step: string;
  readonly code: string;

  constructor(step: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.step = step;
    const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
    this.code = typeof code === 'string' || typeof code === 'number' ? String(code) : 'unexpected';
  }
}

/** No two runs of the demo share a photo or a handle. */
const newSeed = () => Math.floor(Math.random() * 1_000_000);

const round = (ms: number) => Math.round(ms);
const payload = (heard: Heard) => heard.publication.data as Record<string, unknown>;
/** When something was heard, as epoch milliseconds. */
const clockTime = (heard: Heard) => performance.timeOrigin + heard.at;

/**
 * Plays the story against a platform.
 *
 * @throws {StepFailed} at the first step that does not end as it must
 */
export async function playStory(target: Target, scene: SceneName, narrator: Narrator): Promise<void> {
  const opened: Client[] = [];
  const connect = async (name: string) => {
    const client = await connectClient(target, name);
    opened.push(client);
    return client;
  };
  async function step<T>(
    name: string,
    who: string,
    what: string,
    work: () => Promise<{ result: T; data: Record<string, unknown>; ms?: number }>,
  ): Promise<T> {
    narrator.begin(name, who, what);
    const started = performance.now();
    try {
      const { result, data, ms } = await work();
      narrator.done({ step: name, ms: round(ms ?? performance.now() - started), data });
      return result;
    } catch (error) {
      throw new StepFailed(name, error);
    }
  }

  try {
    const seed = newSeed();
    const suffix = seed.toString(36);
    const [creator, follower] = await step(
      'sign-in',
      'Mara and Jonas',
      'sign in and open their live streams',
      async () => {
        const both = await Promise.all([connect('mara'), connect('jonas')]);
        return { result: both, data: { creator: both[0].uid, follower: both[1].uid } };
      },
    );
    await step('profiles', 'Mara and Jonas', 'create their profiles', async () => {
      const handles = [`mara_${suffix}`, `jonas_${suffix}`] as const;
      await Promise.all([creator.createProfile(handles[0], 'Mara'), follower.createProfile(handles[1], 'Jonas')]);
      return { result: undefined, data: { handles } };
    });
    await step('follow', 'Jonas', 'follows Mara, and watches the public feed', async () => {
      await Promise.all([follower.follow(creator.uid), follower.subscribe(PUBLIC_FEED)]);
      const notice = await creator.hears(
        'the new follower',
        (heard) => heard.publication.type === notificationCreated.name,
      );
      return { result: undefined, data: { maraIsTold: payload(notice)['title'] } };
    });
    const photo = await step('photo', 'Mara', 'takes a photo', async () => {
      const taken = await makePhoto({ scene, seed });
      const { title, width, height, bytes } = taken;
      return { result: taken, data: { scene, title, width, height, bytes: bytes.length } };
    });

    const published = await publish(step, creator, photo);
    const uploadId = String(published['uploadId']);
    await arrive(step, follower, uploadId);

    await step('renditions', 'Jonas', 'opens the photo', async () => {
      const content = await follower.sees(`content/${uploadId}`, () => true);
      const { preview, thumbnail } = content['media'] as Record<'preview' | 'thumbnail', Rendition>;
      const sizes = await Promise.all([preview, thumbnail].map(downloaded));
      return {
        result: undefined,
        data: {
          preview: `${preview.width} x ${preview.height}, ${sizes[0]} bytes`,
          thumbnail: `${thumbnail.width} x ${thumbnail.height}, ${sizes[1]} bytes`,
        },
      };
    });

    await step('duplicate', 'Mara', 'sends the same photo again', async () => {
      const { ticket } = await creator.upload({ ...photo, title: 'Once more' });
      return { result: undefined, data: refusal(ticket, 'duplicate') };
    });
    await step('text-file', 'Mara', 'sends a text file called holiday.jpg', async () => {
      const bytes = new TextEncoder().encode(`This is no photo. ${seed}`);
      const { ticket } = await creator.upload({ bytes, contentType: 'image/jpeg', title: 'Holiday' });
      return { result: undefined, data: refusal(ticket, 'mismatch') };
    });
    await step('without-ticket', 'Mara', 'puts a file that no ticket is for', async () => {
      const refused = await creator.putFile(`no-ticket-${suffix}`, photo).then(
        () => undefined,
        (error: { code?: unknown }) => error.code,
      );
      if (refused !== 'storage/unauthorized') throw new Error(`the rules answered ${String(refused)}`);
      return { result: undefined, data: { refusedWith: refused } };
    });
  } finally {
    await Promise.all(opened.map((client) => client.close()));
  }
}

type RunStep = <T>(
  name: string,
  who: string,
  what: string,
  work: () => Promise<{ result: T; data: Record<string, unknown>; ms?: number }>,
) => Promise<T>;

/** Mara's side: from the ticket to the published photo, step by step as her phone hears it. */
async function publish(step: RunStep, creator: Client, photo: Photo): Promise<Record<string, unknown>> {
  const uploadId = await step('ticket', 'Mara', 'opens an upload ticket', async () => {
    const id = await creator.openTicket(photo);
    return { result: id, data: { uploadId: id } };
  });
  const ticketAt = performance.now();
  await step('put-file', 'Mara', 'puts the file', async () => {
    await creator.putFile(uploadId, photo);
    return { result: undefined, data: { bytes: photo.bytes.length } };
  });
  return step('published', 'Mara', 'watches the upload on her live stream', async () => {
    const isOurs = (heard: Heard) =>
      heard.publication.type === contentUploadProgressed.name && payload(heard)['uploadId'] === uploadId;
    const last = await creator.hears('the end of the upload', (heard) => isOurs(heard) && isEnded(payload(heard)));
    const ticket = payload(last);
    if (ticket['status'] !== 'published') throw new Error(`the upload ended as ${JSON.stringify(ticket)}`);
    const progress = creator.heard.filter(isOurs).map((heard) => ({
      step: payload(heard)['step'],
      progress: payload(heard)['progress'],
      ms: round(heard.at - ticketAt),
    }));
    return { result: ticket, data: { contentId: ticket['contentId'], progress }, ms: last.at - ticketAt };
  });
}

/** Jonas' side: the photo in his live stream, his feed and his notifications; times count from the moment of publication. */
async function arrive(step: RunStep, follower: Client, uploadId: string): Promise<void> {
  const content = await follower.sees(`content/${uploadId}`, () => true);
  const publishedAt = (content['publishedAt'] as { toMillis(): number }).toMillis();
  const isNews = (channel: string) => (heard: Heard) =>
    heard.channel === channel &&
    heard.publication.type === contentPublished.name &&
    payload(heard)['contentId'] === uploadId;

  await step('live-public-feed', 'Jonas', 'hears of it on the public feed', async () => {
    const heard = await follower.hears('the photo in the public feed', isNews(PUBLIC_FEED));
    const { type, data } = heard.publication;
    return {
      result: undefined,
      data: { type, title: (data as { title: string }).title },
      ms: clockTime(heard) - publishedAt,
    };
  });
  await step('live-own-feed', 'Jonas', 'hears of it because he follows Mara', async () => {
    const heard = await follower.hears('the photo in the own feed', isNews(userChannel(follower.uid)));
    const { reason } = payload(heard);
    return { result: undefined, data: { reason }, ms: clockTime(heard) - publishedAt };
  });
  await step('feed', 'Jonas', 'finds it in his feed', async () => {
    const item = await follower.sees(`users/${follower.uid}/feed/${uploadId}`, () => true);
    return { result: undefined, data: { ownerId: item['ownerId'], reason: item['reason'] } };
  });
  await step('notification', 'Jonas', 'is notified', async () => {
    const heard = await follower.hears(
      'the notification',
      (each) => each.publication.type === notificationCreated.name && payload(each)['contentId'] === uploadId,
    );
    return { result: undefined, data: { title: payload(heard)['title'] }, ms: clockTime(heard) - publishedAt };
  });
}

interface Rendition {
  url: string;
  width: number;
  height: number;
}

async function downloaded({ url }: Rendition): Promise<number> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return (await response.arrayBuffer()).byteLength;
}

function refusal(ticket: Record<string, unknown>, expected: string): Record<string, unknown> {
  const rejection = ticket['rejection'] as { code: string; message: string } | undefined;
  if (ticket['status'] !== 'rejected' || rejection?.code !== expected) {
    throw new Error(`the ticket ended as ${JSON.stringify(ticket)}, and not as rejected with ${expected}`);
  }
  return { status: 'rejected', ...rejection };
}
