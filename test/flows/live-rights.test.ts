/** Photos: variants from 40000. */
import { describe, expect, test } from '@jest/globals';
import { doc, updateDoc } from 'firebase/firestore';
import { contentChannel } from '@playnite/contracts/realtime';
import { photo } from '../support/files.ts';
import { person } from '../support/platform.ts';

const jpeg = { contentType: 'image/jpeg' };
/**
 * Tells the event from the round of re-checks, which would end the subscription too, 20 s after it began: well before that,
 * though other tests keep the machine busy and the edit is screened first.
 */
const ENDS_WITHIN_MS = 10_000;

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
    const changedAt = performance.now();
    await updateDoc(content, { title: 'for me', visibility: 'private' });
    expect(await ended.promise).toBe(2000);
    expect(performance.now() - changedAt).toBeLessThan(ENDS_WITHIN_MS);

    await updateDoc(content, { title: 'for me alone' });
    await ann.hears('what came after', heardTitle('for me alone'));
    expect(bob.heard.filter((each) => heardTitle('for me')(each) || heardTitle('for me alone')(each))).toEqual([]);
    await expect(bob.live.history(channel, { limit: 10 })).rejects.toMatchObject({ code: 103 });
  });
});
