import type { Content } from '@playnite/contracts/documents';

const DESCRIPTION_MAX = 200;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
/** Text for HTML, in an element or in a quoted attribute. Control characters mean nothing there, and become spaces. */
export const escapeHtml = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign] ?? '').replaceAll(/\p{Cc}/gu, ' ');

export interface Page {
  /** Where the content is shown. */
  url: string;
  /** The link that was opened. */
  link: string;
  content: Pick<Content, 'title' | 'caption' | 'kind' | 'owner'> & {
    media: Pick<Content['media'], 'preview'>;
  };
}

/**
 * What answers a link that was shared: Open Graph data (ogp.me) for whoever makes a preview of it, and the way on to the
 * content for a person. It holds no script, so that its policy can forbid all of them.
 */
export function sharePage({ url, link, content }: Page): string {
  const { title, caption, kind, owner, media } = content;
  const name = title || `By ${owner.displayName}`;
  const description = Array.from(caption).slice(0, DESCRIPTION_MAX).join('');
  const properties: [name: string, value: string | number][] = [
    ['og:site_name', 'PlayNite'],
    ['og:type', kind === 'video' ? 'video.other' : 'article'],
    ['og:title', name],
    ['og:description', description],
    ['og:url', link],
    ['og:image', media.preview.url],
    ['og:image:width', media.preview.width],
    ['og:image:height', media.preview.height],
    ['og:image:alt', name],
    ['article:author', owner.displayName],
    ['twitter:card', 'summary_large_image'],
  ];
  const metas = properties
    .filter(([, value]) => value !== '')
    .map(([property, value]) => `<meta property="${property}" content="${escapeHtml(String(value))}">`);
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<title>${escapeHtml(name)}</title>`,
    ...metas,
    `<link rel="canonical" href="${escapeHtml(url)}">`,
    `<meta http-equiv="refresh" content="0;url=${escapeHtml(url)}">`,
    '</head>',
    `<body><p><a href="${escapeHtml(url)}">${escapeHtml(name)}</a></p></body>`,
    '</html>',
    '',
  ].join('\n');
}

/** The same for a link that was never made and for a content that may not be seen. */
export const NOTHING_PAGE = [
  '<!doctype html>',
  '<html lang="en"><head><meta charset="utf-8"><title>Not here</title></head>',
  '<body><p>There is nothing here, or no longer.</p></body></html>',
  '',
].join('\n');

/** Programs that fetch a link to make a preview of it, by their own names. They are no viewers. */
const PREVIEWERS =
  /bot\b|crawler|spider|facebookexternalhit|facebookcatalog|whatsapp\/|telegrambot|slackbot|discordbot|linkedinbot|pinterest|skypeuripreview|embedly|preview|curl\/|wget\//i;
export const isPreviewer = (userAgent: string): boolean => userAgent === '' || PREVIEWERS.test(userAgent);
