export * from './content.ts';
export * from './document.ts';
export * from './moderation.ts';
export * from './notification.ts';
export * from './storage.ts';
export * from './timestamp.ts';
export * from './upload.ts';
export * from './user.ts';
export { documentId } from '../text.ts';
