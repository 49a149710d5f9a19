/** The text fields of an upload → what is asked for, checked field by field. */

import {
  CodedError,
  modelNameSchema,
  PRIORITY_CLASSES,
  type TranscriptionOptions,
  transcriptionOptionsSchema,
} from '@amanuensis/contract';
import { z } from 'zod';

const requestSchema = z.strictObject({
  model: modelNameSchema.optional(),
  webhook_url: z.string().min(1).optional(),
  priority: z.enum(PRIORITY_CLASSES).default('normal'),
});
export type SubmitRequest = z.output<typeof requestSchema> & {
  readonly options: TranscriptionOptions;
};

export const FORM_FIELDS: readonly string[] = [
  ...Object.keys(requestSchema.shape),
  ...Object.keys(transcriptionOptionsSchema.shape),
];

/** Values of these are text as it stands; numbers, booleans, lists and null are JSON. */
const TEXT_OPTIONS: ReadonlySet<string> = new Set([
  'language',
  'task',
  'mode',
  'channels',
  'prompt',
  'hotwords',
  'prefix',
  'prepend_punctuations',
  'append_punctuations',
]);

/**
 * @param values by field, of {@link FORM_FIELDS} only.
 * @throws CodedError `invalid_request` that names the field.
 */
export function formToRequest(values: Readonly<Record<string, string>>): SubmitRequest {
  const request: Record<string, unknown> = {};
  const options: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(values)) {
    if (Object.hasOwn(requestSchema.shape, name)) request[name] = text;
    else options[name] = TEXT_OPTIONS.has(name) ? text : parseJson(name, text);
  }
  return { ...check(requestSchema, request), options: check(transcriptionOptionsSchema, options) };
}

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = `${name}: must be a number, true, false, null or a JSON list.`;
    throw new CodedError('invalid_request', message, { cause });
  }
}

function check<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CodedError('invalid_request', `${issue?.path.join('.')}: ${issue?.message}.`);
}
