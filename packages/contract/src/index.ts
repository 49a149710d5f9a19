/** What a job, a transcript, an event and an error are: plain data, shared by every process. */

export * from './device-status.ts';
export * from './error-code.ts';
export * from './job-state.ts';
export * from './language.ts';
export * from './transcript.ts';
export * from './transcript-to-srt.ts';
export * from './transcript-to-text.ts';
export * from './transcript-to-vtt.ts';
export * from './transcription.ts';
export * from './transcription-job.ts';
export * from './transcription-options.ts';
export * from './webhook-event.ts';
