/** What a job, a transcript, an event and an error are: plain data, shared by every process. */

export * from './device-status.ts';
export * from './error-code.ts';
export * from './fair-shares.ts';
export * from './job-state.ts';
export * from './language.ts';
export * from './subtitle-options.ts';
export * from './transcript.ts';
export * from './transcript-formats.ts';
export * from './transcript-to-openai-json.ts';
export * from './transcript-to-srt.ts';
export * from './transcript-to-text.ts';
export * from './transcript-to-tsv.ts';
export * from './transcript-to-verbose-json.ts';
export * from './transcript-to-vtt.ts';
export * from './transcription.ts';
export * from './transcription-job.ts';
export * from './transcription-options.ts';
export * from './webhook-event.ts';
