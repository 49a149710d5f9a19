/** What a failing decoder said last, fit to be shown to a user. */

const MAX_LENGTH = 200;
/** `[mp3 @ 0x55d0c8a3]`: which part of FFmpeg speaks. */
const SPEAKER = /^(?:\[[^\]]*\] )+/;
/** Says only that something was wrong. */
const EMPTY_WORDS = /Invalid data found when processing input$|^Conversion failed!$/;

/** The last line that says something, without paths or control characters; empty when none does. */
export function lastWords(stderr: string, path: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    .map((line) =>
      line
        .replaceAll(path, 'the recording')
        .replaceAll('file:the recording', 'the recording')
        .replaceAll(/(?:\w+:)?\/\S+/g, '…')
        .replaceAll(/\p{Cc}/gu, ' ')
        .replace(SPEAKER, '')
        .trim(),
    )
    .filter((line) => line !== '' && !EMPTY_WORDS.test(line));
  return (lines.at(-1) ?? '').slice(0, MAX_LENGTH);
}
