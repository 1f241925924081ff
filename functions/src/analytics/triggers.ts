import { onCall } from '../platform/on-call.ts';
import { trackEvents, trackRequest } from './track-events.ts';

/** `{events: [{name, at, properties}]}` → `{}`: what an app has seen its user do; all of it is taken, or nothing. */
export const track = onCall('analytics-track', { input: trackRequest, changes: true }, trackEvents);
