import { z } from 'zod';
import { documentId, text } from '../text.ts';

/**
 * Bounds of what apps track. But for the length of a text they are those of the GA4 Measurement Protocol, so that an app that
 * tracks there as well has one set to keep to: developers.google.com/analytics/devguides/collection/protocol/ga4/sending-events
 */
export const TRACKED_EVENTS_MAX = 25;
export const TRACKED_PROPERTIES_MAX = 25;
export const TRACKED_NAME_MAX = 40;
/** Holds the id of a document. */
export const TRACKED_TEXT_MAX = 200;
/** UTF-16 units of all events of one call, as JSON. */
export const TRACKED_BATCH_MAX = 130_000;
/** ISO 8601 takes any number of digits behind the second. */
const TIME_MAX = 40;

const name = z.string().max(TRACKED_NAME_MAX);
export const trackedProperties = z
  .record(
    name.regex(/^[A-Za-z]\w*$/, { message: 'a property is a letter, then letters, digits and underscores' }),
    z.union([text(TRACKED_TEXT_MAX), z.number(), z.boolean()]),
  )
  .refine((properties) => Object.keys(properties).length <= TRACKED_PROPERTIES_MAX, {
    message: `more than ${TRACKED_PROPERTIES_MAX} properties`,
  });
export type TrackedProperties = z.infer<typeof trackedProperties>;

/** Something that an app has seen its user do. Any name goes; what some names stand for is said here. */
export const trackedEvent = z.object({
  name: name.regex(/^[a-z][a-z0-9]*([_-][a-z0-9]+)*$/, {
    message: 'an event is called in-lower-case or in_lower_case',
  }),
  /** When, as the app's clock says. */
  at: z.iso.datetime({ offset: true }).max(TIME_MAX),
  properties: trackedProperties,
});
export type TrackedEvent = z.infer<typeof trackedEvent>;

/** The user has a content before their eyes. */
export const CONTENT_VIEWED = 'content-viewed';
export const contentViewedProperties = z.object({ contentId: documentId });
