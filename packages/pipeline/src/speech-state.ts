/** What goes on from one window of a recording to the next. */

export interface SpeechState {
  /** Whisper's code; null until it is detected. */
  language: string | null;
  /** Of the detected language; null where it was given, or the model knows only one. */
  languageProbability: number | null;
  /** Tokens that the next window is told it continues. */
  previousTokens: readonly number[];
  /** Where the last word so far ends, in frames of what the windows move along. */
  lastSpeechFrame: number;
}
