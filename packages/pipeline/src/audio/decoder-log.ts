/** What a decoder says while it works: what it could not decode, and where it put silence. */

/** At the begin of a line, behind the parts of FFmpeg that speak; what a title says is no level. */
const ERROR = /^(?:\[[^\]]* @ \w+\] )*\[(?:error|fatal|panic)\] /;
const SILENCE = /^(?:\[[^\]]* @ \w+\] )*\[verbose\] adding (\d+) audio samples of silence$/;
/** What is kept of the last errors. */
const TAIL_LENGTH = 4096;
/** Longest line that is understood. */
const MAX_LINE_LENGTH = 4096;

/** Reads the log of an ffmpeg with the flags `repeat+level+verbose`. */
export class DecoderLog {
  #line = '';
  #errors = '';
  #silenceSamples = 0;

  /** The last errors, a line each; empty where all was well. */
  get errors(): string {
    return this.#errors;
  }

  /** Samples of silence in place of sound that is missing, at the recording's own rate. */
  get silenceSamples(): number {
    return this.#silenceSamples;
  }

  /** Takes the next piece of the log, which may end anywhere. */
  readonly push = (text: string): void => {
    const lines = (this.#line + text).split(/[\r\n]+/);
    this.#line = (lines.pop() ?? '').slice(-MAX_LINE_LENGTH);
    for (const line of lines) this.#read(line);
  };

  #read(line: string): void {
    if (ERROR.test(line)) this.#errors = `${this.#errors}${line}\n`.slice(-TAIL_LENGTH);
    const [, silence] = SILENCE.exec(line) ?? [];
    if (silence !== undefined) this.#silenceSamples += Number(silence);
  }
}
