import { createHash } from 'node:crypto';
import type { ShareTarget } from '@playnite/contracts/documents';

/** Characters of a share's code: 96 bits. */
const CODE_LENGTH = 16;
export const CODE_PATTERN = /^[A-Za-z0-9_-]{16}$/;
/** Characters of a text that goes along with a link; X counts 280 with the link in it. */
const TEXT_MAX = 200;

/** The code of a share: the same whenever it is asked for. It is no secret, and opens nothing that is not public. */
export const codeOf = (contentId: string, shareId: string): string =>
  createHash('sha256').update(`share\n${contentId}\n${shareId}`).digest('base64url').slice(0, CODE_LENGTH);

/** The link that counts for a share. */
export const linkOf = (publicUrl: string, code: string): string => `${publicUrl}/s/${code}`;

/** Pages with which platforms take a link in, as their own documentation has them, and what they call its parts. */
const PLATFORMS: Partial<
  Record<ShareTarget, (link: string, text: string) => [page: string, parts: Record<string, string>]>
> = {
  x: (url, text) => ['https://x.com/intent/post', { url, text }],
  facebook: (u) => ['https://www.facebook.com/sharer/sharer.php', { u }],
  whatsapp: (url, text) => ['https://wa.me/', { text: text ? `${text} ${url}` : url }],
  telegram: (url, text) => ['https://t.me/share/url', { url, text }],
  reddit: (url, title) => ['https://www.reddit.com/submit', { url, title }],
  linkedin: (url) => ['https://www.linkedin.com/sharing/share-offsite/', { url }],
  pinterest: (url, description) => ['https://www.pinterest.com/pin/create/button/', { url, description }],
  email: (url, text) => ['mailto:', { subject: text, body: url }],
};

/** What a person opens to share: the platform's own page with the link in it, or the link itself. */
export function shareUrl(target: ShareTarget, link: string, title: string): string {
  const platform = PLATFORMS[target];
  if (!platform) return link;
  const [page, parts] = platform(link, shortened(title));
  // Not as a form does it: mail programs show a plus sign as one.
  const query = Object.entries(parts)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
  return `${page}?${query}`;
}

function shortened(title: string): string {
  const characters = Array.from(title.replaceAll(/\s+/g, ' ').trim());
  return characters.length <= TEXT_MAX ? characters.join('') : `${characters.slice(0, TEXT_MAX - 1).join('')}…`;
}
