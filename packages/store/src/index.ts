/** Where the bytes lie: recordings and transcripts, known by keys. */

export * from './blob-store.ts';
export * from './errors.ts';
export { FileStore } from './file-store.ts';
