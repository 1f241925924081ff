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
  socialContentDistributed,
} from '@playnite/contracts/events';
import {
  MODERATION_QUEUE,
  PUBLIC_FEED,
  type PublicationData,
  contentChannel,
  parseChannel,
  userChannel,
} from '@playnite/contracts/realtime';

/** A publication on its way to a channel. */
export interface Routed {
  channel: string;
  publication: PublicationData;
  rights?: RightsChange;
}

/**
 * The event may mean that subscribers lost the right to the channel. They are asked about again `before` they hear it,
 * because it carries what only some may read, or `after`, because it is how they learn what happened.
 */
export type RightsChange = 'before' | 'after';

interface Route<Data> {
  event: EventDefinition<Data>;
  channels: (data: Data) => readonly string[];
  /** What subscribers hear it as, when that is not the event's own name. */
  as?: string;
  /** What is carried, when that is not the event's whole data. */
  carries?: (data: Data) => unknown;
  /** What it means for the rights on a content's channel. */
  rights?: RightsChange;
}

const route = <Data>(each: Route<Data>) => ({
  name: each.event.name,
  apply(message: unknown): Routed[] {
    const { id, name, at, data } = parseEvent(each.event, message);
    const publication = { type: each.as ?? name, id, at, data: each.carries?.(data) ?? data };
    return each.channels(data).map((channel) => ({
      channel,
      publication,
      ...(each.rights && parseChannel(channel)?.kind === 'content' ? { rights: each.rights } : {}),
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
  }),
  route({ event: contentUpdated, channels: ({ contentId }) => [contentChannel(contentId)], rights: 'before' }),
  route({ event: contentRemoved, channels: ({ contentId }) => [contentChannel(contentId)], rights: 'after' }),
  // To a follower, an item in the feed is news of the content.
  route({
    event: socialContentDistributed,
    channels: ({ uids }) => uids.map(userChannel),
    as: contentPublished.name,
    carries: ({ content, reason }) => ({ ...content, reason }),
  }),
  route({
    event: moderationDecided,
    channels: ({ ownerId }) => [userChannel(ownerId)],
  }),
  route({ event: moderationCaseChanged, channels: () => [MODERATION_QUEUE] }),
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
