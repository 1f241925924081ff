/** Every function that is deployed, by service: `content-runPipeline` is `runPipeline` in `content/triggers.ts`. */
export * as analytics from './analytics/triggers.ts';
export * as content from './content/triggers.ts';
export * as moderation from './moderation/triggers.ts';
export * as notification from './notification/triggers.ts';
export * as operations from './operations/triggers.ts';
export * as social from './social/triggers.ts';
export * as storage from './storage/triggers.ts';
