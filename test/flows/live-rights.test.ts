/** Photos: variants from 40000. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { doc, updateDoc } from 'firebase/firestore';
import { contentChannel } from '@playnite/contracts/realtime';
import { photo } from '../support/files.ts';
import { person } from '../support/platform.ts';

const jpeg = { contentType: 'image/jpeg' };
/** After the event has reached those who may still hear it: before it did, everybody else was asked about. */
const ENDS_WITHIN_MS = 1_000;

describe('who watches a content that turns private', () => {
  test('is unsubscribed, and hears nothing of what comes after, while its owner does', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
    const { uploadId, ticket } = await ann.upload({ bytes: await photo({ variant: 40_001 }), ...jpeg, title: 'open' });
    expect(ticket).toMatchObject({ status: 'published' });
    const channel = contentChannel(uploadId);
    await Promise.all([ann.subscribe(channel), bob.subscribe(channel)]);
    const content = doc(ann.firestore, 'content', uploadId);
    const heardTitle = (title: string) => (heard: { channel: string; publication: { data: unknown } }) =>
      heard.channel === channel && (heard.publication.data as { title?: unknown }).title === title;

    await updateDoc(content, { title: 'still open' });
    await Promise.all([ann, bob].map((each) => each.hears('an edit', heardTitle('still open'))));

    const ended = Promise.withResolvers<number>();
    bob.live.getSubscription(channel)?.once('unsubscribed', ({ code }) => ended.resolve(code));
    await updateDoc(content, { title: 'for me', visibility: 'private' });
    await ann.hears('the change', heardTitle('for me'));
    expect(await Promise.race([ended.promise, sleep(ENDS_WITHIN_MS)])).toBe(2000);

    await updateDoc(content, { title: 'for me alone' });
    await ann.hears('what came after', heardTitle('for me alone'));
    expect(bob.heard.filter((each) => heardTitle('for me')(each) || heardTitle('for me alone')(each))).toEqual([]);
    await expect(bob.live.history(channel, { limit: 10 })).rejects.toMatchObject({ code: 103 });
  });
});
