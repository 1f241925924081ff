import {
  type EventDefinition,
  contentPublished,
  contentRemoved,
  contentUpdated,
  contentUploadProgressed,
  eventEnvelope,
  moderationCaseChanged,
  moderationDecided,
  notificationCreated,
  parseEvent,
  socialBlocked,
  socialCommentEdited,
  socialCommentRemoved,
  socialCommented,
  socialContentDistributed,
  socialCountsChanged,
  socialStatsChanged,
  socialUnfollowed,
} from '@playnite/contracts/events';
import {
  MODERATION_QUEUE,
  PUBLIC_FEED,
  type PublicationData,
  contentChannel,
  parseChannel,
  userChannel,
} from '@playnite/contracts/realtime';
import type { RightsChange } from './broker/broker.ts';

/** A publication on its way to a channel. */
export interface Routed {
  channel: string;
  publication: PublicationData;
  rights?: RightsChange;
  /** Who may read what is published on the channel from here on; see PublishOptions. */
  audience?: string;
  /** Of a state that is published as a whole: which, and its version; of several, the newest counts. */
  state?: { key: string; number: number };
}

interface Route<Data> {
  event: EventDefinition<Data>;
  channels: (data: Data) => readonly string[];
  /** What subscribers hear it as, when that is not the event's own name. */
  as?: string;
  /** What is carried, when that is not the event's whole data. */
  carries?: (data: Data) => unknown;
  /** What it means for the rights on a content's channel, and who may hear it from there on. */
  rights?: RightsChange;
  audience?: (data: Data) => string;
  /** Where it is a state as a whole: its name on the channel, and its version. */
  state?: (data: Data) => { key: string; number: number };
}

const route = <Data>(each: Route<Data>) => ({
  name: each.event.name,
  apply(message: unknown): Routed[] {
    const { id, name, at, data } = parseEvent(each.event, message);
    const publication = { type: each.as ?? name, id, at, data: each.carries?.(data) ?? data };
    const onContent = {
      ...(each.rights ? { rights: each.rights } : {}),
      ...(each.audience ? { audience: each.audience(data) } : {}),
    };
    return each.channels(data).map((channel) => ({
      channel,
      publication,
      ...(parseChannel(channel)?.kind === 'content' ? onContent : {}),
      ...(each.state ? { state: each.state(data) } : {}),
    }));
  },
});

/** Which event goes to which channels. */
const ROUTES = [
  route({ event: contentUploadProgressed, channels: ({ ownerId }) => [userChannel(ownerId)] }),
  route({
    event: contentPublished,
    channels: ({ contentId, ownerId, visibility }) => [
      userChannel(ownerId),
      contentChannel(contentId),
      ...(visibility === 'public' ? [PUBLIC_FEED] : []),
    ],
    rights: 'before',
    audience: ({ visibility }) => visibility,
  }),
  route({
    event: contentUpdated,
    channels: ({ contentId }) => [contentChannel(contentId)],
    rights: 'before',
    audience: ({ visibility }) => visibility,
  }),
  route({ event: contentRemoved, channels: ({ contentId }) => [contentChannel(contentId)], rights: 'after' }),
  // To a follower, an item in the feed is news of the content.
  route({
    event: socialContentDistributed,
    channels: ({ uids }) => uids.map(userChannel),
    as: contentPublished.name,
    carries: ({ content, reason, repostedBy }) => ({
      ...content,
      reason,
      ...(repostedBy === undefined ? {} : { repostedBy }),
    }),
  }),
  route({
    event: moderationDecided,
    channels: ({ ownerId }) => [userChannel(ownerId)],
  }),
  route({ event: moderationCaseChanged, channels: () => [MODERATION_QUEUE] }),
  route({
    event: socialStatsChanged,
    channels: ({ contentId }) => [contentChannel(contentId)],
    state: ({ version }) => ({ key: 'stats', number: version }),
  }),
  route({
    event: socialCountsChanged,
    channels: ({ uid }) => [userChannel(uid)],
    state: ({ version }) => ({ key: 'counts', number: version }),
  }),
  route({ event: socialCommented, channels: ({ contentId }) => [contentChannel(contentId)] }),
  route({ event: socialCommentEdited, channels: ({ contentId }) => [contentChannel(contentId)] }),
  route({ event: socialCommentRemoved, channels: ({ contentId }) => [contentChannel(contentId)] }),
  route({ event: notificationCreated, channels: ({ uid }) => [userChannel(uid)] }),
];

const byName = new Map(ROUTES.map((each) => [each.name, each]));

/**
 * The publications that a message of the live topic gives rise to; none for an event that no client hears of.
 *
 * @throws {z.ZodError} when the message is malformed
 */
export function routeMessage(message: unknown): Routed[] {
  const { name } = eventEnvelope.parse(message);
  return byName.get(name)?.apply(message) ?? [];
}

const concerns = <Data>(event: EventDefinition<Data>, uids: (data: Data) => readonly string[]) => ({
  name: event.name,
  apply: (message: unknown): readonly string[] => uids(parseEvent(event, message).data),
});

/** Which event may have taken rights from whom, on channels that it does not name. */
const CONCERNS = [
  concerns(socialBlocked, ({ blockerUid, blockedUid }) => [blockerUid, blockedUid]),
  concerns(socialUnfollowed, ({ followerUid }) => [followerUid]),
];

/**
 * The users who are to be asked about again, whatever they are subscribed to.
 *
 * @throws {z.ZodError} when the message is malformed
 */
export function concernedUsers(message: unknown): readonly string[] {
  const { name } = eventEnvelope.parse(message);
  return CONCERNS.find((each) => each.name === name)?.apply(message) ?? [];
}
