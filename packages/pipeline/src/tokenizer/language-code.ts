/** Spellings of a language's code → Whisper's. */

/** Codes of the same languages: Hebrew in English-only vocabularies, Javanese in ISO 639. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['iw', 'he'],
  ['jv', 'jw'],
]);

/** The code that `LANGUAGE_CODES` has for a language, where it has it. */
export function canonicalLanguageCode(code: string): string {
  const lower = code.toLowerCase();
  return ALIASES.get(lower) ?? lower;
}
