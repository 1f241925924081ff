import { describe, expect, test } from '@jest/globals';
import { shareTarget } from '@playnite/contracts/documents';
import { NOTHING_PAGE, escapeHtml, isPreviewer, sharePage } from '../../../functions/src/social/open-share-page.ts';
import { CODE_PATTERN, codeOf, linkOf, shareUrl } from '../../../functions/src/social/share-links.ts';

const code = codeOf('dusk', 'share-1');
const link = linkOf('https://play.example', code);

describe('a share’s code', () => {
  test('is the same each time, another one for another share, and fits into an address', () => {
    expect(codeOf('dusk', 'share-1')).toBe(code);
    expect(codeOf('dusk', 'share-2')).not.toBe(code);
    expect(codeOf('dus', 'kshare-1')).not.toBe(code);
    expect(code).toMatch(CODE_PATTERN);
  });
});

describe('a share’s address', () => {
  test.each(shareTarget.options)('for %s holds the link, whole', (target) => {
    const url = shareUrl(target, link, 'Dusk & dawn');
    expect(decodeURIComponent(url)).toContain(link);
    expect(new URL(url).protocol).toBe(target === 'email' ? 'mailto:' : 'https:');
  });

  test.each(['link', 'repost'] as const)('for %s is the link', (target) => {
    expect(shareUrl(target, link, 'Dusk')).toBe(link);
  });

  test('cannot be bent by a title', () => {
    const url = new URL(shareUrl('x', link, 'a&url=https://evil.example#\r\nx'));
    expect(url.host).toBe('x.com');
    expect(url.searchParams.getAll('url')).toEqual([link]);
    expect(url.searchParams.get('text')).toBe('a&url=https://evil.example# x');
    const mail = shareUrl('email', link, 'Hi\r\nBcc: everybody@example.com');
    expect(mail).not.toMatch(/[\r\n]|%0[AD]/i);
  });

  test('leaves out a title that is none, and shortens one that is long', () => {
    expect(shareUrl('telegram', link, '')).toBe(`https://t.me/share/url?url=${encodeURIComponent(link)}`);
    const long = new URL(shareUrl('reddit', link, '🌅'.repeat(300))).searchParams.get('title') ?? '';
    expect(Array.from(long)).toHaveLength(200);
    expect(long.endsWith('…')).toBe(true);
  });
});

const preview = {
  url: 'https://media.example/p.webp?alt=media&token=1',
  path: 'media/dusk/p.webp',
  width: 1600,
  height: 1200,
};
const page = (more: object = {}) =>
  sharePage({
    url: 'https://app.example/content/dusk?via=abc',
    link,
    content: {
      title: 'Dusk',
      caption: 'At the lake',
      kind: 'image',
      owner: { handle: 'ann', displayName: 'Ann' },
      media: { preview },
      ...more,
    },
  });

describe('the page of a share', () => {
  test('has what makes a preview', () => {
    const html = page();
    for (const [property, value] of [
      ['og:title', 'Dusk'],
      ['og:description', 'At the lake'],
      ['og:url', link],
      ['og:image', 'https://media.example/p.webp?alt=media&amp;token=1'],
      ['og:image:width', '1600'],
      ['twitter:card', 'summary_large_image'],
    ]) {
      expect(html).toContain(`<meta property="${property}" content="${value}">`);
    }
    expect(html).toContain('<meta http-equiv="refresh" content="0;url=https://app.example/content/dusk?via=abc">');
  });

  test('shows whatever people write as text', () => {
    const evil = `"><script>alert('1')</script><meta http-equiv="refresh" content="0;url=https://evil.example">`;
    const html = page({ title: evil, caption: evil, owner: { handle: 'ann', displayName: evil } });
    expect(html).not.toContain('<script');
    expect(html.match(/<meta http-equiv/g)).toHaveLength(1);
  });

  test('names the maker where there is no title, and cuts a long caption between characters', () => {
    const html = page({ title: '', caption: '🌅'.repeat(300) });
    expect(html).toContain('<title>By Ann</title>');
    expect(html).toContain(`content="${'🌅'.repeat(200)}"`);
  });

  test('for what is not there says nothing of what was', () => expect(NOTHING_PAGE).not.toMatch(/og:|http/));

  test('escapes every sign that means something', () => {
    expect(escapeHtml(`<a href='x' title="&">\u0000\u0085`)).toBe(
      '&lt;a href=&#39;x&#39; title=&quot;&amp;&quot;&gt;  ',
    );
  });
});

test.each<[string, boolean]>([
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1', false],
  ['facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)', true],
  ['Twitterbot/1.0', true],
  ['WhatsApp/2.23.20.0', true],
  ['TelegramBot (like TwitterBot)', true],
  ['', true],
])('whether a program makes previews: %s', (agent, expected) => expect(isPreviewer(agent)).toBe(expected));
