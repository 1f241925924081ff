import { describe, expect, test } from '@jest/globals';
import type { Client } from '@playnite/emulators/client';
import { doc, serverTimestamp, setDoc, updateDoc } from 'firebase/firestore';
import { db } from '../support/backstage.ts';
import { becomes } from '../support/faults.ts';
import { person } from '../support/platform.ts';
import { seedContent } from '../support/seed-social.ts';

const TEST_MAX_MS = 120_000;
const PHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1';

/** Shares as a client does, and waits for the link. */
async function share(client: Client, contentId: string, target: string) {
  const path = `content/${contentId}/shares/${target}-${client.uid}`;
  await setDoc(doc(client.firestore, path), { userId: client.uid, target, createdAt: serverTimestamp() });
  const data = await client.sees(path, ({ url }) => url !== undefined);
  return { path, url: String(data['url']), data };
}

const open = async (url: string, headers: Record<string, string> = {}, method = 'GET') => {
  const response = await fetch(url, { method, redirect: 'manual', headers: { 'user-agent': PHONE, ...headers } });
  return { status: response.status, headers: response.headers, html: await response.text() };
};

describe('a share', () => {
  test(
    'gets its link, leads to the content, and counts who comes by it',
    async () => {
      const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
      const contentId = await seedContent(ann.uid, { title: '<Dusk> & "dawn"', caption: 'At the lake' });
      const { path, url, data } = await share(bob, contentId, 'link');
      expect(data).toMatchObject({ opens: 0, reach: 0, reachError: 0, ownerId: ann.uid });
      await bob.sees(`users/${bob.uid}/activity/share~${contentId}~link-${bob.uid}`, () => true);

      const page = await open(url);
      expect(page.status).toBe(200);
      expect(page.html).toContain('<meta property="og:title" content="&lt;Dusk&gt; &amp; &quot;dawn&quot;">');
      expect(page.html).toMatch(new RegExp(`0;url=https://demo-test-\\d+\\.web\\.app/content/${contentId}\\?via=`));
      expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");

      const token = (await bob.auth.currentUser?.getIdToken()) ?? '';
      await Promise.all([
        open(url),
        open(url, { 'user-agent': 'Twitterbot/1.0' }),
        open(url, {}, 'HEAD'),
        open(url, { 'user-agent': `${PHONE} Other` }),
        open(url, { authorization: `Bearer ${token}` }),
        open(url, { authorization: `Bearer ${token}`, 'user-agent': `${PHONE} Third` }),
        open(url, { authorization: 'Bearer forged' }),
      ]);
      // The first, the same again, another program, twice the account, and a token that is none: three who came, six times.
      const opened = await bob.sees(path, ({ opens }) => opens === 6);
      expect(opened).toMatchObject({ reach: 3, reachError: 0 });
      const kept = await db.collection('shareReach').where('contentId', '==', contentId).get();
      expect(JSON.stringify(kept.docs.map((each) => each.data()))).not.toMatch(/127\.0\.0\.1|iPhone|::1/);
      await ann.sees(`content/${contentId}`, ({ stats }) => (stats as { shares: number }).shares === 1);
    },
    TEST_MAX_MS,
  );

  test(
    'to another platform is that platform’s own address with the link in it',
    async () => {
      const ann = await person('ann');
      const contentId = await seedContent(ann.uid, { title: 'Dusk' });
      const { url } = await share(ann, contentId, 'telegram');
      const platform = new URL(url);
      expect(platform.origin).toBe('https://t.me');
      expect((await open(platform.searchParams.get('url') ?? '')).status).toBe(200);
    },
    TEST_MAX_MS,
  );

  test(
    'of what is not public any more tells nothing, and no address in a request leads anywhere',
    async () => {
      const ann = await person('ann');
      const contentId = await seedContent(ann.uid, { title: 'Secret' });
      const { url } = await share(ann, contentId, 'link');
      for (const tail of ['?to=https://evil.example', '?url=//evil.example&via=https://evil.example', '/']) {
        const { html } = await open(`${url}${tail}`);
        expect(html).toContain(contentId);
        expect(html).not.toContain('evil');
      }
      const base = url.slice(0, url.lastIndexOf('/'));
      for (const path of ['https:%2f%2fevil.example', '%2f%2fevil.example', 'A'.repeat(16), '..%2f..', '__proto__']) {
        const { status, headers, html } = await open(`${base}/${path}`);
        expect([status, headers.get('location'), html.includes('evil')]).toEqual([404, null, false]);
      }
      expect((await open(url, {}, 'POST')).status).toBe(405);

      for (const change of [{ visibility: 'followers' }, { visibility: 'private' }]) {
        await updateDoc(doc(ann.firestore, `content/${contentId}`), change);
        const { status, html } = await open(url);
        expect([status, html.includes('Secret'), html.includes(contentId)]).toEqual([404, false, false]);
      }
    },
    TEST_MAX_MS,
  );

  test(
    'that may not be is taken away: a second repost, and one of what is for followers',
    async () => {
      const [ann, bob] = await Promise.all([person('ann'), person('bob')]);
      const contentId = await seedContent(ann.uid);
      await share(bob, contentId, 'repost');
      const twice = db.doc(`content/${contentId}/shares/twice`);
      await twice.set({ userId: bob.uid, target: 'repost', createdAt: new Date() });
      await becomes(async () => (await twice.get()).exists, false);
      expect((await db.collection('reposts').where('contentId', '==', contentId).get()).size).toBe(1);

      const closed = await seedContent(ann.uid, { visibility: 'followers' });
      const unseen = db.doc(`content/${closed}/shares/unseen`);
      await unseen.set({ userId: bob.uid, target: 'link', createdAt: new Date() });
      await becomes(async () => (await unseen.get()).exists, false);

      // With the share goes all that it left.
      await db.doc(`content/${contentId}/shares/repost-${bob.uid}`).delete();
      const left = async () =>
        (
          await Promise.all(
            ['reposts', 'shareCodes'].map((name) => db.collection(name).where('contentId', '==', contentId).get()),
          )
        ).reduce((sum, { size }) => sum + size, 0);
      await becomes(left, 0);
    },
    TEST_MAX_MS,
  );
});
