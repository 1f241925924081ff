/** The channels of the live stream, spelled once. Who may subscribe is for the security rules to say. */
export const userChannel = (uid: string) => `user:${uid}`;
export const contentChannel = (contentId: string) => `content:${contentId}`;
export const PUBLIC_FEED = 'public:feed';
export const MODERATION_QUEUE = 'moderation:queue';
export const OPS_HEALTH = 'ops:health';

/** Centrifugo's own limit on a channel's name. */
export const CHANNEL_NAME_MAX = 255;

export type ParsedChannel =
  | { kind: 'user'; uid: string }
  | { kind: 'content'; contentId: string }
  | { kind: 'public-feed' }
  | { kind: 'moderation-queue' }
  | { kind: 'ops-health' };

/** An id as it may stand in a channel's name: what Auth and the upload rules allow, and nothing that a path could be made of. */
const ID = '([A-Za-z0-9_-]{1,128})';
const USER = new RegExp(`^user:${ID}$`);
const CONTENT = new RegExp(`^content:${ID}$`);

/** Reads a channel's name; undefined for one that does not exist. */
export function parseChannel(name: string): ParsedChannel | undefined {
  if (name === PUBLIC_FEED) return { kind: 'public-feed' };
  if (name === MODERATION_QUEUE) return { kind: 'moderation-queue' };
  if (name === OPS_HEALTH) return { kind: 'ops-health' };
  const uid = USER.exec(name)?.[1];
  if (uid !== undefined) return { kind: 'user', uid };
  const contentId = CONTENT.exec(name)?.[1];
  return contentId === undefined ? undefined : { kind: 'content', contentId };
}
