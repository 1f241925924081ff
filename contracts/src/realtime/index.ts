export * from './channels.ts';
export * from './codes.ts';
export * from './publication.ts';
