/** Transcript → what OpenAI's API answers for `response_format=json`. */

import { z } from 'zod';
import { CodedError } from './error-code.ts';
import type { Segment, Transcript } from './transcript.ts';

/** A token of the text; timestamps are none. */
const tokenLogprobSchema = z.strictObject({
  token: z.string(),
  /** Of the token, in UTF-8. */
  bytes: z.array(z.int().min(0).max(255)),
  logprob: z.number(),
});
type TokenLogprob = z.infer<typeof tokenLogprobSchema>;

export const openaiJsonSchema = z.strictObject({
  text: z.string(),
  logprobs: z.array(tokenLogprobSchema).exactOptional(),
});
export type OpenaiJson = z.infer<typeof openaiJsonSchema>;

export interface OpenaiJsonOptions {
  /** Whether `include[]` of the request holds `logprobs`. */
  readonly includesLogprobs?: boolean;
}

/** @throws CodedError `invalid_request`: the transcript was made without the texts of its tokens. */
export function transcriptToOpenaiJson(
  { text, segments }: Transcript,
  { includesLogprobs = false }: OpenaiJsonOptions = {},
): OpenaiJson {
  const json: OpenaiJson = { text: text.trim() };
  if (includesLogprobs) json.logprobs = segments.flatMap(tokenLogprobs);
  return json;
}

/**
 * Tokens that share a character are one entry, whose log-probability is their sum: that of all of
 * them in a row.
 */
function tokenLogprobs({ token_texts, token_logprobs }: Segment): TokenLogprob[] {
  if (token_texts === undefined) {
    const problem =
      'the transcript has no logprobs, as it was made without the texts of its tokens';
    throw new CodedError('invalid_request', `include: ${problem}.`);
  }
  const entries: TokenLogprob[] = [];
  let logprob = 0;
  for (const [index, token] of token_texts.entries()) {
    if (isTimestamp(token)) continue;
    logprob += token_logprobs[index] ?? 0;
    if (token === '') continue;
    entries.push({ token, bytes: [...new TextEncoder().encode(token)], logprob });
    logprob = 0;
  }
  return entries;
}

function isTimestamp(token: string): boolean {
  return /^<\|\d+\.\d\d\|>$/.test(token);
}
