/** The vocabulary of a model folder, as `tokenizer.json` or as the older files hold it. */

import { z } from 'zod';
import { ModelError } from '../model/model-error.ts';
import { readModelJson, readModelText, readOptionalModelJson } from '../model/model-file.ts';

const CONTROL_TOKEN = /^<\|.*\|>$/;
const MERGES_HEADER = '#version';

const vocabSchema = z.record(z.string(), z.int().min(0));
const tokenizerSchema = z.looseObject({
  added_tokens: z.array(z.looseObject({ id: z.int().min(0), content: z.string() })),
  model: z.looseObject({ vocab: vocabSchema, merges: z.array(z.unknown()) }),
});
/** Tokens of which only the order is known: each is a name, or an object that holds it. */
const specialListSchema = z.looseObject({
  additional_special_tokens: z
    .array(
      z.union([z.string(), z.looseObject({ content: z.string() }).transform((it) => it.content)]),
    )
    .nullish(),
});
const tokenizerConfigSchema = specialListSchema.extend({
  added_tokens_decoder: z
    .record(z.string().regex(/^\d+$/), z.looseObject({ content: z.string() }))
    .nullish(),
});

export interface Vocabulary {
  /** What tokenizer libraries read; without added tokens, so that no text can name a control token. */
  readonly definition: Readonly<Record<string, unknown>>;
  /** Token ids by spelling. */
  readonly vocab: Readonly<Record<string, number>>;
  /** Token ids by name, `<|...|>`. */
  readonly controlTokens: ReadonlyMap<string, number>;
}

/**
 * Reads `tokenizer.json`; where it is absent `vocab.json` and `merges.txt`, and what
 * `added_tokens.json`, `tokenizer_config.json` and `special_tokens_map.json` add to them.
 *
 * @throws ModelError `missing_file` or `invalid_file`.
 */
export async function readVocabulary(folder: string): Promise<Vocabulary> {
  const file = 'tokenizer.json';
  const json = await readOptionalModelJson(folder, file);
  if (json === null) return await readVocabAndMerges(folder);
  const { added_tokens, model, ...rest } = parse(tokenizerSchema, json, file);
  const added = added_tokens.map(({ content, id }) => [content, id] as const);
  return {
    definition: { ...rest, model, added_tokens: [], post_processor: null },
    vocab: model.vocab,
    controlTokens: controlTokens(Object.entries(model.vocab), added),
  };
}

async function readVocabAndMerges(folder: string): Promise<Vocabulary> {
  const vocab = parse(vocabSchema, await readModelJson(folder, 'vocab.json'), 'vocab.json');
  const merges = parseMerges(await readModelText(folder, 'merges.txt'));
  const model = { type: 'BPE', unk_token: null, vocab, merges };
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, use_regex: true };
  return {
    definition: {
      normalizer: null,
      pre_tokenizer: byteLevel,
      post_processor: null,
      decoder: byteLevel,
      added_tokens: [],
      model,
    },
    vocab,
    controlTokens: controlTokens(Object.entries(vocab), await readAddedTokens(folder, vocab)),
  };
}

/** One merge a line: two spellings and the space between them. */
function parseMerges(text: string): string[] {
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  const merges = lines[0]?.startsWith(MERGES_HEADER) ? lines.slice(1) : lines;
  const damaged = merges.find((line) => !/^\S+ \S+$/.test(line));
  if (damaged === undefined) return merges;
  throw new ModelError('invalid_file', `merges.txt: not a merge: ${damaged.slice(0, 80)}`);
}

/** Tokens with an id keep it; those that are only listed follow behind all others, in their order. */
async function readAddedTokens(
  folder: string,
  vocab: Readonly<Record<string, number>>,
): Promise<Iterable<readonly [string, number]>> {
  const optional = async <Schema extends z.ZodType>(schema: Schema, file: string) =>
    parse(schema, (await readOptionalModelJson(folder, file)) ?? {}, file);
  const withIds = await optional(vocabSchema, 'added_tokens.json');
  const config = await optional(tokenizerConfigSchema, 'tokenizer_config.json');
  const map = await optional(specialListSchema, 'special_tokens_map.json');
  const ids = new Map([...Object.entries(vocab), ...Object.entries(withIds)]);
  for (const [id, { content }] of Object.entries(config.added_tokens_decoder ?? {})) {
    ids.set(content, Number(id));
  }
  let next = 1 + [...ids.values()].reduce((a, b) => Math.max(a, b), -1);
  for (const name of map.additional_special_tokens ?? config.additional_special_tokens ?? []) {
    if (!ids.has(name)) ids.set(name, next++);
  }
  return ids;
}

function controlTokens(
  ...lists: Iterable<readonly [string, number]>[]
): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  for (const list of lists) {
    for (const [name, id] of list) if (CONTROL_TOKEN.test(name)) ids.set(name, id);
  }
  return ids;
}

function parse<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  file: string,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new ModelError('invalid_file', `${file}: ${issue?.path.join('.')}: ${issue?.message}`);
}
