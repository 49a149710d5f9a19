/** Which files of a repository make a Whisper that this program reads. */

import type { RepositoryFile } from './hub-repository.ts';
import { PullError } from './pull-error.ts';

const CONFIG_FILE = 'config.json';
const WEIGHTS_FILE = 'model.safetensors';
const INDEX_FILE = 'model.safetensors.index.json';
const SHARD = /^model-(\d{5})-of-(\d{5})\.safetensors$/;
/** Either is a whole vocabulary. */
const VOCABULARIES = [['tokenizer.json'], ['vocab.json', 'merges.txt']] as const;
/** Whichever there are: older models lack some, and few are needed for each. */
const SETTINGS: readonly string[] = [
  CONFIG_FILE,
  'generation_config.json',
  'preprocessor_config.json',
  ...VOCABULARIES.flat(),
  'added_tokens.json',
  'special_tokens_map.json',
  'tokenizer_config.json',
  'normalizer.json',
];
/** Weights in formats that are not read. */
const OTHER_WEIGHTS =
  /\.(bin|pt|pth|ckpt|h5|msgpack|onnx|gguf|ggml|nemo|npz|mlmodelc|safetensors)$/;

/**
 * Small files first: what they say may spare the large ones.
 *
 * @throws PullError `not_a_model` or `no_safetensors`, with what the repository has instead.
 */
export function chooseModelFiles(
  repository: string,
  files: readonly RepositoryFile[],
): RepositoryFile[] {
  const names = new Set(files.map(({ name }) => name));
  const has = (name: string) => names.has(name);
  const chosen = new Set([...SETTINGS.filter(has), ...weightsAmong(repository, names)]);
  if (!has(CONFIG_FILE) || !VOCABULARIES.some((vocabulary) => vocabulary.every(has))) {
    const missing = has(CONFIG_FILE) ? 'tokenizer.json' : CONFIG_FILE;
    throw new PullError(
      'not_a_model',
      `${repository} has no ${missing}: it is no Whisper as Hugging Face's Transformers keep it.`,
    );
  }
  const isWeights = ({ name }: RepositoryFile) => Number(name.endsWith('.safetensors'));
  return files
    .filter(({ name }) => chosen.has(name))
    .toSorted((a, b) => isWeights(a) - isWeights(b) || (a.name < b.name ? -1 : 1));
}

function weightsAmong(repository: string, names: ReadonlySet<string>): readonly string[] {
  if (names.has(WEIGHTS_FILE)) return [WEIGHTS_FILE];
  const shards = [...names].filter((name) => SHARD.test(name)).toSorted();
  if (!names.has(INDEX_FILE) || shards.length === 0) throw noSafetensors(repository, names);
  const count = Number(SHARD.exec(shards[0] ?? '')?.[2]);
  const isWhole = shards.every((name, index) => {
    const [, number, of] = SHARD.exec(name) ?? [];
    return Number(number) === index + 1 && Number(of) === count;
  });
  if (!isWhole || shards.length !== count) {
    throw new PullError(
      'not_a_model',
      `${repository} has not all parts of its weights, only ${shards.join(', ')}.`,
    );
  }
  return [INDEX_FILE, ...shards];
}

function noSafetensors(repository: string, names: ReadonlySet<string>): PullError {
  const others = [...names].filter((name) => OTHER_WEIGHTS.test(name)).toSorted();
  const instead = others.length === 0 ? 'no weights at all' : `only ${others.join(', ')}`;
  return new PullError(
    'no_safetensors',
    `${repository} has no ${WEIGHTS_FILE}, ${instead}. Weights are read from safetensors: take a ` +
      'repository of the model that has them, or have them made by ' +
      'https://huggingface.co/spaces/safetensors/convert and pull with `--revision refs/pr/NUMBER`.',
  );
}
